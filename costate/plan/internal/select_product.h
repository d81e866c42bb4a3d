// Instructions of products: matrices, outer products and convolutions, with what a chain adds to them (fusion.h).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <tuple>

#include "costate/plan/internal/fusion.h"
#include "costate/plan/internal/instruction_writer.h"
#include "costate/plan/internal/placement.h"

namespace costate::internal {

class ProductSelector {
 public:
  ProductSelector(const Function& function, const Placement& placement, const Fusion& fusion, InstructionWriter& out);

  /// A chain's product with shared weights, of which `id` is the last node.
  void select_chain(NodeId id);

  /// A product of its own: node `id` is a matmul or an outer product.
  void select_product(NodeId id);

  /// The convolution of node `n`, which computes into nothing yet.
  Instruction convolution_instruction(InstructionKind kind, const Node& n);

 private:
  /// A shared matrix, its transposition read through strides.
  struct MatrixView {
    Source source;
    std::size_t row_stride = 0, column_stride = 0;
  };

  MatrixView matrix_view(NodeId id);
  Source transposed_copy(NodeId matrix, const MatrixView& view, std::size_t m, std::size_t k);
  void select_gemm(NodeId id);
  void select_convolution(NodeId id);
  Instruction gemm_instruction(NodeId matrix, const MatrixView& view, std::size_t m, const Source& x);
  void define_chain(NodeId id, Instruction product);

  const Function& function_;
  const Placement& placement_;
  const Fusion& fusion_;
  InstructionWriter& out_;
  PerNode<std::optional<Source>> transposed_;
  std::map<std::tuple<NodeId, Op, std::size_t>, std::optional<Source>> packed_;  // by weights, operation and groups
};

}  // namespace costate::internal
