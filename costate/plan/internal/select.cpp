// One small function for each kind of node but products (select_product.h).
#include "costate/plan/internal/select.h"

#include <memory>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/plan/internal/fusion.h"
#include "costate/plan/internal/instruction_writer.h"
#include "costate/plan/internal/row_tables.h"
#include "costate/plan/internal/select_product.h"

namespace costate::internal {
namespace {

class Selector {
 public:
  Selector(const Function& function, const Placement& placement, const PlanOptions& options)
      : function_(function),
        placement_(placement),
        fusion_(fuse(function, placement)),
        out_(function, placement, options.lanes),
        products_(function, placement, fusion_, out_),
        states_(num_nodes(function), -1) {}

  Selection run() {
    for (NodeId id = 0; id < num_nodes(function_); ++id)
      if (placement_.is_needed[id] && !fusion_.is_inner[id]) select_node(id);
    for (std::size_t i = 0; i < function_.outputs().size(); ++i) select_output(i);
    return out_.finish();
  }

 private:
  const Node& node(NodeId id) const { return function_.node(id); }
  bool is_shared(NodeId id) const { return placement_.is_shared[id]; }
  Phase phase_of(NodeId id) const { return placement_.phase[id]; }

  void select_node(NodeId id) {
    const Node& n = node(id);
    if (fusion_.product[id] >= 0) return products_.select_chain(id);
    if (fusion_.pair[id] >= 0) return select_pair(id);
    switch (n.op) {
      case Op::kInput:
        return select_input(id);
      case Op::kConstant:
        return select_constant(id);
      case Op::kStopGradient:
      case Op::kReshape:
        return out_.alias(id, out_.value_of(n.operands[0]), size_of(n));
      case Op::kBroadcast:
        return select_broadcast(id);
      case Op::kTranspose:
        return select_transpose(id);
      case Op::kGather:
        return select_gather(id);
      case Op::kScatter:
        return out_.define(id, Instruction{.kind = InstructionKind::kScatter,
                                           .sources = {out_.whole(n.operands[0])},
                                           .table = table_of(n.indices)});
      case Op::kConcat:
        return select_concat(id);
      case Op::kSum:
      case Op::kReduceMin:
      case Op::kReduceMax:
        return select_reduce(id);
      case Op::kMatmul:
      case Op::kOuter:
        return products_.select_product(id);
      case Op::kConv2d:
      case Op::kConv2dInput:
      case Op::kConv2dWeights:
        return out_.define(id, products_.convolution_instruction(InstructionKind::kConvLanes, n));
      case Op::kAvgPool:
      case Op::kAvgPoolInput:
      case Op::kMaxPool:
      case Op::kMaxPoolInput:
        return select_pool(id);
      case Op::kExtension:
        return select_extension(id);
      default:
        return select_elementwise(id);
    }
  }

  void select_input(NodeId id) {
    const auto position = static_cast<std::int32_t>(node(id).indices[0]);
    const Motion motion = is_shared(id) ? Motion::kRow : Motion::kFull;
    out_.alias(id, Source{Slot{Region::kInput, position, 0}, motion}, size_of(node(id)));
  }

  void select_constant(NodeId id) {
    const Node& n = node(id);
    Source out = out_.new_buffer(n.values.size(), true);
    out_.emit(
        Instruction{.kind = InstructionKind::kFill, .out = out.slot, .rows = n.values.size(), .constants = n.values},
        true, Phase::kForward);
    if (n.values.size() == 1) out.motion = Motion::kScalar;
    out_.alias(id, out, size_of(n));
  }

  void select_broadcast(NodeId id) {
    const Node& n = node(id);
    const Node& from = node(n.operands[0]);
    if (from.shape.size() == n.shape.size()) return out_.alias(id, out_.value_of(n.operands[0]), size_of(n));
    if (from.shape.size() == 1) {
      Source lazy = out_.value_of(n.operands[0]);
      lazy.motion = lazy.is_shared() ? Motion::kScalar : Motion::kLane;
      return out_.alias(id, lazy, size_of(n));
    }
    gather_rows(id, broadcast_table(from.shape, n.shape));
  }

  void select_transpose(NodeId id) {
    const Node& n = node(id);
    gather_rows(id, transpose_table(node(n.operands[0]).shape, n.indices));
  }

  void select_gather(NodeId id) {
    const Node& n = node(id);
    if (!is_range(n.indices)) return gather_rows(id, table_of(n.indices));
    Source view = out_.whole(n.operands[0]);  // a slice is a view
    view.slot.offset += static_cast<std::size_t>(n.indices[0]) * (is_shared(id) ? 1 : out_.lanes());
    out_.alias(id, view, size_of(n));
  }

  void gather_rows(NodeId id, std::vector<std::uint32_t> table) {
    out_.define(id, Instruction{.kind = InstructionKind::kGather,
                                .sources = {out_.whole(node(id).operands[0])},
                                .table = std::move(table)});
  }

  /// Copies each part to its place: [outer, along, inner] with the parts side by side along the middle axis.
  void select_concat(NodeId id) {
    const Node& n = node(id);
    const auto axis = static_cast<std::size_t>(n.indices[0]);
    std::size_t outer = 1, inner = 1;
    for (std::size_t i = 0; i < n.shape.axes().size(); ++i)
      if (i != axis) (i < axis ? outer : inner) *= static_cast<std::size_t>(n.shape.axes()[i]);
    const Source out = out_.new_buffer(size_of(n), is_shared(id));
    const std::size_t width = is_shared(id) ? 1 : out_.lanes();
    const std::size_t out_block = static_cast<std::size_t>(n.shape.axes()[axis]) * inner;
    std::size_t start = 0;
    for (const NodeId operand : n.operands) {
      const std::size_t block = static_cast<std::size_t>(node(operand).shape.axes()[axis]) * inner;
      const auto place = [&](std::size_t row) {
        return Slot{out.slot.region, out.slot.index, (row * out_block + start) * width};
      };
      const bool is_in_place = outer == 1 && out_.compute_in_place(operand, place(0), id);
      for (std::size_t row = 0; row < outer && block > 0 && !is_in_place; ++row) {
        Source part = out_.value_of(operand);
        if (part.motion == Motion::kFull || part.motion == Motion::kRow)
          part.slot.offset += row * block * (part.is_shared() ? 1 : out_.lanes());
        part.rows = block;
        out_.emit(Instruction{.kind = InstructionKind::kCopy, .sources = {part}, .out = place(row), .rows = block},
                  is_shared(id), phase_of(id));
      }
      start += block;
    }
    out_.alias(id, out, size_of(n));
  }

  void select_reduce(NodeId id) {
    const Node& n = node(id);
    GroupTable groups = reduction_table(node(n.operands[0]).shape, n.indices);
    out_.define(id, Instruction{.kind = InstructionKind::kReduce,
                                .op = n.op,
                                .sources = {out_.whole(n.operands[0])},
                                .group = groups.group,
                                .table = std::move(groups.table)});
  }

  void select_pool(NodeId id) {
    const Node& n = node(id);
    Instruction pool{.kind = InstructionKind::kPool, .op = n.op};
    for (const NodeId operand : n.operands) {
      Source source = out_.whole(operand);
      if (is_shared(operand) && !is_shared(id)) {  // the other operand is of a sample
        const Source spread = out_.new_buffer(source.rows, false);
        out_.emit(
            Instruction{.kind = InstructionKind::kCopy, .sources = {source}, .out = spread.slot, .rows = source.rows},
            false, phase_of(id));
        source = spread;
      }
      pool.sources.push_back(source);
    }
    pool.pool = std::make_shared<const PoolTable>(pool_table(function_, n));
    out_.define(id, std::move(pool));
  }

  void select_elementwise(NodeId id) {
    Instruction instruction{.kind = InstructionKind::kElementwise, .op = node(id).op};
    if (fusion_.is_difference[id]) {
      const std::vector<NodeId>& operands = node(id).operands;
      instruction.op = Op::kSub;
      instruction.sources = {out_.value_of(operands[1]), out_.value_of(node(operands[0]).operands[0])};
    } else {
      for (const NodeId operand : node(id).operands) instruction.sources.push_back(out_.value_of(operand));
    }
    if (instruction.sources.size() == 1 && !is_shared(id) && instruction.sources[0].motion != Motion::kFull)
      instruction.sources[0] = out_.whole(node(id).operands[0]);
    if (instruction.sources.size() == 1 && is_shared(id)) instruction.sources[0] = out_.whole(node(id).operands[0]);
    out_.define(id, std::move(instruction));
  }

  void select_pair(NodeId id) {
    const Node& n = node(id);
    const NodeId inner = fusion_.pair[id];
    const bool inner_is_right = n.operands[1] == inner;
    Instruction pair{
        .kind = InstructionKind::kPair, .op = n.op, .inner_op = node(inner).op, .inner_is_right = inner_is_right};
    for (const NodeId operand : node(inner).operands) pair.sources.push_back(out_.value_of(operand));
    pair.sources.push_back(out_.value_of(n.operands[inner_is_right ? 0 : 1]));
    out_.define(id, std::move(pair));
  }

  Instruction extension_instruction(InstructionKind kind, NodeId id) {
    const Node& n = node(id);
    Instruction instruction{.kind = kind, .extension = n.extension};
    std::int32_t& state = states_[id];
    if (state < 0) state = static_cast<std::int32_t>(out_.plan().num_states++);
    instruction.state = state;
    for (const NodeId operand : n.operands) {
      instruction.sources.push_back(out_.whole(operand));
      instruction.operand_states.push_back(states_[operand]);
      instruction.operand_shapes.push_back(node(operand).shape);
    }
    return instruction;
  }

  void select_extension(NodeId id) {
    if (node(id).extension->is_sum_only())
      throw NotSupported("[compile] the derivative '", node(id).extension->name(),
                         "' with respect to what all samples share exists only summed over the batch; ask for it as a "
                         "gradient output, or make the argument one of each sample.");
    out_.define(id, extension_instruction(InstructionKind::kExtension, id));
  }

  void select_output(std::size_t output) {
    const Output& wanted = function_.outputs()[output];
    out_.plan().output_rows.push_back(size_of(node(wanted.node)));
    if (wanted.kind == OutputKind::kSum) {
      for (const SumTerm& term : placement_.terms[output]) select_term(output, term);
      return;
    }
    if (out_.become_output(wanted.node, output)) return;
    const Source& value = out_.value_of(wanted.node);
    const Slot slot{Region::kOutput, static_cast<std::int32_t>(output), 0};
    out_.emit(Instruction{.kind = InstructionKind::kCopy, .sources = {value}, .out = slot, .rows = value.rows}, false,
              phase_of(wanted.node));
  }

  void select_term(std::size_t output, const SumTerm& term) {
    const Node& n = node(term.node);
    const LaneProduct product = lane_product(function_, placement_.is_shared, term.node);
    Instruction add{.kind = InstructionKind::kAddLanes};
    if (n.op == Op::kConv2dWeights && product.is_valid()) {
      add = products_.convolution_instruction(InstructionKind::kAddConv, n);
    } else if (product.is_valid()) {
      add = {.kind = InstructionKind::kAddGemm,
             .sources = {out_.whole(product.left), out_.whole(product.right)},
             .m = product.m,
             .k = product.k,
             .n = product.n};
    } else if (n.op == Op::kExtension && n.extension->is_sum_only()) {
      add = extension_instruction(InstructionKind::kAddExtension, term.node);
    } else {
      add.sources = {out_.whole(term.node)};
    }
    add.scale = term.sign;
    add.out = Slot{Region::kOutput, static_cast<std::int32_t>(output), 0};
    add.rows = size_of(n);
    out_.plan().in(Phase::kAccumulate).push_back(std::move(add));
  }

  const Function& function_;
  const Placement& placement_;
  Fusion fusion_;
  InstructionWriter out_;
  ProductSelector products_;
  PerNode<std::int32_t> states_;
};

}  // namespace

Selection select(const Function& function, const Placement& placement, const PlanOptions& options) {
  return Selector(function, placement, options).run();
}

}  // namespace costate::internal
