#include "costate/plan/internal/row_tables.h"

namespace costate::internal {

std::vector<std::uint32_t> table_of(const std::vector<std::int64_t>& indices) {
  return std::vector<std::uint32_t>(indices.begin(), indices.end());
}

bool is_range(const std::vector<std::int64_t>& indices) {
  for (std::size_t i = 1; i < indices.size(); ++i)
    if (indices[i] != indices[i - 1] + 1) return false;
  return !indices.empty();
}

std::vector<std::uint32_t> broadcast_table(const Shape& from, const Shape& to) {
  const std::vector<std::int64_t> steps = from.strides();
  std::vector<std::uint32_t> table(static_cast<std::size_t>(to.size()));
  for (std::size_t flat = 0; flat < table.size(); ++flat) {
    std::int64_t rest = static_cast<std::int64_t>(flat), position = 0;
    for (int axis = 1; axis <= to.rank(); ++axis) {  // shapes are aligned at their last axes
      const std::int64_t coordinate = rest % to[-axis];
      rest /= to[-axis];
      if (axis <= from.rank() && from[-axis] != 1)
        position += coordinate * steps[static_cast<std::size_t>(from.rank() - axis)];
    }
    table[flat] = static_cast<std::uint32_t>(position);
  }
  return table;
}

std::vector<std::uint32_t> transpose_table(const Shape& from, const std::vector<std::int64_t>& axes) {
  const std::vector<std::int64_t> steps = from.strides();
  std::vector<std::uint32_t> table(static_cast<std::size_t>(from.size()));
  for (std::size_t flat = 0; flat < table.size(); ++flat) {
    std::int64_t rest = static_cast<std::int64_t>(flat), position = 0;
    for (std::size_t i = axes.size(); i-- > 0;) {
      const auto axis = static_cast<std::size_t>(axes[i]);
      position += rest % from.axes()[axis] * steps[axis];
      rest /= from.axes()[axis];
    }
    table[flat] = static_cast<std::uint32_t>(position);
  }
  return table;
}

GroupTable reduction_table(const Shape& from, const std::vector<std::int64_t>& axes) {
  std::vector<bool> is_folded(static_cast<std::size_t>(from.rank()), false);
  for (const std::int64_t axis : axes) is_folded[static_cast<std::size_t>(axis)] = true;
  std::size_t num_groups = 1;
  for (std::size_t axis = 0; axis < is_folded.size(); ++axis)
    if (!is_folded[axis]) num_groups *= static_cast<std::size_t>(from.axes()[axis]);
  std::vector<std::vector<std::uint32_t>> groups(num_groups);
  for (std::int64_t flat = 0; flat < from.size(); ++flat) {
    std::int64_t rest = flat, target = 0, step = 1;
    for (std::size_t axis = is_folded.size(); axis-- > 0;) {
      const std::int64_t length = from.axes()[axis];
      if (!is_folded[axis]) {
        target += rest % length * step;
        step *= length;
      }
      rest /= length;
    }
    groups[static_cast<std::size_t>(target)].push_back(static_cast<std::uint32_t>(flat));
  }
  GroupTable result{.group = groups.empty() ? 0 : groups[0].size(), .table = {}};
  for (const auto& group : groups) result.table.insert(result.table.end(), group.begin(), group.end());
  return result;
}

}  // namespace costate::internal
