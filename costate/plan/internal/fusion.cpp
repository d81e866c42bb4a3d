#include "costate/plan/internal/fusion.h"

#include <optional>

#include "costate/graph/extension.h"
#include "costate/plan/internal/operand_rules.h"

namespace costate::internal {
namespace {

/// The constant `value`, perhaps broadcast.
bool reads_constant(const Function& function, NodeId id, double value) {
  const Node* node = &function.node(id);
  if (node->op == Op::kBroadcast) node = &function.node(node->operands[0]);
  return node->op == Op::kConstant && node->values.size() == 1 && node->values[0] == value;
}

std::optional<Epilogue> epilogue_of(Op op) {
  switch (op) {
    case Op::kTanh:
      return Epilogue::kTanh;
    case Op::kSigmoid:
      return Epilogue::kSigmoid;
    case Op::kSoftplus:
      return Epilogue::kSoftplus;
    case Op::kRelu:
      return Epilogue::kRelu;
    default:
      return std::nullopt;
  }
}

/// What the derivative of an activation z does to a product: times `node`, or by the condition `node`.
struct Slope {
  Epilogue epilogue = Epilogue::kNone;
  NodeId node = -1, z = -1;
};

/// 1 - z², or z (1 - z).
Slope slope_factor(const Function& function, NodeId id) {
  const Node& node = function.node(id);
  const auto one_minus = [&](const Node& difference) {
    return difference.op == Op::kSub && reads_constant(function, difference.operands[0], 1.0) ? difference.operands[1]
                                                                                              : NodeId{-1};
  };
  if (const NodeId subtracted = one_minus(node); subtracted >= 0) {
    const Node& square = function.node(subtracted);
    if (square.op == Op::kMul && square.operands[0] == square.operands[1])
      return {Epilogue::kTanhSlope, id, square.operands[0]};
  }
  if (node.op == Op::kMul && one_minus(function.node(node.operands[1])) == node.operands[0])
    return {Epilogue::kSigmoidSlope, id, node.operands[0]};
  return {};
}

/// The slope that `reader` applies to a product, for a z of each sample.
Slope slope_of_reader(const Function& function, const Placement& placement, NodeId reader, NodeId product) {
  const Node& node = function.node(reader);
  Slope slope;
  if (node.op == Op::kMul && node.operands[0] != node.operands[1])
    slope = slope_factor(function, node.operands[node.operands[0] == product ? 1 : 0]);
  if (node.op == Op::kWhere && node.operands[1] == product && reads_constant(function, node.operands[2], 0.0)) {
    const Node& test = function.node(node.operands[0]);
    if (test.op == Op::kLess && reads_constant(function, test.operands[0], 0.0))
      slope = {Epilogue::kReluSlope, node.operands[0], test.operands[1]};
  }
  if (slope.z < 0 || placement.is_shared[slope.z] || !(function.node(slope.z).shape == node.shape)) return {};
  return slope;
}

/// A shared matrix times a sample's vector, or the other way round; or a sample's image under shared weights.
bool takes_epilogue(const Function& function, const Placement& placement, const Node& node) {
  if (node.op == Op::kConv2d || node.op == Op::kConv2dInput)
    return !placement.is_shared[node.operands[0]] && placement.is_shared[node.operands[1]];
  if (node.op != Op::kMatmul || node.shape.rank() != 1) return false;
  const bool left_shared = placement.is_shared[node.operands[0]];
  const bool right_shared = placement.is_shared[node.operands[1]];
  return left_shared != right_shared && function.node(node.operands[left_shared ? 0 : 1]).shape.rank() == 2;
}

PerNode<NodeId> only_readers(const Function& function, const Placement& placement, const PerNode<int>& reads) {
  PerNode<NodeId> reader(num_nodes(function), -1);
  for (NodeId id = 0; id < num_nodes(function); ++id) {
    if (!placement.is_needed[id]) continue;
    for (const NodeId operand : function.node(id).operands)
      if (reads[operand] == 1) reader[operand] = id;
  }
  return reader;
}

/// The shared value that `reader` adds to a product; -1 if it does anything else with it.
NodeId shared_bias(const Function& function, const Placement& placement, NodeId reader, NodeId product) {
  if (reader < 0 || function.node(reader).op != Op::kAdd) return -1;
  const std::vector<NodeId>& operands = function.node(reader).operands;
  const NodeId other = operands[operands[0] == product ? 1 : 0];
  return placement.is_shared[other] ? other : -1;
}

/// Slopes that nothing but fused products reads need not be computed.
void drop_slopes(const Function& function, const PerNode<int>& reads, const PerNode<int>& fused_reads, Fusion& fusion) {
  for (NodeId id = 0; id < reads.size(); ++id) {
    if (fused_reads[id] == 0 || fused_reads[id] != reads[id]) continue;
    fusion.is_inner[id] = true;
    const Node& slope = function.node(id);
    const NodeId inner = slope.operands[1];  // z², 1 - z; of a condition, z itself
    if (slope.op != Op::kLess && reads[inner] == 1) fusion.is_inner[inner] = true;
  }
}

/// Follows each product through its only readers: a bias, then an activation or the slope of one.
void fuse_products(const Function& function, const Placement& placement, const PerNode<int>& reads, Fusion& fusion) {
  const PerNode<NodeId> reader = only_readers(function, placement, reads);
  PerNode<int> fused_reads(reads.size());  // of slopes, by products
  for (NodeId id = 0; id < reads.size(); ++id) {
    if (!placement.is_needed[id] || !takes_epilogue(function, placement, function.node(id))) continue;
    NodeId last = id;
    const auto go_on_to = [&](NodeId next) {
      fusion.is_inner[last] = true;
      last = next;
    };
    const NodeId bias = shared_bias(function, placement, reader[id], last);
    if (bias >= 0) go_on_to(reader[id]);
    const NodeId next = reader[last];
    std::optional<Epilogue> epilogue = next < 0 ? std::nullopt : epilogue_of(function.node(next).op);
    const Slope slope = next < 0 || epilogue ? Slope{} : slope_of_reader(function, placement, next, last);
    if (slope.z >= 0) {
      epilogue = slope.epilogue;
      fusion.slope_of[next] = slope.z;
      ++fused_reads[slope.node];
    }
    if (epilogue) go_on_to(next);
    fusion.product[last] = id;
    fusion.bias[last] = bias;
    fusion.epilogue[last] = epilogue.value_or(Epilogue::kNone);
  }
  drop_slopes(function, reads, fused_reads, fusion);
}

/// An operand that nothing else reads, and that an instruction of its own would compute just before.
bool can_be_inner(const Function& function, const Placement& placement, const PerNode<int>& reads, const Fusion& fusion,
                  NodeId outer, NodeId operand) {
  return is_sum_or_product(function.node(operand).op) && reads[operand] == 1 && !placement.is_shared[operand] &&
         placement.phase[operand] == placement.phase[outer] &&
         function.node(operand).shape.size() == function.node(outer).shape.size() && !fusion.is_inner[operand] &&
         fusion.product[operand] < 0 && fusion.pair[operand] < 0;
}

void fuse_pairs(const Function& function, const Placement& placement, const PerNode<int>& reads, Fusion& fusion) {
  for (NodeId id = 0; id < num_nodes(function); ++id) {
    const Node& node = function.node(id);
    if (!placement.is_needed[id] || placement.is_shared[id] || fusion.is_inner[id] || fusion.product[id] >= 0 ||
        !is_sum_or_product(node.op))
      continue;
    for (const NodeId inner : node.operands) {
      if (!can_be_inner(function, placement, reads, fusion, id, inner)) continue;
      fusion.pair[id] = inner;
      fusion.is_inner[inner] = true;
      break;
    }
  }
}

void fuse_differences(const Function& function, const Placement& placement, const PerNode<int>& reads, Fusion& fusion) {
  for (NodeId id = 0; id < num_nodes(function); ++id) {
    const Node& node = function.node(id);
    if (node.op != Op::kAdd || !placement.is_needed[id] || placement.is_shared[id] || fusion.is_inner[id] ||
        fusion.product[id] >= 0 || fusion.pair[id] >= 0)
      continue;
    const NodeId negation = node.operands[0];
    if (function.node(negation).op != Op::kNeg || reads[negation] != 1 || placement.is_shared[negation] ||
        placement.phase[negation] != placement.phase[id] || fusion.is_inner[negation])
      continue;
    fusion.is_difference[id] = true;
    fusion.is_inner[negation] = true;
  }
}

}  // namespace

PerNode<int> count_reads(const Function& function, const Placement& placement) {
  PerNode<int> reads(num_nodes(function));
  const auto read = [&](NodeId id) { ++reads[id]; };
  for (NodeId id = 0; id < num_nodes(function); ++id)
    if (placement.is_needed[id])
      for (const NodeId operand : function.node(id).operands) read(operand);
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    if (function.outputs()[i].kind == OutputKind::kSample) read(function.outputs()[i].node);
    for (const SumTerm& term : placement.terms[i]) {
      const LaneProduct product = lane_product(function, placement.is_shared, term.node);
      if (product.is_valid()) {
        read(product.left);
        read(product.right);
      } else {
        const Node& node = function.node(term.node);
        read(term.node);
        if (node.op == Op::kExtension && node.extension->is_sum_only())  // the accumulation runs it itself
          for (const NodeId operand : node.operands) read(operand);
      }
    }
  }
  return reads;
}

Fusion fuse(const Function& function, const Placement& placement) {
  const PerNode<int> reads = count_reads(function, placement);
  Fusion fusion(num_nodes(function));
  fuse_products(function, placement, reads, fusion);
  fuse_pairs(function, placement, reads, fusion);
  fuse_differences(function, placement, reads, fusion);
  return fusion;
}

}  // namespace costate::internal
