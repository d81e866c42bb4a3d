#include "costate/plan/internal/fusion.h"

#include <optional>

#include "costate/graph/extension.h"

namespace costate::internal {
namespace {

bool is_constant_zero(const Node& node) {
  return node.op == Op::kConstant && node.values.size() == 1 && node.values[0] == 0.0;
}

bool reads_zero(const Function& function, NodeId id) {
  const Node& node = function.node(id);
  return is_constant_zero(node) || (node.op == Op::kBroadcast && is_constant_zero(function.node(node.operands[0])));
}

std::optional<Epilogue> epilogue_of(const Function& function, const Node& node) {
  switch (node.op) {
    case Op::kTanh:
      return Epilogue::kTanh;
    case Op::kSigmoid:
      return Epilogue::kSigmoid;
    case Op::kSoftplus:
      return Epilogue::kSoftplus;
    case Op::kMax:
      if (reads_zero(function, node.operands[1])) return Epilogue::kRelu;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

/// A shared matrix times a sample's vector, or the other way round.
bool is_gemm(const Function& function, const Placement& placement, const Node& node) {
  if (node.op != Op::kMatmul || node.shape.rank() != 1) return false;
  const bool left_shared = placement.is_shared[static_cast<std::size_t>(node.operands[0])];
  const bool right_shared = placement.is_shared[static_cast<std::size_t>(node.operands[1])];
  return left_shared != right_shared && function.node(node.operands[left_shared ? 0 : 1]).shape.rank() == 2;
}

std::vector<NodeId> only_readers(const Function& function, const Placement& placement, const std::vector<int>& reads) {
  std::vector<NodeId> reader(function.nodes().size(), -1);
  for (std::size_t id = 0; id < function.nodes().size(); ++id) {
    if (!placement.is_needed[id]) continue;
    for (const NodeId operand : function.nodes()[id].operands)
      if (reads[static_cast<std::size_t>(operand)] == 1)
        reader[static_cast<std::size_t>(operand)] = static_cast<NodeId>(id);
  }
  return reader;
}

}  // namespace

std::vector<int> count_reads(const Function& function, const Placement& placement) {
  std::vector<int> reads(function.nodes().size(), 0);
  const auto read = [&](NodeId id) { ++reads[static_cast<std::size_t>(id)]; };
  for (std::size_t id = 0; id < function.nodes().size(); ++id)
    if (placement.is_needed[id])
      for (const NodeId operand : function.nodes()[id].operands) read(operand);
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    if (function.outputs()[i].kind == OutputKind::kSample) read(function.outputs()[i].node);
    for (const SumTerm& term : placement.terms[i]) {
      const LaneProduct product = lane_product(function, placement.is_shared, term.node);
      if (product.is_valid()) {
        read(product.left);
        read(product.right);
      } else {
        read(term.node);
        for (const NodeId operand : function.node(term.node).operands) read(operand);
      }
    }
  }
  return reads;
}

Fusion fuse_products(const Function& function, const Placement& placement) {
  const std::size_t count = function.nodes().size();
  Fusion fusion{std::vector<NodeId>(count, -1), std::vector<NodeId>(count, -1),
                std::vector<Epilogue>(count, Epilogue::kNone), std::vector<bool>(count, false)};
  const std::vector<NodeId> reader = only_readers(function, placement, count_reads(function, placement));
  for (std::size_t id = 0; id < count; ++id) {
    if (!placement.is_needed[id] || !is_gemm(function, placement, function.nodes()[id])) continue;
    NodeId last = static_cast<NodeId>(id);
    NodeId bias = -1;
    NodeId next = reader[id];
    if (next >= 0 && function.node(next).op == Op::kAdd) {
      const Node& add = function.node(next);
      const NodeId other = add.operands[add.operands[0] == last ? 1 : 0];
      if (placement.is_shared[static_cast<std::size_t>(other)]) {
        bias = other;
        fusion.is_inner[static_cast<std::size_t>(last)] = true;
        last = next;
        next = reader[static_cast<std::size_t>(last)];
      }
    }
    const std::optional<Epilogue> epilogue = next < 0 ? std::nullopt : epilogue_of(function, function.node(next));
    if (epilogue) {
      fusion.is_inner[static_cast<std::size_t>(last)] = true;
      last = next;
    }
    fusion.product[static_cast<std::size_t>(last)] = static_cast<NodeId>(id);
    fusion.bias[static_cast<std::size_t>(last)] = bias;
    fusion.epilogue[static_cast<std::size_t>(last)] = epilogue.value_or(Epilogue::kNone);
  }
  return fusion;
}

}  // namespace costate::internal
