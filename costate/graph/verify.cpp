#include "costate/graph/verify.h"

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/infer.h"

namespace costate {
namespace {

/// What is wrong with a node, or "".
std::string fault_of(const Function& function, const Node& node, NodeId id) {
  std::vector<Shape> shapes;
  for (const NodeId operand : node.operands) {
    if (operand < 0 || operand >= id) return text::concat("reads %", operand, ", which is not an earlier node");
    shapes.push_back(function.node(operand).shape);
  }
  const int arity = info(node.op).arity;
  if (arity >= 0 && node.operands.size() != static_cast<std::size_t>(arity))
    return text::concat("has ", node.operands.size(), " operands, not ", arity);
  if (node.op == Op::kInput) {
    const bool is_known = node.indices.size() == 1 && node.indices[0] >= 0 &&
                          node.indices[0] < static_cast<std::int64_t>(function.inputs().size());
    if (!is_known) return "is an input that the function does not have";
    const Shape& shape = function.inputs()[static_cast<std::size_t>(node.indices[0])].shape;
    return shape == node.shape ? "" : text::concat("has shape ", node.shape, ", its input ", shape);
  }
  if (node.op == Op::kConstant) {
    const auto size = static_cast<std::int64_t>(node.values.size());
    return size == 1 || size == node.shape.size() ? "" : text::concat("has ", size, " numbers for shape ", node.shape);
  }
  if (node.op == Op::kExtension && !node.extension) return "has no extension";
  const Shape inferred = node.op == Op::kExtension ? node.extension->infer_shape(shapes)
                                                   : internal::infer_shape(node.op, shapes, node.indices, node.shape);
  return inferred == node.shape ? "" : text::concat("has shape ", node.shape, ", inference gives ", inferred);
}

}  // namespace

void verify(const Function& function) {
  const auto count = static_cast<NodeId>(function.nodes().size());
  for (NodeId id = 0; id < count; ++id) {
    std::string fault;
    try {
      fault = fault_of(function, function.node(id), id);
    } catch (const Error& error) {  // of inference, which knows no node
      fault = error.what();
    }
    if (!fault.empty())
      throw InternalError("[verify] node %", id, " (", info(function.node(id).op).name, ") ", fault, ".");
  }
  for (const Output& output : function.outputs())
    if (output.node < 0 || output.node >= count)
      throw InternalError("[verify] output '", output.name, "' is node %", output.node, ", which does not exist.");
}

}  // namespace costate
