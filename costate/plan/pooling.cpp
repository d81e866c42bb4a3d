#include "costate/plan/pooling.h"

#include <algorithm>

#include "costate/graph/internal/pooling.h"

namespace costate::internal {
namespace {

using Range = PoolTable::Range;
using Run = PoolTable::Run;

Range range_of(std::int64_t first, std::int64_t end) {
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end)};
}

/// Runs of every `to_step`th range, for each of the places to begin at.
template <class PlaceOf>
std::vector<Run> runs_of(const std::vector<Range>& ranges, std::size_t to_step, std::size_t from_step,
                         PlaceOf place_of) {
  std::vector<Run> runs;
  for (std::size_t phase = 0; phase < std::min(to_step, ranges.size()); ++phase)
    for (std::size_t to = phase; to < ranges.size(); to += to_step) {
      const Run one{.num = 1,
                    .count = static_cast<std::uint32_t>(ranges[to].count()),
                    .to = static_cast<std::uint32_t>(to),
                    .to_step = static_cast<std::uint32_t>(to_step),
                    .from = ranges[to].first,
                    .from_step = static_cast<std::uint32_t>(from_step),
                    .place = static_cast<std::int32_t>(place_of(static_cast<std::int64_t>(to)))};
      const bool goes_on = to != phase && runs.back().count == one.count && runs.back().place == one.place &&
                           runs.back().from + runs.back().num * from_step == one.from;
      if (goes_on)
        ++runs.back().num;
      else
        runs.push_back(one);
    }
  return runs;
}

template <class PlaceOf>
PoolTable::Ranges ranges_of(std::vector<Range> in_order, std::int64_t to_step, std::int64_t from_step,
                            PlaceOf place_of) {
  PoolTable::Ranges ranges{
      .in_order = {},
      .runs = runs_of(in_order, static_cast<std::size_t>(to_step), static_cast<std::size_t>(from_step), place_of)};
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    ranges.have_gaps = ranges.have_gaps || in_order[i].count() == 0;
    ranges.overlap = ranges.overlap || (i > 0 && in_order[i].count() > 1 && in_order[i].first < in_order[i - 1].end);
  }
  ranges.in_order = std::move(in_order);
  return ranges;
}

PoolTable::Axis axis_of(const PoolAxis& along) {
  std::vector<Range> windows, numbers;
  for (std::int64_t i = 0; i < along.count; ++i) windows.push_back(range_of(along.first(i), along.end(i)));
  for (std::int64_t number = 0, first = 0, end = 0; number < along.length; ++number) {
    while (end < along.count && along.first(end) <= number) ++end;
    while (first < end && along.end(first) <= number) ++first;
    numbers.push_back(range_of(first, end));
  }
  const std::int64_t stride = std::min(along.stride, along.length);  // of one window, any
  const auto start = [&](std::int64_t window) { return window * stride - along.padding; };
  const std::vector<Range> firsts = numbers;
  const bool windows_meet = std::ranges::any_of(numbers, [](const Range& range) { return range.count() > 1; });
  PoolTable::Axis axis{.windows = ranges_of(std::move(windows), 1, stride,
                                            [&](std::int64_t i) { return std::max<std::int64_t>(0, -start(i)); }),
                       .numbers = ranges_of(std::move(numbers), stride, 1,
                                            [&](std::int64_t number) {
                                              return number - start(firsts[static_cast<std::size_t>(number)].first);
                                            }),
                       .stride = static_cast<std::uint32_t>(stride),
                       .windows_meet = windows_meet};
  axis.windows.kernel = along.kernel;
  axis.windows.step = stride;
  axis.windows.padding = along.padding;
  if (along.stride == 1) {
    axis.numbers.kernel = along.kernel;
    axis.numbers.padding = along.kernel - 1 - along.padding;
  }
  return axis;
}

}  // namespace

PoolTable pool_table(const Function& function, const Node& node) {
  std::vector<Shape> operands;
  for (const NodeId operand : node.operands) operands.push_back(function.node(operand).shape);
  const PoolGeometry geometry = pool_geometry(node.op, operands, node.indices, node.shape);
  const PoolAxis& rows = geometry.rows;
  return {.channels = static_cast<std::size_t>(geometry.channels),
          .rows = axis_of(rows),
          .columns = axis_of(geometry.columns),
          .rows_divide = rows.kernel == rows.stride && rows.padding == 0 && rows.kernel * rows.count == rows.length,
          .window_size = static_cast<std::size_t>(geometry.window_size())};
}

}  // namespace costate::internal
