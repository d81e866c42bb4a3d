#include "costate/array/take_rows.h"

#include <algorithm>

#include "costate/base/error.h"

namespace costate {

HostArray take_rows(const HostArray& array, std::span<const std::size_t> rows) {
  if (array.shape().rank() == 0) throw ShapeError("[take_rows] the array must have at least one axis; got a scalar.");
  std::vector<std::int64_t> axes = array.shape().axes();
  const auto num_rows = static_cast<std::size_t>(axes[0]);
  const std::size_t width = num_rows == 0 ? 0 : static_cast<std::size_t>(array.size()) / num_rows;
  for (const std::size_t row : rows)
    if (row >= num_rows)
      throw InvalidArgument("[take_rows] rows must be below ", num_rows, ", the array's length; got ", row, ".");
  axes[0] = static_cast<std::int64_t>(rows.size());
  HostArray taken(Shape(std::move(axes)), array.dtype());
  const auto copy = [&](auto from, auto to) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::ranges::copy(from.subspan(rows[i] * width, width), to.subspan(i * width, width).begin());
  };
  if (array.dtype() == Dtype::kF32)
    copy(array.data<float>(), taken.data<float>());
  else
    copy(array.data<double>(), taken.data<double>());
  return taken;
}

}  // namespace costate
