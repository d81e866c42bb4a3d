// One small function for each kind of node. `value_of` gives a node's value as it stands, which may be spread over rows
// or lanes only when it is read (a scalar that was broadcast, say); `whole` gives it as plain memory, [rows, lanes] or,
// where shared, [rows], for instructions that read nothing else.
#include "costate/plan/internal/select.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/plan/internal/fusion.h"
#include "costate/plan/internal/row_tables.h"

namespace costate::internal {
namespace {

struct MatrixView {
  Source source;
  std::size_t row_stride = 0, column_stride = 0;
};

std::size_t size_of(const Node& node) { return static_cast<std::size_t>(node.shape.size()); }

class Selector {
 public:
  Selector(const Function& function, const Placement& placement, const PlanOptions& options)
      : function_(function),
        placement_(placement),
        lanes_(options.lanes),
        fusion_(fuse(function, placement)),
        reads_(count_reads(function, placement)),
        values_(num_nodes(function)),
        wholes_(num_nodes(function)),
        transposed_(num_nodes(function)),
        states_(num_nodes(function), -1) {
    selection_.plan.lanes = lanes_;
  }

  Selection run() {
    for (NodeId id = 0; id < num_nodes(function_); ++id)
      if (placement_.is_needed[id] && !fusion_.is_inner[id]) select_node(id);
    for (std::size_t i = 0; i < function_.outputs().size(); ++i) select_output(i);
    drop_unread();
    return std::move(selection_);
  }

 private:
  const Node& node(NodeId id) const { return function_.node(id); }
  bool is_shared(NodeId id) const { return placement_.is_shared[id]; }
  Phase phase_of(NodeId id) const { return placement_.phase[id]; }

  /// Products read a transposed matrix where it stands and fuse slopes away: what was prepared for them may have no
  /// reader.
  void drop_unread() {
    std::vector<bool> is_read(selection_.buffers.size(), false);
    const auto mark_sources = [&](const Instruction& instruction) {
      for (const Source& source : instruction.sources)
        if (source.slot.region == Region::kScratch) is_read[static_cast<std::size_t>(source.slot.index)] = true;
    };
    for (const auto& phase : selection_.plan.phases) std::ranges::for_each(phase, mark_sources);
    std::vector<Instruction>& prepare = selection_.plan.prepare;
    std::vector<Instruction> kept;
    for (auto instruction = prepare.rbegin(); instruction != prepare.rend(); ++instruction) {
      const bool writes_buffer = instruction->out.region == Region::kScratch;
      const auto index = static_cast<std::size_t>(writes_buffer ? instruction->out.index : 0);
      const bool has_reader = !writes_buffer || is_read[index] || selection_.buffers[index].output >= 0;
      if (!has_reader && instruction->kind != InstructionKind::kExtension) {
        selection_.buffers[index].size = 0;
        continue;
      }
      mark_sources(*instruction);
      kept.push_back(std::move(*instruction));
    }
    std::ranges::reverse(kept);
    prepare = std::move(kept);
  }

  // ---- buffers and instructions

  Source new_buffer(std::size_t rows, bool shared) {
    selection_.buffers.push_back({shared ? rows : rows * lanes_, shared});
    const auto index = static_cast<std::int32_t>(selection_.buffers.size() - 1);
    return {Slot{Region::kScratch, index, 0}, shared ? Motion::kRow : Motion::kFull, rows};
  }

  /// Appends to `prepare` what all samples share, to a phase what is of a sample.
  void emit(Instruction instruction, bool shared, Phase phase) {
    if (shared)
      selection_.plan.prepare.push_back(std::move(instruction));
    else
      selection_.plan.in(phase).push_back(std::move(instruction));
  }

  /// Appends an instruction that computes node `id` into a buffer of its own.
  void define(NodeId id, Instruction instruction) {
    const std::size_t rows = size_of(node(id));
    const Source out = new_buffer(rows, is_shared(id));
    instruction.out = out.slot;
    instruction.rows = rows;
    emit(std::move(instruction), is_shared(id), phase_of(id));
    values_[id] = out;
  }

  Source& value_of(NodeId id) {
    std::optional<Source>& value = values_[id];
    COSTATE_CHECK(value.has_value(), "node %", id, " is read before it is computed");
    return *value;
  }

  /// The value as plain memory, written out once if it was lazy.
  Source whole(NodeId id) {
    const Source& value = value_of(id);
    if (value.motion == Motion::kFull || value.motion == Motion::kRow) return value;
    std::optional<Source>& memory = wholes_[id];
    if (!memory) {
      memory = new_buffer(value.rows, is_shared(id));
      emit(Instruction{.kind = InstructionKind::kCopy, .sources = {value}, .out = memory->slot, .rows = value.rows},
           is_shared(id), phase_of(id));
    }
    return *memory;
  }

  void alias(NodeId id, Source source, std::size_t rows) {
    source.rows = rows;
    values_[id] = source;
  }

  // ---- nodes

  void select_node(NodeId id) {
    const Node& n = node(id);
    if (fusion_.product[id] >= 0)
      return node(fusion_.product[id]).op == Op::kMatmul ? select_gemm(id) : select_convolution(id);
    if (fusion_.pair[id] >= 0) return select_pair(id);
    switch (n.op) {
      case Op::kInput:
        return select_input(id);
      case Op::kConstant:
        return select_constant(id);
      case Op::kStopGradient:
      case Op::kReshape:
        return alias(id, value_of(n.operands[0]), size_of(n));
      case Op::kBroadcast:
        return select_broadcast(id);
      case Op::kTranspose:
        return select_transpose(id);
      case Op::kGather:
        return select_gather(id);
      case Op::kScatter:
        return define(id, Instruction{.kind = InstructionKind::kScatter,
                                      .sources = {whole(n.operands[0])},
                                      .table = table_of(n.indices)});
      case Op::kConcat:
        return select_concat(id);
      case Op::kSum:
      case Op::kReduceMin:
      case Op::kReduceMax:
        return select_reduce(id);
      case Op::kMatmul:
      case Op::kOuter:
        return select_product(id);
      case Op::kConv2d:
      case Op::kConv2dInput:
      case Op::kConv2dWeights:
        return define(id, convolution_instruction(InstructionKind::kConvLanes, n));
      case Op::kExtension:
        return select_extension(id);
      default:
        return select_elementwise(id);
    }
  }

  void select_input(NodeId id) {
    const auto position = static_cast<std::int32_t>(node(id).indices[0]);
    const Motion motion = is_shared(id) ? Motion::kRow : Motion::kFull;
    values_[id] = Source{Slot{Region::kInput, position, 0}, motion, size_of(node(id))};
  }

  void select_constant(NodeId id) {
    const Node& n = node(id);
    Source out = new_buffer(n.values.size(), true);
    emit(Instruction{.kind = InstructionKind::kFill, .out = out.slot, .rows = n.values.size(), .constants = n.values},
         true, Phase::kForward);
    if (n.values.size() == 1) out.motion = Motion::kScalar;
    alias(id, out, size_of(n));
  }

  void select_broadcast(NodeId id) {
    const Node& n = node(id);
    const Node& from = node(n.operands[0]);
    if (from.shape.size() == n.shape.size()) return alias(id, value_of(n.operands[0]), size_of(n));
    if (from.shape.size() == 1) {
      Source lazy = value_of(n.operands[0]);
      lazy.motion = lazy.is_shared() ? Motion::kScalar : Motion::kLane;
      return alias(id, lazy, size_of(n));
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
    Source view = whole(n.operands[0]);  // a slice is a view
    view.slot.offset += static_cast<std::size_t>(n.indices[0]) * (is_shared(id) ? 1 : lanes_);
    alias(id, view, size_of(n));
  }

  void gather_rows(NodeId id, std::vector<std::uint32_t> table) {
    define(id,
           Instruction{
               .kind = InstructionKind::kGather, .sources = {whole(node(id).operands[0])}, .table = std::move(table)});
  }

  /// A part that nothing but its concatenation reads is computed in its place there.
  bool compute_in_place(NodeId part, const Slot& place, NodeId concatenation) {
    const Source value = value_of(part);
    const Phase phase = phase_of(concatenation);
    if (!is_own(part, value) || phase_of(part) != phase) return false;
    const auto move = [&](Slot& slot) {
      if (slot.region != Region::kScratch || slot.index != value.slot.index) return;
      slot.index = place.index;
      slot.offset += place.offset;
    };
    for (Instruction& instruction : selection_.plan.in(phase)) {
      move(instruction.out);
      for (Source& source : instruction.sources) move(source.slot);
    }
    return true;
  }

  /// Copies each part to its place: [outer, along, inner] with the parts side by side along the middle axis.
  void select_concat(NodeId id) {
    const Node& n = node(id);
    const auto axis = static_cast<std::size_t>(n.indices[0]);
    std::size_t outer = 1, inner = 1;
    for (std::size_t i = 0; i < n.shape.axes().size(); ++i)
      if (i != axis) (i < axis ? outer : inner) *= static_cast<std::size_t>(n.shape.axes()[i]);
    const Source out = new_buffer(size_of(n), is_shared(id));
    const std::size_t width = is_shared(id) ? 1 : lanes_;
    const std::size_t out_block = static_cast<std::size_t>(n.shape.axes()[axis]) * inner;
    std::size_t start = 0;
    for (const NodeId operand : n.operands) {
      const std::size_t block = static_cast<std::size_t>(node(operand).shape.axes()[axis]) * inner;
      const auto place = [&](std::size_t row) {
        return Slot{out.slot.region, out.slot.index, (row * out_block + start) * width};
      };
      const bool is_in_place = outer == 1 && compute_in_place(operand, place(0), id);
      for (std::size_t row = 0; row < outer && block > 0 && !is_in_place; ++row) {
        Source part = value_of(operand);
        if (part.motion == Motion::kFull || part.motion == Motion::kRow)
          part.slot.offset += row * block * (part.is_shared() ? 1 : lanes_);
        part.rows = block;
        emit(Instruction{.kind = InstructionKind::kCopy, .sources = {part}, .out = place(row), .rows = block},
             is_shared(id), phase_of(id));
      }
      start += block;
    }
    values_[id] = out;
  }

  void select_reduce(NodeId id) {
    const Node& n = node(id);
    GroupTable groups = reduction_table(node(n.operands[0]).shape, n.indices);
    define(id, Instruction{.kind = InstructionKind::kReduce,
                           .op = n.op,
                           .sources = {whole(n.operands[0])},
                           .group = groups.group,
                           .table = std::move(groups.table)});
  }

  void select_elementwise(NodeId id) {
    Instruction instruction{.kind = InstructionKind::kElementwise, .op = node(id).op};
    if (fusion_.is_difference[id]) {
      const std::vector<NodeId>& operands = node(id).operands;
      instruction.op = Op::kSub;
      instruction.sources = {value_of(operands[1]), value_of(node(operands[0]).operands[0])};
    } else {
      for (const NodeId operand : node(id).operands) instruction.sources.push_back(value_of(operand));
    }
    if (instruction.sources.size() == 1 && !is_shared(id) && instruction.sources[0].motion != Motion::kFull)
      instruction.sources[0] = whole(node(id).operands[0]);
    if (instruction.sources.size() == 1 && is_shared(id)) instruction.sources[0] = whole(node(id).operands[0]);
    define(id, std::move(instruction));
  }

  void select_pair(NodeId id) {
    const Node& n = node(id);
    const NodeId inner = fusion_.pair[id];
    const bool inner_is_right = n.operands[1] == inner;
    Instruction pair{
        .kind = InstructionKind::kPair, .op = n.op, .inner_op = node(inner).op, .inner_is_right = inner_is_right};
    for (const NodeId operand : node(inner).operands) pair.sources.push_back(value_of(operand));
    pair.sources.push_back(value_of(n.operands[inner_is_right ? 0 : 1]));
    define(id, std::move(pair));
  }

  // ---- products

  /// A shared matrix, its transposition read through strides.
  MatrixView matrix_view(NodeId id) {
    const Node& n = node(id);
    if (n.op == Op::kTranspose && n.shape.rank() == 2) {
      MatrixView view = matrix_view(n.operands[0]);
      std::swap(view.row_stride, view.column_stride);
      return view;
    }
    return {whole(id), static_cast<std::size_t>(n.shape[1]), 1};
  }

  /// The shared matrix as rows of `view`'s columns: [k, m] contiguous from [m, k].
  Source transposed_copy(NodeId matrix, const MatrixView& view, std::size_t m, std::size_t k) {
    if (view.row_stride == 1) return view.source;  // already stands that way
    std::optional<Source>& copy = transposed_[matrix];
    if (!copy) {
      copy = new_buffer(m * k, true);
      std::vector<std::uint32_t> table(m * k);
      for (std::size_t j = 0; j < k; ++j)
        for (std::size_t i = 0; i < m; ++i)
          table[j * m + i] = static_cast<std::uint32_t>(i * view.row_stride + j * view.column_stride);
      emit(Instruction{.kind = InstructionKind::kGather,
                       .sources = {view.source},
                       .out = copy->slot,
                       .rows = m * k,
                       .table = std::move(table)},
           true, Phase::kForward);
    }
    return *copy;
  }

  /// out [m] = (bias) + W [m, k] x [k] with shared W, for a fused chain or a bare product.
  void select_gemm(NodeId id) {
    const Node& product = node(fusion_.product[id]);
    const bool left_shared = is_shared(product.operands[0]);
    const NodeId matrix = product.operands[left_shared ? 0 : 1];
    MatrixView view = matrix_view(matrix);
    if (!left_shared) std::swap(view.row_stride, view.column_stride);
    Instruction gemm = gemm_instruction(matrix, view, size_of(product), whole(product.operands[left_shared ? 1 : 0]));
    define_chain(id, std::move(gemm));
  }

  /// Appends a product with what its chain, which ends with node `id`, adds to it and applies.
  void define_chain(NodeId id, Instruction product) {
    product.epilogue = fusion_.epilogue[id];
    if (fusion_.bias[id] >= 0) {
      product.has_bias = true;
      product.sources.push_back(whole(fusion_.bias[id]));
    }
    if (fusion_.slope_of[id] >= 0) product.sources.push_back(whole(fusion_.slope_of[id]));
    define(id, std::move(product));
  }

  Instruction gemm_instruction(NodeId matrix, const MatrixView& view, std::size_t m, const Source& x) {
    const std::size_t k = x.rows;
    if (lanes_ == 1)  // one sample: x [1, k] · W' [k, m], features in the SIMD lanes
      return {.kind = InstructionKind::kGemm,
              .sources = {x, transposed_copy(matrix, view, m, k)},
              .m = 1,
              .k = k,
              .n = m,
              .row_stride = k,
              .column_stride = 1};
    return {.kind = InstructionKind::kGemm,
            .sources = {view.source, x},
            .m = m,
            .k = k,
            .n = 1,
            .row_stride = view.row_stride,
            .column_stride = view.column_stride};
  }

  void select_product(NodeId id) {
    const Node& n = node(id);
    const Shape& left = node(n.operands[0]).shape;
    const Shape& right = node(n.operands[1]).shape;
    if (n.op == Op::kMatmul && left.rank() == 2 && right.rank() == 2 && is_shared(n.operands[0]) &&
        !is_shared(n.operands[1])) {
      const MatrixView view = matrix_view(n.operands[0]);
      return define(id, Instruction{.kind = InstructionKind::kGemm,
                                    .sources = {view.source, whole(n.operands[1])},
                                    .m = static_cast<std::size_t>(left[0]),
                                    .k = static_cast<std::size_t>(left[1]),
                                    .n = static_cast<std::size_t>(right[1]),
                                    .row_stride = view.row_stride,
                                    .column_stride = view.column_stride});
    }
    Instruction batched{.kind = InstructionKind::kBatched, .sources = {whole(n.operands[0]), whole(n.operands[1])}};
    batched.m = n.op == Op::kOuter || left.rank() == 2 ? static_cast<std::size_t>(left[0]) : 1;
    batched.k = n.op == Op::kOuter ? 1 : static_cast<std::size_t>(left[-1]);
    batched.n = n.op == Op::kOuter  ? static_cast<std::size_t>(right[0])
                : right.rank() == 2 ? static_cast<std::size_t>(right[1])
                                    : 1;
    define(id, std::move(batched));
  }

  Instruction convolution_instruction(InstructionKind kind, const Node& n) {
    Instruction instruction{.kind = kind, .op = n.op, .sources = {whole(n.operands[0]), whole(n.operands[1])}};
    instruction.conv = std::make_shared<const ConvTable>(conv_table(function_, n));
    instruction.m = instruction.conv->groups * instruction.conv->rows;
    instruction.k = instruction.conv->depth * instruction.conv->positions;
    instruction.n = instruction.conv->to_pixels;
    return instruction;
  }

  /// A sample's image under shared weights, which are packed once.
  void select_convolution(NodeId id) {
    const Node& n = node(fusion_.product[id]);
    Instruction conv = convolution_instruction(InstructionKind::kConv, n);
    std::optional<Source>& packed = packed_[{n.operands[1], n.op, conv.conv->groups}];
    if (!packed) {
      packed = new_buffer(conv.conv->num_weights(), true);
      emit(Instruction{.kind = InstructionKind::kGather,
                       .sources = {conv.sources[1]},
                       .out = packed->slot,
                       .rows = packed->rows,
                       .table = packing_table(*conv.conv)},
           true, Phase::kForward);
    }
    conv.sources[1] = *packed;
    define_chain(id, std::move(conv));
  }

  // ---- extensions and outputs

  Instruction extension_instruction(InstructionKind kind, NodeId id) {
    const Node& n = node(id);
    Instruction instruction{.kind = kind, .extension = n.extension};
    std::int32_t& state = states_[id];
    if (state < 0) state = static_cast<std::int32_t>(selection_.plan.num_states++);
    instruction.state = state;
    for (const NodeId operand : n.operands) {
      instruction.sources.push_back(whole(operand));
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
    define(id, extension_instruction(InstructionKind::kExtension, id));
  }

  void select_output(std::size_t output) {
    const Output& wanted = function_.outputs()[output];
    selection_.plan.output_rows.push_back(size_of(node(wanted.node)));
    if (wanted.kind == OutputKind::kSum) {
      for (const SumTerm& term : placement_.terms[output]) select_term(output, term);
      return;
    }
    const Source& value = value_of(wanted.node);
    const Slot slot{Region::kOutput, static_cast<std::int32_t>(output), 0};
    if (is_own(wanted.node, value)) {  // is written straight to the caller's array
      selection_.buffers[static_cast<std::size_t>(value.slot.index)].output = static_cast<std::int32_t>(output);
      return;
    }
    emit(Instruction{.kind = InstructionKind::kCopy, .sources = {value}, .out = slot, .rows = value.rows}, false,
         phase_of(wanted.node));
  }

  /// A value in a buffer of its own that is read once, perhaps reshaped.
  bool is_own(NodeId id, const Source& value) const {
    const auto is_read_once = [&](NodeId at) { return reads_[at] == 1; };
    while (node(id).op == Op::kReshape && is_read_once(id)) id = node(id).operands[0];
    const Op op = node(id).op;
    const bool is_slice = op == Op::kGather && is_range(node(id).indices);
    const bool is_view = op == Op::kReshape || op == Op::kStopGradient || is_slice || op == Op::kBroadcast;
    return value.slot.region == Region::kScratch && value.motion == Motion::kFull && !is_view && is_read_once(id);
  }

  void select_term(std::size_t output, const SumTerm& term) {
    const Node& n = node(term.node);
    const LaneProduct product = lane_product(function_, placement_.is_shared, term.node);
    Instruction add{.kind = InstructionKind::kAddLanes};
    if (n.op == Op::kConv2dWeights && product.is_valid()) {
      add = convolution_instruction(InstructionKind::kAddConv, n);
    } else if (product.is_valid()) {
      add = {.kind = InstructionKind::kAddGemm,
             .sources = {whole(product.left), whole(product.right)},
             .m = product.m,
             .k = product.k,
             .n = product.n};
    } else if (n.op == Op::kExtension && n.extension->is_sum_only()) {
      add = extension_instruction(InstructionKind::kAddExtension, term.node);
    } else {
      add.sources = {whole(term.node)};
    }
    add.scale = term.sign;
    add.out = Slot{Region::kOutput, static_cast<std::int32_t>(output), 0};
    add.rows = size_of(n);
    selection_.plan.in(Phase::kAccumulate).push_back(std::move(add));
  }

  const Function& function_;
  const Placement& placement_;
  std::size_t lanes_;
  Fusion fusion_;
  PerNode<int> reads_;
  Selection selection_;
  PerNode<std::optional<Source>> values_, wholes_, transposed_;
  std::map<std::tuple<NodeId, Op, std::size_t>, std::optional<Source>> packed_;  // by weights, operation and groups
  PerNode<std::int32_t> states_;
};

}  // namespace

Selection select(const Function& function, const Placement& placement, const PlanOptions& options) {
  return Selector(function, placement, options).run();
}

}  // namespace costate::internal
