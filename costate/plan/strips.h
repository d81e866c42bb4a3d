// Which instructions of a plan run together, a strip of rows at a time. Each elementwise instruction by itself goes
// through all of its operands and its result; where these are large, as the fields of a grid are, the next one finds
// them in no near cache. A strip goes through all instructions of a group before the next strip begins.
//
// Neighbours on a grid are rows before and behind. What is read ahead of a strip is computed ahead of it: a member of
// a group has a lead, so many rows by which it is in front of the strip's end. What is read behind it is kept: results
// that nothing reads after their group stand in windows, which hold the rows that are still to be read.
//
//     strip s of a member:  rows begin, or s rows + lead, to (s + 1) rows + lead - 1
//     lead of a member   >= lead of each one that reads it, + shift, where that one's row r reads its row r + shift
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "costate/plan/plan.h"

namespace costate::internal {

/// What a member of a group reads.
struct StripSource {
  std::int32_t member = -1;  // of the group, whose result it is, by row; -1: what stands outside of the group
  std::ptrdiff_t shift = 0;  // row r reads row r + shift of it
  /// In rows before and from these on there is 0 instead: of a scatter, which is read where its operand stands.
  std::ptrdiff_t from = 0, to = std::numeric_limits<std::ptrdiff_t>::max();

  bool is_scattered() const { return to != std::numeric_limits<std::ptrdiff_t>::max(); }
};

/// How an instruction runs in its group. Its rows are those of its result; of a gather, those of its operand.
struct StripMember {
  std::size_t rows = 0;
  std::size_t begin = 0;    // the first row that is wanted
  std::ptrdiff_t lead = 0;  // in rows
  std::array<StripSource, 3> sources = {};
  std::size_t window = 0;    // where in the memory of the group's windows its result stands: so many rows of it
  std::size_t capacity = 0;  // 0: the result is stored in its place
  std::size_t kept = 0;      // rows before the strip's first that are still read
  bool is_skipped = false;   // a scatter that all read where its operand stands

  bool is_passing() const { return capacity > 0; }
};

/// Instructions first … first + count - 1 of a phase: elementwise ones, scatters that move all rows by as many places,
/// and scatters and gathers of runs of rows, in their order. Strips give the same numbers as one instruction after the
/// other.
struct StripGroup {
  static constexpr std::size_t kMostMembers = 64;
  static constexpr std::size_t kMostNumbers = 512;  // of a strip: a dozen of such strips stay in the cache

  std::size_t first = 0, count = 0;
  std::size_t rows = 0;        // of a strip
  std::size_t num_strips = 0;  // until all members are at their ends
  std::vector<StripMember> members = {};
  std::size_t window_size = 0;  // numbers of all windows
};

/// Whether the instruction may stand in a group: one of these kinds, of many numbers in all lanes.
bool may_strip(const Instruction& instruction, std::size_t lanes);

/// Whether a scatter moves all rows by as many places: table[i] = table[0] + i.
bool is_shift(const Instruction& instruction);
/// Whether the table names rows in ascending order, in long runs.
bool has_ascending_runs(const Instruction& instruction);

/// The groups of a phase, in order; of at least two instructions.
std::vector<StripGroup> strip_groups(const Plan& plan, Phase phase);

}  // namespace costate::internal
