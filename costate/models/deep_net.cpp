#include "costate/models/deep_net.h"

#include <cmath>
#include <string>

#include "costate/base/error.h"
#include "costate/nn/activations.h"

namespace costate {
namespace {

Linear hidden_layer(const DeepNetOptions& options, std::int64_t i) {
  const auto stream = static_cast<std::uint64_t>(2 + i);
  const Linear layer({.in = options.width,
                      .out = options.width,
                      .init = Init::kHeNormal,
                      .source = {options.seed, stream},
                      .name = "layer" + std::to_string(i)});
  if (options.skip == Skip::kNone) return layer;
  const Parameter& weight = layer.parameters()[0];
  HostArray small = weight.value();
  for (double& w : small.data<double>()) w /= std::sqrt(static_cast<double>(options.depth));
  weight.set_value(small);
  return layer;
}

}  // namespace

DeepNet::DeepNet(const DeepNetOptions& options)
    : skip_(options.skip),
      first_({.in = options.in,
              .out = options.width,
              .init = Init::kHeNormal,
              .source = {options.seed, 0},
              .name = "first"}),
      last_({.in = options.width,
             .out = options.out,
             .init = Init::kGlorotUniform,
             .source = {options.seed, 1},
             .name = "last"}) {
  if (options.depth < 0) throw InvalidArgument("[DeepNet] depth must not be negative; got ", options.depth, ".");
  for (std::int64_t i = 0; i < options.depth; ++i) layers_.push_back(hidden_layer(options, i));
  const auto add = [&](const Linear& layer) {
    parameters_.insert(parameters_.end(), layer.parameters().begin(), layer.parameters().end());
  };
  add(first_);
  for (const Linear& layer : layers_) add(layer);
  add(last_);
}

Array DeepNet::operator()(const Array& x) const {
  Array h = relu(first_(x));
  for (const Linear& layer : layers_) h = skip_ == Skip::kNone ? relu(layer(h)) : h + relu(layer(h));
  return last_(h);
}

}  // namespace costate
