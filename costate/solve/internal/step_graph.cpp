#include "costate/solve/internal/step_graph.h"

#include <algorithm>

#include "costate/graph/simplify.h"
#include "costate/solve/field_marks.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {

StepGraph::StepGraph(const VectorField& field, bool splits)
    : field_(field),
      is_split_(splits),
      implicit_part_(splits ? internal::implicit_part(field.function()) : Function()),
      explicit_part_(splits ? explicit_part_of(field.function()) : Function()),
      scope_(builder_) {}

void StepGraph::make_inputs(std::span<const double> nodes) {
  for (const double node : nodes)
    if (std::ranges::find(step_.nodes, node) == step_.nodes.end()) step_.nodes.push_back(node);
  for (std::size_t i = 0; i < step_.nodes.size(); ++i)
    times_.push_back(builder_.input(text::concat("t", i), InputKind::kSample, Shape{}));
  h_ = builder_.input("h", InputKind::kSample, Shape{});
  y_ = builder_.input("y", InputKind::kSample, Shape{field_.state_size()});
  const Function& function = field_.function();
  for (std::size_t i = 1 + field_.parts().size(); i < function.inputs().size(); ++i)
    arguments_.push_back(builder_.input_like(function.inputs()[i]));
}

const Array& StepGraph::time(double node) const {
  return times_[static_cast<std::size_t>(std::ranges::find(step_.nodes, node) - step_.nodes.begin())];
}

Array StepGraph::f(double node, const Array& y) {
  ++step_.evaluations;
  return evaluate(function(), node, y);
}

std::vector<Array> StepGraph::flat_inputs(double node, const Array& y) const {
  std::vector<Array> inputs = {time(node), y};
  inputs.insert(inputs.end(), arguments_.begin(), arguments_.end());
  return inputs;
}

Array StepGraph::evaluate(const Function& function, double node, const Array& y) const {
  std::vector<Array> inputs = {time(node)};
  for (const Array& part : split_state(y, field_.parts())) inputs.push_back(part);
  inputs.insert(inputs.end(), arguments_.begin(), arguments_.end());
  return join_state(inline_function(function, inputs));
}

StepFunction StepGraph::finish(std::span<const Array> outputs) {
  step_.function = simplify(builder_.finish(outputs));
  return std::move(step_);
}

}  // namespace costate::internal
