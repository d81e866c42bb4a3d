#include "costate/nn/linear.h"

#include "costate/base/error.h"

namespace costate {

Linear::Linear(const LinearOptions& options) : options_(options) {
  if (options.inputs < 1 || options.outputs < 1)
    throw InvalidArgument("[Linear] inputs and outputs must be at least 1; got inputs = ", options.inputs,
                          ", outputs = ", options.outputs, ".");
  const Shape shape{options.outputs, options.inputs};
  parameters_.emplace_back(options.name + ".weight", initial_weights(options.init, shape, options.source));
  parameters_.emplace_back(options.name + ".bias", initial_bias(options.init, shape, options.source));
}

Array Linear::operator()(const Array& x) const {
  const Parameter& weight = parameters_[0];
  if (!(x.shape() == Shape{weight.shape()[1]}))
    throw ShapeError("[Linear] '", weight.name(), "' takes a vector of shape [", weight.shape()[1], "]; got ",
                     x.shape(), ".");
  const Array product = matmul(weight, x);  // before the bias: Parameters are inputs in the order of their first use
  return product + parameters_[1];
}

}  // namespace costate
