#include "costate/plan/strips.h"

#include <algorithm>
#include <span>

#include "costate/plan/internal/extent.h"

namespace costate::internal {
namespace {

constexpr std::size_t kManyNumbers = 8192;   // of a result: 64 KB in f64, more than a first-level cache
constexpr std::size_t kStripNumbers = 1024;  // a dozen of such strips stay in the cache

/// Numbers of a region.
struct Stretch {
  Slot from;
  std::size_t size = 0;

  bool meets(const Stretch& other) const {
    return from.region == other.from.region && from.index == other.from.index &&
           from.offset < other.from.offset + other.size && other.from.offset < from.offset + size;
  }
  bool covers(const Stretch& other) const {
    return from.region == other.from.region && from.index == other.from.index && from.offset <= other.from.offset &&
           other.from.offset + other.size <= from.offset + size;
  }
};

class Grouping {
 public:
  Grouping(const Plan& plan, Phase phase) : plan_(plan), instructions_(plan.in(phase)), lanes_(plan.lanes) {
    if (phase == Phase::kReverse) after_ = plan.in(Phase::kAccumulate);
  }

  std::vector<StripGroup> run() {
    std::vector<StripGroup> groups;
    for (std::size_t at = 0; at < instructions_.size();) {
      StripGroup group{.first = at, .count = 1};
      if (may_strip(instructions_[at]))
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
  bool may_strip(const Instruction& instruction) const {
    return (instruction.kind == InstructionKind::kElementwise || instruction.kind == InstructionKind::kPair) &&
           instruction.rows * lanes_ >= kManyNumbers && instruction.rows > 1;
  }

  Stretch written(const Instruction& instruction) const { return {instruction.out, instruction.rows * lanes_}; }
  Stretch read(const Source& source) const { return {source.slot, extent(source, lanes_)}; }

  /// Whether what one instruction reads and what another writes may be taken strip by strip in the same order: they
  /// have nothing in common, or all of it, number by number.
  bool is_in_step(const Source& source, const Instruction& writer) const {
    if (!read(source).meets(written(writer))) return true;
    return source.slot == writer.out && source.motion == Motion::kFull;
  }
  bool is_in_step(const Instruction& reader, const Instruction& writer) const {
    return std::ranges::all_of(reader.sources, [&](const Source& source) { return is_in_step(source, writer); });
  }

  bool may_join(const StripGroup& group, const Instruction& next) const {
    if (!may_strip(next) || next.rows != instructions_[group.first].rows) return false;
    return std::ranges::all_of(members(group), [&](const Instruction& member) {
      const bool writes_apart = member.out == next.out || !written(member).meets(written(next));
      return writes_apart && is_in_step(next, member) && is_in_step(member, next);
    });
  }

  std::span<const Instruction> members(const StripGroup& group) const {
    return std::span(instructions_).subspan(group.first, group.count);
  }

  void find_passing(StripGroup& group) const {
    for (const Instruction& member : members(group))
      if (member.out.region == Region::kScratch && !group.is_passing(member.out) && is_first_to_touch(group, member) &&
          !is_read_later(written(member), group.first + group.count))
        group.passing.push_back(member.out);
  }

  /// What is read before it is written comes from before the group, whole.
  bool is_first_to_touch(const StripGroup& group, const Instruction& writer) const {
    for (const Instruction& member : members(group)) {
      for (const Source& source : member.sources)
        if (read(source).meets(written(writer))) return false;
      if (member.out == writer.out) return true;
    }
    return true;
  }

  bool is_read_later(const Stretch& numbers, std::size_t from) const {
    for (const std::span<const Instruction> rest : {std::span(instructions_).subspan(from), after_})
      for (const Instruction& instruction : rest) {
        if (std::ranges::any_of(instruction.sources, [&](const Source& s) { return read(s).meets(numbers); }))
          return true;
        if (written(instruction).covers(numbers)) return false;
      }
    return false;
  }

  const Plan& plan_;
  std::span<const Instruction> instructions_, after_ = {};
  std::size_t lanes_;
};

}  // namespace

bool StripGroup::is_passing(const Slot& slot) const { return std::ranges::find(passing, slot) != passing.end(); }

std::vector<StripGroup> strip_groups(const Plan& plan, Phase phase) { return Grouping(plan, phase).run(); }

}  // namespace costate::internal
