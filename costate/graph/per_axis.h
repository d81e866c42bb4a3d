// A number for each axis of an image.
#pragma once

#include <cstddef>
#include <cstdint>

namespace costate {

/// Of an image's rows and columns; one number stands for both, as in PyTorch. (A std::array would take it for the
/// rows.)
struct PerAxis {
  std::int64_t rows, columns;

  constexpr PerAxis(std::int64_t both) : PerAxis(both, both) {}
  constexpr PerAxis(std::int64_t of_rows, std::int64_t of_columns) : rows(of_rows), columns(of_columns) {}

  constexpr std::int64_t operator[](std::size_t axis) const { return axis == 0 ? rows : columns; }
  constexpr std::int64_t& operator[](std::size_t axis) { return axis == 0 ? rows : columns; }
  bool operator==(const PerAxis&) const = default;
};

}  // namespace costate
