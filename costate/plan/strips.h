// Which instructions of a plan run together, a strip of rows at a time. Each elementwise instruction by itself goes
// through all of its operands and its result; where these are large, as the fields of a grid are, the next one finds
// them in no near cache. A strip goes through all instructions of a group before the next strip begins.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/plan/plan.h"

namespace costate::internal {

/// Instructions first … first + count - 1 of a phase, of as many rows each: elementwise ones, and scatters that move
/// all rows by as many places. What one of them computes is read by later ones at the same rows only, so that strips
/// give the same numbers.
struct StripGroup {
  std::size_t first = 0, count = 0;
  std::size_t rows = 0;  // of a strip
  /// Results that nothing reads after the group. One strip of each is in use at a time, at the start of its buffer,
  /// where it stays in the cache; numbers of other strips are never stored.
  std::vector<Slot> passing = {};

  bool is_passing(const Slot& slot) const;
};

/// Whether the instruction may stand in a group: one of these kinds whose result has many numbers in all lanes.
bool may_strip(const Instruction& instruction, std::size_t lanes);

/// The groups of a phase, in order; of at least two instructions with many numbers.
std::vector<StripGroup> strip_groups(const Plan& plan, Phase phase);

}  // namespace costate::internal
