#include "costate/models/deep_net.h"

#include <cmath>
#include <string>

#include "costate/base/names.h"
#include "costate/nn/activations.h"

namespace costate {
namespace {

constexpr std::string_view kSkips[] = {"none", "identity"};

Linear hidden_layer(const DeepNetOptions& options, std::int64_t i) {
  const auto stream = static_cast<std::uint64_t>(2 + i);
  const Linear layer({.inputs = options.width,
                      .outputs = options.width,
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

std::string name(Skip skip) { return spelling(skip, kSkips); }

Skip skip_from_name(const std::string& name) { return from_spelling<Skip>("DeepNet", "skip", name, kSkips); }

DeepNet::DeepNet(const DeepNetOptions& options)
    : options_(options),
      first_({.inputs = options.inputs,
              .outputs = options.width,
              .init = Init::kHeNormal,
              .source = {options.seed, 0},
              .name = "first"}),
      last_({.inputs = options.width,
             .outputs = options.outputs,
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
  for (const Linear& layer : layers_) h = options_.skip == Skip::kNone ? relu(layer(h)) : h + relu(layer(h));
  return last_(h);
}

}  // namespace costate
