#include "costate/plan/strips.h"

#include <algorithm>
#include <span>

#include "costate/plan/internal/stretch.h"

namespace costate::internal {
namespace {

constexpr std::size_t kManyNumbers = 8192;  // of a result: 64 KB in f64, more than a first-level cache
constexpr std::size_t kStripNumbers = 512;  // a dozen of such strips stay in the cache

bool is_shift(const Instruction& instruction) {
  if (instruction.kind != InstructionKind::kScatter) return false;
  for (std::size_t i = 0; i < instruction.table.size(); ++i)
    if (instruction.table[i] != instruction.table[0] + i) return false;
  return !instruction.table.empty();
}

class Grouping {
 public:
  Grouping(const Plan& plan, Phase phase) : instructions_(plan.in(phase)), lanes_(plan.lanes) {
    if (phase == Phase::kReverse) after_ = plan.in(Phase::kAccumulate);
  }

  std::vector<StripGroup> run() {
    std::vector<StripGroup> groups;
    for (std::size_t at = 0; at < instructions_.size();) {
      StripGroup group{.first = at, .count = 1};
      if (may_strip(instructions_[at], lanes_))
        while (at + group.count < instructions_.size() && may_join(group, instructions_[at + group.count]))
          ++group.count;
      at += group.count;
      if (group.count < 2) continue;
      group.rows = std::max<std::size_t>(1, kStripNumbers / lanes_);
      find_passing(group);
      groups.push_back(group);
    }
    return groups;
  }

 private:
  /// Whether what one instruction reads and what another writes may be taken strip by strip in the same order: they
  /// have nothing in common, or all of it, number by number.
  bool is_in_step(const Instruction& reader, const Instruction& writer) const {
    return std::ranges::all_of(reader.sources, [&](const Source& source) {
      if (!read(source, lanes_).meets(written(writer, lanes_))) return true;
      return reader.kind != InstructionKind::kScatter && source.slot == writer.out && source.motion == Motion::kFull;
    });
  }

  bool may_join(const StripGroup& group, const Instruction& next) const {
    if (!may_strip(next, lanes_) || next.rows != instructions_[group.first].rows) return false;
    return std::ranges::all_of(members(group), [&](const Instruction& member) {
      const bool writes_apart = member.out == next.out || !written(member, lanes_).meets(written(next, lanes_));
      return writes_apart && is_in_step(next, member) && is_in_step(member, next);
    });
  }

  std::span<const Instruction> members(const StripGroup& group) const {
    return std::span(instructions_).subspan(group.first, group.count);
  }

  void find_passing(StripGroup& group) const {
    for (const Instruction& member : members(group))
      if (member.out.region == Region::kScratch && !group.is_passing(member.out) && is_first_to_touch(group, member) &&
          !is_read_later(written(member, lanes_), group.first + group.count))
        group.passing.push_back(member.out);
  }

  /// What is read before it is written comes from before the group, whole.
  bool is_first_to_touch(const StripGroup& group, const Instruction& writer) const {
    for (const Instruction& member : members(group)) {
      if (reads(member, written(writer, lanes_), lanes_)) return false;
      if (member.out == writer.out) return true;
    }
    return true;
  }

  bool is_read_later(const Stretch& numbers, std::size_t from) const {
    for (const std::span<const Instruction> rest : {std::span(instructions_).subspan(from), after_})
      for (const Instruction& instruction : rest) {
        if (reads(instruction, numbers, lanes_)) return true;
        if (written(instruction, lanes_).covers(numbers)) return false;
      }
    return false;
  }

  std::span<const Instruction> instructions_, after_ = {};
  std::size_t lanes_;
};

}  // namespace

bool may_strip(const Instruction& instruction, std::size_t lanes) {
  const bool is_elementwise =
      instruction.kind == InstructionKind::kElementwise || instruction.kind == InstructionKind::kPair;
  return instruction.rows * lanes >= kManyNumbers && instruction.rows > 1 && (is_elementwise || is_shift(instruction));
}

bool StripGroup::is_passing(const Slot& slot) const { return std::ranges::find(passing, slot) != passing.end(); }

std::vector<StripGroup> strip_groups(const Plan& plan, Phase phase) { return Grouping(plan, phase).run(); }

}  // namespace costate::internal
