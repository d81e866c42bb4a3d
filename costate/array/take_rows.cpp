#include "costate/array/take_rows.h"

#include "costate/base/error.h"

namespace costate {

HostArray take_rows(const HostArray& array, std::span<const std::size_t> rows) {
  if (array.shape().rank() == 0) throw ShapeError("[take_rows] the array must have at least one axis; got a scalar.");
  std::vector<std::int64_t> axes = array.shape().axes();
  const auto num_rows = static_cast<std::size_t>(axes[0]);
  const std::int64_t width = axes[0] == 0 ? 0 : array.size() / axes[0];
  axes[0] = static_cast<std::int64_t>(rows.size());
  HostArray taken(Shape(std::move(axes)), array.dtype());
  std::int64_t next = 0;
  for (const std::size_t row : rows) {
    if (row >= num_rows)
      throw InvalidArgument("[take_rows] rows must be below ", num_rows, ", the array's length; got ", row, ".");
    const std::int64_t first = static_cast<std::int64_t>(row) * width;
    for (std::int64_t i = 0; i < width; ++i) taken.set(next++, array.at(first + i));
  }
  return taken;
}

}  // namespace costate
