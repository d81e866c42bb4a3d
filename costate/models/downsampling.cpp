#include "costate/models/downsampling.h"

#include "costate/models/image_norm.h"
#include "costate/nn/join_parameters.h"

namespace costate {
namespace {

Conv2d layer(const DownsamplingOptions& options, std::uint64_t index) {
  const bool is_first = index == 0;
  return Conv2d({.inputs = is_first ? options.inputs : options.channels,
                 .outputs = options.channels,
                 .kernel = is_first ? 3 : 4,
                 .convolution = is_first ? ConvOptions{} : ConvOptions{.stride = 2, .padding = 1},
                 .source = {options.source.seed, options.source.stream + index},
                 .name = options.name + ".conv" + std::to_string(index)});
}

}  // namespace

Downsampling::Downsampling(const DownsamplingOptions& options)
    : options_(options),
      first_(layer(options, 0)),
      second_(layer(options, 1)),
      third_(layer(options, 2)),
      first_norm_(image_norm(options.channels, options.name + ".norm0")),
      second_norm_(image_norm(options.channels, options.name + ".norm1")),
      parameters_(join_parameters(first_, first_norm_, second_, second_norm_, third_)) {}

Array Downsampling::operator()(const Array& image) const {
  const Array halved = second_(relu(first_norm_(first_(image))));
  return third_(relu(second_norm_(halved)));
}

}  // namespace costate
