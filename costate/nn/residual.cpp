#include "costate/nn/residual.h"

#include "costate/base/error.h"

namespace costate {

Residual::Residual(const ResidualOptions& options) : branch_(options.branch), scale_(options.scale) {
  if (options.branch.in != options.branch.out)
    throw InvalidArgument("[Residual] x and F(x) must have one size; got in = ", options.branch.in,
                          ", out = ", options.branch.out, ".");
}

}  // namespace costate
