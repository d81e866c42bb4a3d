#include "costate/plan/internal/select_product.h"

#include <memory>
#include <utility>
#include <vector>

#include "costate/plan/internal/row_tables.h"

namespace costate::internal {

ProductSelector::ProductSelector(const Function& function, const Placement& placement, const Fusion& fusion,
                                 InstructionWriter& out)
    : function_(function), placement_(placement), fusion_(fusion), out_(out), transposed_(num_nodes(function)) {}

void ProductSelector::select_chain(NodeId id) {
  if (function_.node(fusion_.product[id]).op == Op::kMatmul)
    select_gemm(id);
  else
    select_convolution(id);
}

ProductSelector::MatrixView ProductSelector::matrix_view(NodeId id) {
  const Node& n = function_.node(id);
  if (n.op == Op::kTranspose && n.shape.rank() == 2) {
    MatrixView view = matrix_view(n.operands[0]);
    std::swap(view.row_stride, view.column_stride);
    return view;
  }
  return {out_.whole(id), static_cast<std::size_t>(n.shape[1]), 1};
}

/// The shared matrix as rows of `view`'s columns: [k, m] contiguous from [m, k].
Source ProductSelector::transposed_copy(NodeId matrix, const MatrixView& view, std::size_t m, std::size_t k) {
  if (view.row_stride == 1) return view.source;  // already stands that way
  std::optional<Source>& copy = transposed_[matrix];
  if (!copy) {
    copy = out_.new_buffer(m * k, true);
    std::vector<std::uint32_t> table(m * k);
    for (std::size_t j = 0; j < k; ++j)
      for (std::size_t i = 0; i < m; ++i)
        table[j * m + i] = static_cast<std::uint32_t>(i * view.row_stride + j * view.column_stride);
    out_.emit(Instruction{.kind = InstructionKind::kGather,
                          .sources = {view.source},
                          .out = copy->slot,
                          .rows = m * k,
                          .table = std::move(table)},
              true, Phase::kForward);
  }
  return *copy;
}

/// out [m] = (bias) + W [m, k] x [k] with shared W, for a fused chain or a bare product.
void ProductSelector::select_gemm(NodeId id) {
  const Node& product = function_.node(fusion_.product[id]);
  const bool left_shared = placement_.is_shared[product.operands[0]];
  const NodeId matrix = product.operands[left_shared ? 0 : 1];
  MatrixView view = matrix_view(matrix);
  if (!left_shared) std::swap(view.row_stride, view.column_stride);
  Instruction gemm =
      gemm_instruction(matrix, view, size_of(product), out_.whole(product.operands[left_shared ? 1 : 0]));
  define_chain(id, std::move(gemm));
}

/// Appends a product with what its chain, which ends with node `id`, adds to it and applies.
void ProductSelector::define_chain(NodeId id, Instruction product) {
  product.epilogue = fusion_.epilogue[id];
  if (fusion_.bias[id] >= 0) {
    product.has_bias = true;
    product.sources.push_back(out_.whole(fusion_.bias[id]));
  }
  if (fusion_.slope_of[id] >= 0) product.sources.push_back(out_.whole(fusion_.slope_of[id]));
  out_.define(id, std::move(product));
}

Instruction ProductSelector::gemm_instruction(NodeId matrix, const MatrixView& view, std::size_t m, const Source& x) {
  const std::size_t k = x.rows;
  if (out_.lanes() == 1)  // one sample: x [1, k] · W' [k, m], features in the SIMD lanes
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

void ProductSelector::select_product(NodeId id) {
  const Node& n = function_.node(id);
  const Shape& left = function_.node(n.operands[0]).shape;
  const Shape& right = function_.node(n.operands[1]).shape;
  if (n.op == Op::kMatmul && left.rank() == 2 && right.rank() == 2 && placement_.is_shared[n.operands[0]] &&
      !placement_.is_shared[n.operands[1]]) {
    const MatrixView view = matrix_view(n.operands[0]);
    return out_.define(id, Instruction{.kind = InstructionKind::kGemm,
                                       .sources = {view.source, out_.whole(n.operands[1])},
                                       .m = static_cast<std::size_t>(left[0]),
                                       .k = static_cast<std::size_t>(left[1]),
                                       .n = static_cast<std::size_t>(right[1]),
                                       .row_stride = view.row_stride,
                                       .column_stride = view.column_stride});
  }
  Instruction batched{.kind = InstructionKind::kBatched,
                      .sources = {out_.whole(n.operands[0]), out_.whole(n.operands[1])}};
  batched.m = n.op == Op::kOuter || left.rank() == 2 ? static_cast<std::size_t>(left[0]) : 1;
  batched.k = n.op == Op::kOuter ? 1 : static_cast<std::size_t>(left[-1]);
  batched.n = n.op == Op::kOuter  ? static_cast<std::size_t>(right[0])
              : right.rank() == 2 ? static_cast<std::size_t>(right[1])
                                  : 1;
  out_.define(id, std::move(batched));
}

Instruction ProductSelector::convolution_instruction(InstructionKind kind, const Node& n) {
  Instruction instruction{.kind = kind, .op = n.op, .sources = {out_.whole(n.operands[0]), out_.whole(n.operands[1])}};
  instruction.conv = std::make_shared<const ConvTable>(conv_table(function_, n));
  instruction.m = instruction.conv->groups * instruction.conv->rows;
  instruction.k = instruction.conv->depth * instruction.conv->positions;
  instruction.n = instruction.conv->to_pixels;
  return instruction;
}

/// A sample's image under shared weights, which are packed once.
void ProductSelector::select_convolution(NodeId id) {
  const Node& n = function_.node(fusion_.product[id]);
  Instruction conv = convolution_instruction(InstructionKind::kConv, n);
  std::optional<Source>& packed = packed_[{n.operands[1], n.op, conv.conv->groups}];
  if (!packed) {
    packed = out_.new_buffer(conv.conv->num_weights(), true);
    out_.emit(Instruction{.kind = InstructionKind::kGather,
                          .sources = {conv.sources[1]},
                          .out = packed->slot,
                          .rows = packed->rows,
                          .table = packing_table(*conv.conv)},
              true, Phase::kForward);
  }
  conv.sources[1] = *packed;
  define_chain(id, std::move(conv));
}

}  // namespace costate::internal
