#include "costate/graph/internal/rebuild.h"

#include <string>
#include <utility>
#include <vector>

#include "costate/graph/internal/per_node.h"

namespace costate::internal {

Array append_copy(GraphBuilder& builder, Node node, std::span<const Array> operands) {
  for (std::size_t i = 0; i < operands.size(); ++i) node.operands[i] = operands[i].node();
  return builder.append(std::move(node));
}

Function finish_like(GraphBuilder& builder, const Function& like, std::span<const Array> outputs) {
  std::vector<OutputKind> kinds;
  std::vector<std::string> names;
  for (const Output& output : like.outputs()) {
    kinds.push_back(output.kind);
    names.push_back(output.name);
  }
  return builder.finish(outputs, std::move(kinds), std::move(names));
}

Function rebuild_function(GraphBuilder& builder, const Function& function,
                          const std::function<Array(const Node&, std::span<const Array>)>& make) {
  std::vector<Array> inputs;
  for (const Input& input : function.inputs()) inputs.push_back(builder.input_like(input));
  PerNode<Array> values;
  for (const Node& node : function.nodes()) {
    if (node.op == Op::kInput) {
      values.push_back(inputs[static_cast<std::size_t>(node.indices[0])]);
      continue;
    }
    std::vector<Array> operands;
    for (const NodeId operand : node.operands) operands.push_back(values[operand]);
    values.push_back(make(node, operands));
  }
  std::vector<Array> outputs;
  for (const Output& output : function.outputs()) outputs.push_back(values[output.node]);
  return finish_like(builder, function, outputs);
}

}  // namespace costate::internal
