#include "costate/models/residual_conv.h"

#include "costate/models/image_norm.h"
#include "costate/nn/join_parameters.h"

namespace costate {
namespace {

Conv2d layer(const ResidualConvOptions& options, std::uint64_t index) {
  return Conv2d({.inputs = options.channels,
                 .outputs = options.channels,
                 .convolution = {.padding = 1},
                 .bias = false,
                 .source = {options.source.seed, options.source.stream + index},
                 .name = options.name + ".conv" + std::to_string(index)});
}

}  // namespace

ResidualConv::ResidualConv(const ResidualConvOptions& options)
    : options_(options),
      first_norm_(image_norm(options.channels, options.name + ".norm0")),
      second_norm_(image_norm(options.channels, options.name + ".norm1")),
      first_(layer(options, 0)),
      second_(layer(options, 1)),
      parameters_(join_parameters(first_norm_, first_, second_norm_, second_)) {}

Array ResidualConv::operator()(const Array& x) const {
  const Array hidden = first_(relu(first_norm_(x)));
  return x + second_(relu(second_norm_(hidden)));
}

}  // namespace costate
