// Pixels and taps of a convolution as walks with fixed steps, for kernels that do so little at a pixel that looking up
// where its numbers stand would take as long.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "costate/plan/convolution.h"

namespace costate::internal {

inline std::span<const ConvTable::Tap> taps_of(const ConvTable& table, const ConvTable::PixelClass& of) {
  return std::span(table.taps).subspan(of.first_tap, of.num_taps);
}

inline std::span<const ConvTable::Pixel> pixels_of(const ConvTable& table, const ConvTable::PixelClass& of) {
  return std::span(table.pixels).subspan(of.first_pixel, of.num_pixels);
}

/// Taps of a class as rows of a grid: tap i * columns + j is i * row_step + j * column_step pixels behind the first.
struct TapGrid {
  std::uint32_t rows = 1, columns = 1;
  std::ptrdiff_t row_step = 0, column_step = 0;
};

/// Of 1, 2, 3, 2 x 2, 2 x 3, 3 x 2 or 3 x 3 taps; nothing if there are others or they don't lie so.
std::optional<TapGrid> tap_grid(const ConvTable& table, const ConvTable::PixelClass& of);

/// Whether all classes have one.
bool has_tap_grids(const ConvTable& table);

/// Calls run(rows, columns) with the grid's as constants.
template <class Run>
inline void with_tap_grid(const TapGrid& grid, Run run) {
  const auto with_columns = [&](auto rows) {
    if (grid.columns == 3) return run(rows, std::integral_constant<std::size_t, 3>());
    if (grid.columns == 2) return run(rows, std::integral_constant<std::size_t, 2>());
    if constexpr (rows() == 1) run(rows, std::integral_constant<std::size_t, 1>());
  };
  if (grid.rows == 3) return with_columns(std::integral_constant<std::size_t, 3>());
  if (grid.rows == 2) return with_columns(std::integral_constant<std::size_t, 2>());
  with_columns(std::integral_constant<std::size_t, 1>());
}

/// Pixels to, to + to_step, … of one image, which read from, from + from_step, … of the other.
struct PixelRun {
  std::ptrdiff_t to = 0, from = 0;
  std::ptrdiff_t to_step = 0, from_step = 0;
  std::size_t count = 0;
};

/// Runs of a class's pixels, in its order. A class of three columns takes along, where it can, the pixel before each
/// run, which lacks the first column, and the one behind it, which lacks the last: those of two classes at borders.
struct ClassRuns {
  const ConvTable::PixelClass* of = nullptr;
  TapGrid grid;
  std::span<const PixelRun> runs;
  std::span<const ConvTable::Pixel> pixels;          // of all runs
  std::span<const ConvTable::Pixel> before, behind;  // of each run, or empty
};

/// The runs of all pixels of a table whose classes have grids, in parts that need no memory but this.
class PixelRuns {
 public:
  explicit PixelRuns(const ConvTable& table);

  /// The next part: of each class that has pixels in it what it has; empty at the end.
  std::span<const ClassRuns> next();

 private:
  static constexpr std::size_t kMostRuns = 32, kMostClasses = 16;

  /// Of a class of which pixels are taken along: those of two others, or null.
  struct Borders {
    const ConvTable::PixelClass *before = nullptr, *behind = nullptr;
  };

  const ConvTable::PixelClass* find_border(std::size_t inner, bool is_before);

  const ConvTable& table_;
  std::array<TapGrid, kMostClasses> grids_;  // of the first classes
  std::array<Borders, kMostClasses> borders_;
  std::array<bool, kMostClasses> is_taken_along_ = {};
  std::size_t next_class_ = 0, next_pixel_ = 0, next_run_ = 0;  // where the next part begins
  std::array<PixelRun, kMostRuns> runs_;
  std::array<ClassRuns, kMostClasses> parts_;
};

}  // namespace costate::internal
