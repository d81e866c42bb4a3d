#include "costate/models/conv_field.h"

#include "costate/models/image_norm.h"
#include "costate/nn/join_parameters.h"

namespace costate {
namespace {

ConcatConv2d layer(const ConvFieldOptions& options, std::uint64_t index) {
  return ConcatConv2d({.inputs = options.channels,
                       .outputs = options.channels,
                       .convolution = {.padding = 1},
                       .source = {options.source.seed, options.source.stream + index},
                       .name = options.name + ".conv" + std::to_string(index)});
}

}  // namespace

ConvField::ConvField(const ConvFieldOptions& options)
    : options_(options),
      first_norm_(image_norm(options.channels, options.name + ".norm0")),
      second_norm_(image_norm(options.channels, options.name + ".norm1")),
      last_norm_(image_norm(options.channels, options.name + ".norm2")),
      first_(layer(options, 0)),
      second_(layer(options, 1)),
      parameters_(join_parameters(first_norm_, first_, second_norm_, second_, last_norm_)) {}

Array ConvField::operator()(const Array& t, const Array& x) const {
  const Array hidden = first_(t, activate(options_.activation, first_norm_(x)));
  return last_norm_(second_(t, activate(options_.activation, second_norm_(hidden))));
}

}  // namespace costate
