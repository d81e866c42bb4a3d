#include "costate/graph/mark.h"

#include <algorithm>
#include <vector>

#include "costate/graph/simplify.h"

namespace costate {

Function drop_marks(const Function& function) {
  const auto is_mark = [](const Node& node) { return dynamic_cast<const GraphMark*>(node.extension.get()) != nullptr; };
  if (std::ranges::none_of(function.nodes(), is_mark)) return function;
  std::vector<Node> nodes = function.nodes();
  std::vector<NodeId> now(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (NodeId& operand : nodes[i].operands) operand = now[static_cast<std::size_t>(operand)];
    now[i] = is_mark(nodes[i]) ? nodes[i].operands[0] : static_cast<NodeId>(i);
  }
  std::vector<Output> outputs = function.outputs();
  for (Output& output : outputs) output.node = now[static_cast<std::size_t>(output.node)];
  return simplify(Function(std::move(nodes), function.inputs(), std::move(outputs)));
}

}  // namespace costate
