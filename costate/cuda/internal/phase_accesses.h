// Which instructions of a plan must wait for each other: the threads of a block share each instruction's numbers, so
// that what one reads of another's result was mostly written by another thread.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/plan/plan.h"

namespace costate::internal {

/// What an instruction reads or writes: numbers [begin, end) of a region. In a strided access thread t has the numbers
/// begin + t, begin + t + threads, …
struct Access {
  Region region = Region::kScratch;
  std::int32_t index = 0;
  std::size_t begin = 0, end = 0;
  bool writes = false, is_strided = false;
};

/// The accesses of an instruction on a tile of so many lanes.
std::vector<Access> accesses_of(const Instruction& instruction, std::size_t lanes);

/// The accesses since the last barrier.
class PhaseAccesses {
 public:
  explicit PhaseAccesses(std::size_t threads) : threads_(threads) {}

  /// Takes note of an instruction; whether a barrier must come before it.
  bool add(const std::vector<Access>& accesses);

 private:
  bool collides(const Access& x, const Access& y) const;

  std::size_t threads_;
  std::vector<Access> known_;
};

}  // namespace costate::internal
