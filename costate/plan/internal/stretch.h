// Which numbers an instruction reads and writes, and whether two instructions have some in common.
#pragma once

#include <algorithm>
#include <cstddef>

#include "costate/plan/internal/extent.h"
#include "costate/plan/plan.h"

namespace costate::internal {

/// Numbers of a region that stand one after the other.
struct Stretch {
  Slot from;
  std::size_t size = 0;

  bool is_beside(const Stretch& other) const {
    return from.region == other.from.region && from.index == other.from.index;
  }
  bool meets(const Stretch& other) const {
    return is_beside(other) && from.offset < other.from.offset + other.size && other.from.offset < from.offset + size;
  }
  bool covers(const Stretch& other) const {
    return is_beside(other) && from.offset <= other.from.offset && other.from.offset + other.size <= from.offset + size;
  }
};

inline Stretch written(const Instruction& instruction, std::size_t lanes) {
  return {instruction.out, instruction.rows * lanes};
}
inline Stretch read(const Source& source, std::size_t lanes) { return {source.slot, extent(source, lanes)}; }

inline bool reads(const Instruction& instruction, const Stretch& numbers, std::size_t lanes) {
  return std::ranges::any_of(instruction.sources,
                             [&](const Source& source) { return read(source, lanes).meets(numbers); });
}

/// Whether the order of two instructions matters.
inline bool depend(const Instruction& x, const Instruction& y, std::size_t lanes) {
  const Stretch from_x = written(x, lanes), from_y = written(y, lanes);
  return from_x.meets(from_y) || reads(x, from_y, lanes) || reads(y, from_x, lanes);
}

}  // namespace costate::internal
