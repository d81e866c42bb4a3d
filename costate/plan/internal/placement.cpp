#include "costate/plan/internal/placement.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/reach.h"

namespace costate::internal {
namespace {

/// Takes a sum apart into the terms that can be added one by one: through add, sub, neg and reshape.
void expand(const Function& function, NodeId id, double sign, std::vector<SumTerm>& terms) {
  const Node& node = function.node(id);
  switch (node.op) {
    case Op::kAdd:
    case Op::kSub:
      expand(function, node.operands[0], sign, terms);
      expand(function, node.operands[1], node.op == Op::kSub ? -sign : sign, terms);
      return;
    case Op::kNeg:
      expand(function, node.operands[0], -sign, terms);
      return;
    case Op::kReshape:
      expand(function, node.operands[0], sign, terms);
      return;
    default:
      terms.push_back({id, sign});
  }
}

bool is_zero(const Node& node) {
  return node.op == Op::kConstant &&
         std::all_of(node.values.begin(), node.values.end(), [](double v) { return v == 0; });
}

void place_nodes(const Function& function, const PlanOptions& options, Placement& placement) {
  const auto& late = options.late_inputs;
  placement.is_shared = shared_by_samples(function);
  for (const Node& node : function.nodes()) {
    Phase phase = Phase::kForward;
    if (node.op == Op::kInput && std::ranges::count(late, static_cast<std::size_t>(node.indices[0])) > 0)
      phase = Phase::kReverse;
    for (const NodeId operand : node.operands) phase = std::max(phase, placement.phase[operand]);
    placement.phase.push_back(phase);
  }
}

void mark_needed(const Function& function, Placement& placement) {
  auto& needed = placement.is_needed;
  needed = PerNode<bool>(num_nodes(function));
  const auto mark = [&](NodeId id) { needed[id] = true; };
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    if (function.outputs()[i].kind == OutputKind::kSample) mark(function.outputs()[i].node);
    for (const SumTerm& term : placement.terms[i]) {
      const LaneProduct product = lane_product(function, placement.is_shared, term.node);
      const Node& node = function.node(term.node);
      if (product.is_valid()) {
        mark(product.left);
        mark(product.right);
      } else if (node.op == Op::kExtension && node.extension->is_sum_only()) {
        for (const NodeId operand : node.operands) mark(operand);
      } else {
        mark(term.node);
      }
    }
  }
  for (NodeId id = needed.size(); id-- > 0;)
    if (needed[id])
      for (const NodeId operand : function.node(id).operands) mark(operand);
}

}  // namespace

LaneProduct lane_product(const Function& function, const PerNode<bool>& is_shared, NodeId id) {
  const Node& node = function.node(id);
  const auto sample = [&](NodeId operand) { return !is_shared[operand]; };
  if (node.op == Op::kConv2dWeights && sample(node.operands[0]) && sample(node.operands[1]))
    return {.left = node.operands[0], .right = node.operands[1]};
  if (node.op == Op::kOuter && sample(node.operands[0]) && sample(node.operands[1]))
    return {node.operands[0], node.operands[1], static_cast<std::size_t>(node.shape[0]),
            static_cast<std::size_t>(node.shape[1]), 1};
  if (node.op != Op::kMatmul || node.shape.rank() != 2) return {};
  const Node& right = function.node(node.operands[1]);
  if (right.op != Op::kTranspose || !sample(node.operands[0]) || !sample(node.operands[1])) return {};
  return {node.operands[0], right.operands[0], static_cast<std::size_t>(node.shape[0]),
          static_cast<std::size_t>(node.shape[1]), static_cast<std::size_t>(right.shape[0])};
}

Placement place(const Function& function, const PlanOptions& options) {
  Placement placement;
  place_nodes(function, options, placement);
  placement.terms.resize(function.outputs().size());
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    const Output& output = function.outputs()[i];
    if (output.kind != OutputKind::kSum) continue;
    expand(function, output.node, 1.0, placement.terms[i]);
    std::erase_if(placement.terms[i], [&](const SumTerm& term) { return is_zero(function.node(term.node)); });
  }
  mark_needed(function, placement);
  return placement;
}

}  // namespace costate::internal
