// What the four pools of ops.def have in common: numbers x of an image, y of a result, and which window of the image a
// number of the result is made of. avg_pool is the mean of each window; max_pool takes of a second image v what stands
// at the place of the window's maximum in x, so that max_pool of x and x is the maximum, with a derivative by v alone.
// avg_pool_input and max_pool_input are their transposes by x and by v: they bring numbers of a result to the image.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "costate/array/shape.h"
#include "costate/graph/graph.h"

namespace costate::internal {

/// An axis of an image, and the windows along it.
struct PoolAxis {
  std::int64_t length = 0, kernel = 1, stride = 1, padding = 0;
  std::int64_t count = 0;  // of windows

  /// Window i has the numbers from first to end - 1; each has one at least.
  std::int64_t first(std::int64_t i) const;
  std::int64_t end(std::int64_t i) const;
};

struct PoolGeometry {
  std::int64_t channels = 0;
  PoolAxis rows, columns;

  /// Padding counts.
  std::int64_t window_size() const { return rows.kernel * columns.kernel; }
};

/// Of an operation whose result has, or is to have, shape `target`; only avg_pool_input needs one. ShapeError with the
/// bare reason if shapes do not fit.
PoolGeometry pool_geometry(Op op, std::span<const Shape> operands, const std::vector<std::int64_t>& attributes,
                           const Shape& target);

/// The shape that the geometry gives to the result of an operation.
Shape pool_shape(Op op, const PoolGeometry& geometry);

/// Calls visit(number of the result, number of the image) for all numbers of all windows: windows in order, and the
/// numbers of each in row-major order.
void for_windows(const PoolGeometry& geometry, const std::function<void(std::int64_t, std::int64_t)>& visit);

/// The value of such a node in plain loops. Of equal numbers the first is the maximum; a NaN is larger than any number,
/// and of several the last, as in PyTorch.
std::vector<double> interpret_pool(const Node& node, std::span<const std::vector<double>> operands,
                                   std::span<const Shape> shapes);

}  // namespace costate::internal
