#include "costate/nn/mlp.h"

#include "costate/base/error.h"

namespace costate {

Mlp::Mlp(const MlpOptions& options) : options_(options) {
  std::vector<std::int64_t> widths = {options.inputs};
  widths.insert(widths.end(), options.hidden.begin(), options.hidden.end());
  widths.push_back(options.outputs);
  for (const std::int64_t width : widths)
    if (width < 1) throw InvalidArgument("[Mlp] all widths must be at least 1; got ", text::join(widths), ".");
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    layers_.emplace_back(LinearOptions{.inputs = widths[i],
                                       .outputs = widths[i + 1],
                                       .init = options.init,
                                       .source = {.seed = options.seed, .stream = i},
                                       .name = options.name + "." + std::to_string(i)});
    parameters_.insert(parameters_.end(), layers_.back().parameters().begin(), layers_.back().parameters().end());
  }
}

Array Mlp::operator()(const Array& x) const {
  Array hidden = layers_.front()(x);
  for (std::size_t i = 1; i < layers_.size(); ++i) hidden = layers_[i](activate(options_.activation, hidden));
  return hidden;
}

}  // namespace costate
