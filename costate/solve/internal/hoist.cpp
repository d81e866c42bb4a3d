#include "costate/solve/internal/hoist.h"

#include <algorithm>
#include <map>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

bool moves_only(Op op) {
  return op == Op::kReshape || op == Op::kTranspose || op == Op::kBroadcast || op == Op::kGather ||
         op == Op::kScatter || op == Op::kConcat;
}

/// For each node, whether it is to be taken out: computed from shared inputs, by arithmetic (kernels read moved weights
/// where they lie), and not larger than what it is made of, but for an image that convolutions make, which is worth it.
PerNode<bool> find_hoistable(const Function& function) {
  PerNode<std::int64_t> made_of;  // numbers of the shared inputs below a node; -1: it is no shared value
  PerNode<bool> hoistable;
  for (const Node& node : function.nodes()) {
    std::int64_t size = node.op == Op::kExtension ? -1 : 0;
    if (node.op == Op::kInput) {
      const Input& input = function.inputs()[static_cast<std::size_t>(node.indices[0])];
      size = input.kind == InputKind::kShared ? input.shape.size() : -1;
    }
    for (const NodeId operand : node.operands) {
      const std::int64_t below = made_of[operand];
      size = size < 0 || below < 0 ? -1 : size + below;
    }
    made_of.push_back(size);
    hoistable.push_back(node.op != Op::kInput && !moves_only(node.op) && size > 0 &&
                        (node.shape.size() <= size || node.op == Op::kConv2d));
  }
  // A convolution packs its weights and reads none where they lie. Those chosen from a Parameter are taken out, too:
  // their cotangents would be moved back for each sample, and so exist for each, and not only as a sum.
  for (const Node& node : function.nodes()) {
    if (node.op != Op::kConv2d) continue;
    const NodeId weights = node.operands[1];
    const bool is_chosen = function.node(weights).op == Op::kGather && made_of[weights] > 0;
    if (is_chosen && function.node(weights).shape.size() <= made_of[weights]) hoistable[weights] = true;
  }
  return hoistable;
}

/// The hoistable nodes that the rest of the field reads.
std::vector<NodeId> find_frontier(const Function& function, const PerNode<bool>& hoistable) {
  PerNode<bool> needed(num_nodes(function));
  std::vector<NodeId> frontier;
  for (const Output& output : function.outputs()) needed[output.node] = true;
  for (NodeId id = num_nodes(function); id-- > 0;) {
    if (!needed[id]) continue;
    if (hoistable[id]) {
      frontier.push_back(id);
      continue;
    }
    for (const NodeId operand : function.node(id).operands) needed[operand] = true;
  }
  std::reverse(frontier.begin(), frontier.end());
  return frontier;
}

}  // namespace

std::optional<HoistedField> hoist_shared(const VectorField& field) {
  const Function function = simplify(field.function());
  const std::vector<NodeId> frontier = find_frontier(function, find_hoistable(function));
  if (frontier.empty()) return std::nullopt;
  std::vector<Output> values;
  std::vector<ArgumentSpec> arguments = field.arguments();
  for (const NodeId id : frontier) {
    values.push_back({"shared", OutputKind::kSample, id});
    arguments.push_back({text::concat("shared", id), function.node(id).shape, InputKind::kShared});
  }
  const std::size_t num_given = 1 + field.parts().size() + field.arguments().size();
  VectorField rest =
      build_field(field.parts(), arguments, [&](Array t, std::span<const Array> state, std::span<const Array> more) {
        std::vector<Array> inputs = {t};
        inputs.insert(inputs.end(), state.begin(), state.end());
        inputs.insert(inputs.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(field.arguments().size()));
        std::map<NodeId, Array> known;
        for (std::size_t i = 0; i < frontier.size(); ++i) known[frontier[i]] = more[field.arguments().size() + i];
        const auto rebuild = [&](const auto& self, NodeId id) -> Array {
          if (const auto found = known.find(id); found != known.end()) return found->second;
          Node node = function.node(id);
          if (node.op == Op::kInput) {
            const auto position = static_cast<std::size_t>(node.indices[0]);
            return known[id] = position < num_given ? inputs[position] : Array(*function.inputs()[position].parameter);
          }
          for (NodeId& operand : node.operands) operand = self(self, operand).node();
          return known[id] = t.builder()->append(std::move(node));
        };
        std::vector<Array> slopes;
        for (const Output& output : function.outputs()) slopes.push_back(rebuild(rebuild, output.node));
        return slopes;
      });
  return HoistedField{std::move(rest), simplify(Function(function.nodes(), function.inputs(), std::move(values)))};
}

}  // namespace costate::internal
