// f(x, arguments) = 0 as data: what Newton's method and the implicit function theorem evaluate.
//
// J = df/dx is never held as [n, n]. Its places come from the graph (sparsity.h). Columns that share no row have one
// color; a tile of jvp's has a color in each lane, so that a few derivatives give all of J.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/graph/graph.h"
#include "costate/operations/internal/sparse_solver.h"
#include "costate/operations/internal/sparsity.h"

namespace costate::internal {

/// Immutable; may be used from many threads.
class ImplicitSystem {
 public:
  /// f: inputs x [n], then the arguments; output 0 is [n]. `rows`: its dependencies on x. `method`: how systems with
  /// J are solved.
  ImplicitSystem(const Function& f, const IndexLists& rows, LinearMethod method = LinearMethod::kFactors);

  std::size_t size() const { return size_; }
  LinearMethod method() const { return method_; }
  std::size_t num_arguments() const { return value_.inputs().size() - 1; }
  std::size_t num_colors() const { return num_colors_; }
  const std::vector<std::int32_t>& colors() const { return colors_; }
  /// The rows of each column of J.
  const IndexLists& columns() const { return columns_; }

  /// (x, arguments) -> f.
  const Function& value() const { return value_; }
  /// (x, arguments, v) -> J v, or J^T v.
  const Function& product(Side side) const { return side == Side::kJacobian ? tangent_ : cotangent_; }
  /// vjp of value(), and jvp, by all its inputs.
  const Function& value_vjp() const { return value_vjp_; }
  const Function& value_jvp() const { return value_jvp_; }
  /// (x, arguments, v, cotangent) -> (J v, cotangents of x, of the arguments, of v); and (x, arguments, v, tangents)
  /// -> (product, its tangent). Made at the first call.
  const Function& product_vjp(Side side) const;
  const Function& product_jvp(Side side) const;

  /// value() and product() for one sample in the lane, and jvp's of f for kColorLanes directions that share x and the
  /// arguments: (x, arguments, v) -> J v.
  static constexpr std::size_t kColorLanes = 8;
  const TileFunction<double>& value_tile() const { return *value_tile_; }
  const TileFunction<double>& product_tile(Side side) const;
  const TileFunction<double>& color_tile() const { return *color_tile_; }

 private:
  std::size_t size_;
  LinearMethod method_;
  IndexLists columns_;
  std::vector<std::int32_t> colors_;
  std::size_t num_colors_ = 0;
  Function value_, tangent_, cotangent_, value_vjp_, value_jvp_;
  std::unique_ptr<const TileFunction<double>> value_tile_, color_tile_;
  mutable std::mutex mutex_;  // of what is made at the first call
  mutable std::map<std::pair<Side, bool>, Function> second_derivatives_;
  mutable std::map<Side, std::unique_ptr<const TileFunction<double>>> product_tiles_;
};

}  // namespace costate::internal
