#include "costate/nn/residual.h"

#include "costate/base/error.h"

namespace costate {

Residual::Residual(const ResidualOptions& options) : options_(options), branch_(options.branch) {
  if (options.branch.inputs != options.branch.outputs)
    throw InvalidArgument("[Residual] x and F(x) must have one size; got inputs = ", options.branch.inputs,
                          ", outputs = ", options.branch.outputs, ".");
}

}  // namespace costate
