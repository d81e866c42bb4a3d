#include "costate/exec/kernels/pixel_runs.h"

#include <algorithm>

namespace costate::internal {
namespace {

using Pixel = ConvTable::Pixel;
using PixelClass = ConvTable::PixelClass;
using Tap = ConvTable::Tap;

bool is_grid(std::span<const Tap> taps, const TapGrid& grid) {
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const auto row = static_cast<std::ptrdiff_t>(i / grid.columns);
    const auto column = static_cast<std::ptrdiff_t>(i % grid.columns);
    if (taps[i].shift != row * grid.row_step + column * grid.column_step) return false;
  }
  return true;
}

/// The run that the first of the pixels begins or, where columns of taps go the other way, ends.
PixelRun run_of(std::span<const Pixel> pixels, const TapGrid& grid) {
  PixelRun run{.to = pixels[0].to, .from = pixels[0].from, .count = 1};
  if (pixels.size() == 1) return run;
  run.to_step = static_cast<std::ptrdiff_t>(pixels[1].to) - run.to;
  run.from_step = static_cast<std::ptrdiff_t>(pixels[1].from) - run.from;
  std::ptrdiff_t to = run.to + run.to_step, from = run.from + run.from_step;
  while (run.count < pixels.size() && pixels[run.count].to == to && pixels[run.count].from == from) {
    ++run.count;
    to += run.to_step;
    from += run.from_step;
  }
  if (run.from_step == -grid.column_step)
    run = {.to = to - run.to_step,
           .from = from - run.from_step,
           .to_step = -run.to_step,
           .from_step = -run.from_step,
           .count = run.count};
  return run;
}

/// Whether taps are those of three columns without the first, or without the last.
bool lack_a_column(std::span<const Tap> taps, const TapGrid& grid, std::span<const Tap> all, const TapGrid& inner,
                   bool is_first) {
  if (grid.rows != inner.rows || grid.columns != 2 || inner.columns != 3) return false;
  if (grid.column_step != inner.column_step || (grid.rows > 1 && grid.row_step != inner.row_step)) return false;
  for (std::size_t i = 0; i < taps.size(); ++i)
    if (taps[i].position != all[i / 2 * 3 + i % 2 + (is_first ? 1 : 0)].position) return false;
  return true;
}

/// Whether the pixels of a class stand before the runs of another, or behind them, one by one.
bool are_beside_runs(std::span<const Pixel> border, std::span<const Pixel> pixels, const TapGrid& inner,
                     bool is_before) {
  std::size_t i = 0;
  for (; !pixels.empty(); ++i) {
    const PixelRun run = run_of(pixels, inner);
    if (i == border.size() || run.from_step != inner.column_step) return false;
    const std::ptrdiff_t steps = is_before ? -1 : static_cast<std::ptrdiff_t>(run.count);
    const std::ptrdiff_t first_tap = is_before ? inner.column_step : 0;
    if (border[i].to != run.to + steps * run.to_step || border[i].from != run.from + steps * run.from_step + first_tap)
      return false;
    pixels = pixels.subspan(run.count);
  }
  return i == border.size();
}

}  // namespace

std::optional<TapGrid> tap_grid(const ConvTable& table, const PixelClass& of) {
  constexpr std::array<std::array<std::uint32_t, 2>, 7> kSizes = {
      {{1, 1}, {1, 2}, {1, 3}, {2, 2}, {2, 3}, {3, 2}, {3, 3}}};
  const std::span<const Tap> taps = taps_of(table, of);
  for (const auto& [rows, columns] : kSizes) {
    if (rows * columns != of.num_taps) continue;
    const TapGrid grid{.rows = rows,
                       .columns = columns,
                       .row_step = rows > 1 ? taps[columns].shift : 0,
                       .column_step = columns > 1 ? taps[1].shift : 0};
    if (is_grid(taps, grid)) return grid;
  }
  return std::nullopt;
}

bool has_tap_grids(const ConvTable& table) {
  return std::ranges::all_of(table.classes, [&](const PixelClass& of) { return tap_grid(table, of).has_value(); });
}

PixelRuns::PixelRuns(const ConvTable& table) : table_(table) {
  const std::size_t num_classes = std::min(kMostClasses, table.classes.size());
  for (std::size_t i = 0; i < num_classes; ++i) grids_[i] = *tap_grid(table, table.classes[i]);
  constexpr std::size_t kFewGroups = 8;  // to look for borders takes as long as some groups
  if (table.groups < kFewGroups) return;
  for (std::size_t i = 0; i < num_classes; ++i)
    if (grids_[i].columns == 3) borders_[i] = {.before = find_border(i, true), .behind = find_border(i, false)};
}

const PixelClass* PixelRuns::find_border(std::size_t inner, bool is_before) {
  const PixelClass& around = table_.classes[inner];
  for (std::size_t i = 0; i < std::min(kMostClasses, table_.classes.size()); ++i) {
    const PixelClass& of = table_.classes[i];
    if (!is_taken_along_[i] &&
        lack_a_column(taps_of(table_, of), grids_[i], taps_of(table_, around), grids_[inner], is_before) &&
        are_beside_runs(pixels_of(table_, of), pixels_of(table_, around), grids_[inner], is_before)) {
      is_taken_along_[i] = true;
      return &of;
    }
  }
  return nullptr;
}

std::span<const ClassRuns> PixelRuns::next() {
  std::size_t num_parts = 0, num_runs = 0;
  for (; next_class_ < table_.classes.size() && num_parts < kMostClasses && num_runs < kMostRuns; ++next_class_) {
    const bool is_early = next_class_ < kMostClasses;
    if (is_early && is_taken_along_[next_class_]) continue;
    const PixelClass& of = table_.classes[next_class_];
    const std::span<const Pixel> pixels = pixels_of(table_, of);
    const TapGrid grid = is_early ? grids_[next_class_] : *tap_grid(table_, of);
    const std::size_t first_pixel = next_pixel_, first_run = num_runs;
    for (; next_pixel_ < pixels.size() && num_runs < kMostRuns; next_pixel_ += runs_[num_runs++].count)
      runs_[num_runs] = run_of(pixels.subspan(next_pixel_), grid);
    const std::size_t count = num_runs - first_run;
    const auto beside = [&](const PixelClass* border) {
      return border == nullptr ? std::span<const Pixel>() : pixels_of(table_, *border).subspan(next_run_, count);
    };
    const Borders borders = is_early ? borders_[next_class_] : Borders{};
    parts_[num_parts++] = {.of = &of,
                           .grid = grid,
                           .runs = std::span(runs_).subspan(first_run, count),
                           .pixels = pixels.subspan(first_pixel, next_pixel_ - first_pixel),
                           .before = beside(borders.before),
                           .behind = beside(borders.behind)};
    next_run_ += count;
    if (next_pixel_ < pixels.size()) break;
    next_pixel_ = next_run_ = 0;
  }
  return std::span(parts_).first(num_parts);
}

}  // namespace costate::internal
