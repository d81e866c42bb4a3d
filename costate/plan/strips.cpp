// A run of instructions that may stand in a group is tried as a whole, then without its last ones, until what its
// members read and write can be taken strip by strip.
#include "costate/plan/strips.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include "costate/plan/internal/stretch.h"

namespace costate::internal {
namespace {

constexpr std::size_t kManyNumbers = 8192;  // of a result: 64 KB in f64, more than a first-level cache
constexpr std::size_t kFarNumbers = 16384;  // what is read further ahead or behind would fill a second-level cache
constexpr std::size_t kSlack = 3;           // strips that a window has room for beside what it holds
constexpr std::size_t kShortRun = 8;        // rows; one lane's vector
constexpr std::size_t kStagger = 16;        // numbers between windows, which would else share sets of the cache
constexpr std::size_t kRowUnit = 16;        // rows: a cache line of f32, two of f64

// Strips begin at multiples of this many rows, so that vectors of what stands side by side are aligned alike.
std::size_t round_up(std::size_t rows) { return (rows + kRowUnit - 1) / kRowUnit * kRowUnit; }
std::ptrdiff_t round_down(std::ptrdiff_t rows) {
  const auto unit = static_cast<std::ptrdiff_t>(kRowUnit), rest = rows % unit;
  return rows - (rest < 0 ? rest + unit : rest);
}

bool is_elementwise(const Instruction& instruction) {
  return instruction.kind == InstructionKind::kElementwise || instruction.kind == InstructionKind::kPair;
}

/// Instructions of a phase as a group, if they can be one.
class Grouping {
 public:
  Grouping(std::span<const Instruction> instructions, std::span<const Instruction> rest,
           std::span<const Instruction> next_phase, std::size_t lanes)
      : instructions_(instructions),
        rest_{rest, next_phase},
        lanes_(lanes),
        members_(instructions.size()),
        is_visible_(instructions.size()),
        has_no_negative_zero_(instructions.size()) {}

  std::optional<StripGroup> find() {
    StripGroup group{.count = instructions_.size(),
                     .rows = std::max<std::size_t>(1, StripGroup::kMostNumbers / lanes_)};
    for (std::size_t i = 0; i < members_.size(); ++i) is_visible_[i] = is_read_after(i);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (!find_sources(i)) return std::nullopt;
      read_scatters_in_place(i);
    }
    find_leads();
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (is_visible_[i] && !may_store(i)) return std::nullopt;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      StripMember& member = members_[i];
      if (is_visible_[i] || member.is_skipped) continue;
      member.window = group.window_size;
      member.kept = rows_behind(i);
      member.capacity = group.rows + member.kept + (4 * member.kept > group.rows ? kSlack * group.rows : 0);
      group.window_size += round_up(member.capacity * lanes_) + kStagger;
    }
    for (const StripMember& member : members_) {
      const auto end =
          static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, static_cast<std::ptrdiff_t>(member.rows) - member.lead));
      group.num_strips = std::max(group.num_strips, (end + group.rows - 1) / group.rows);
    }
    group.members = std::move(members_);
    return group;
  }

 private:
  Stretch written_by(std::size_t i) const { return written(instructions_[i], lanes_); }

  /// What a row reads beside the place of its source: rows of it.
  std::ptrdiff_t own_shift(const Instruction& instruction) const {
    return instruction.kind == InstructionKind::kScatter ? -static_cast<std::ptrdiff_t>(instruction.table[0]) : 0;
  }

  bool find_sources(std::size_t i) {
    const Instruction& instruction = instructions_[i];
    StripMember& member = members_[i];
    const bool is_gather = instruction.kind == InstructionKind::kGather;
    member.rows = is_gather ? instruction.table.back() + std::size_t{1} : instruction.rows;
    member.begin = is_gather ? instruction.table.front() : 0;
    for (std::size_t k = 0; k < instruction.sources.size(); ++k) {
      const Source& source = instruction.sources[k];
      const Stretch numbers = read(source, lanes_);
      std::size_t writer = i;
      while (writer-- > 0)
        if (written_by(writer).meets(numbers)) break;
      if (writer >= i) continue;  // none
      const std::size_t distance = source.slot.offset - instructions_[writer].out.offset;
      const bool is_by_row = is_elementwise(instruction) || is_gather || is_shift(instruction);
      if (!is_by_row || source.motion != Motion::kFull || !written_by(writer).covers(numbers) ||
          distance % lanes_ != 0 || instructions_[writer].kind == InstructionKind::kGather)
        return false;
      member.sources[k] = {static_cast<std::int32_t>(writer),
                           static_cast<std::ptrdiff_t>(distance / lanes_) + own_shift(instruction)};
    }
    // By itself it would be as fast.
    return !is_gather || member.sources[0].member >= 0;
  }

  bool is_sum(const Instruction& instruction) const {
    return instruction.op == Op::kAdd &&
           (instruction.kind == InstructionKind::kElementwise ||
            (instruction.kind == InstructionKind::kPair && instruction.inner_op == Op::kAdd));
  }

  /// Whether no number of what a member reads is -0.
  bool is_never_negative_zero(const StripSource& source) const {
    return source.member >= 0 && has_no_negative_zero_[static_cast<std::size_t>(source.member)];
  }

  /// A scatter adds what it moves to 0, which changes -0 to 0 and nothing else. That makes no difference where it is
  /// added to a number that is not -0 itself.
  void read_scatters_in_place(std::size_t i) {
    StripMember& member = members_[i];
    const Instruction& instruction = instructions_[i];
    const auto first =
        std::ranges::find_if(member.sources, [&](const StripSource& source) { return is_never_negative_zero(source); });
    has_no_negative_zero_[i] =
        instruction.kind == InstructionKind::kScatter || (is_sum(instruction) && first != member.sources.end());
    if (!is_sum(instruction) || first == member.sources.end()) return;
    for (StripSource& source : member.sources) {
      if (&source == &*first || source.member < 0) continue;
      const auto writer = static_cast<std::size_t>(source.member);
      const StripSource& moved = members_[writer].sources[0];
      if (!is_shift(instructions_[writer]) || moved.member < 0) continue;
      const std::ptrdiff_t place = instructions_[writer].table[0] - source.shift;
      source = {moved.member, source.shift + moved.shift, place,
                place + static_cast<std::ptrdiff_t>(instructions_[writer].table.size())};
    }
  }

  /// Calls visit(reader, shift) for each member that reads member i.
  template <class Visit>
  void for_readers(std::size_t i, Visit visit) const {
    for (std::size_t reader = i + 1; reader < members_.size(); ++reader)
      for (const StripSource& source : members_[reader].sources)
        if (source.member == static_cast<std::int32_t>(i) && !members_[reader].is_skipped)
          visit(members_[reader], source.shift);
  }

  void find_leads() {
    constexpr auto kNone = std::numeric_limits<std::ptrdiff_t>::max();
    for (std::size_t i = members_.size(); i-- > 0;) {
      std::ptrdiff_t lead = -kNone, begin = kNone;
      for_readers(i, [&](const StripMember& reader, std::ptrdiff_t shift) {
        lead = std::max(lead, reader.lead + shift);
        begin = std::min(begin, static_cast<std::ptrdiff_t>(reader.begin) + shift);
      });
      members_[i].is_skipped = begin == kNone && !is_visible_[i];
      if (begin == kNone) continue;  // nothing reads it here
      members_[i].lead = -round_down(-lead);
      if (!is_visible_[i]) members_[i].begin = static_cast<std::size_t>(round_down(std::max<std::ptrdiff_t>(0, begin)));
    }
  }

  /// Whether anything reads the result after the group, where no later member writes over it.
  bool is_read_after(std::size_t i) const {
    const Stretch numbers = written_by(i);
    if (instructions_[i].out.region != Region::kScratch) return true;
    for (std::size_t later = i + 1; later < members_.size(); ++later)
      if (written_by(later).covers(numbers)) return false;
    std::vector<Stretch> overwritten;
    const auto is_new = [&](const Stretch& read) {
      return std::ranges::any_of(overwritten, [&](const Stretch& other) { return other.covers(read); });
    };
    for (const std::span<const Instruction> part : rest_)
      for (const Instruction& instruction : part) {
        for (const Source& source : instruction.sources)
          if (const Stretch from = read(source, lanes_); from.meets(numbers) && !is_new(from)) return true;
        overwritten.push_back(written(instruction, lanes_));
        if (overwritten.back().covers(numbers)) return false;
        if (!overwritten.back().meets(numbers)) overwritten.pop_back();
      }
    return false;
  }

  /// Whether a result can be stored in its place while strips before it and behind it read and write theirs.
  bool may_store(std::size_t i) const {
    const Stretch numbers = written_by(i);
    for (std::size_t other = 0; other < members_.size(); ++other) {
      if (other == i) continue;
      if (is_visible_[other] && written_by(other).meets(numbers)) return false;
      for (std::size_t k = 0; k < instructions_[other].sources.size(); ++k) {
        const Source& source = instructions_[other].sources[k];
        if (members_[other].sources[k].member >= 0 || !read(source, lanes_).meets(numbers)) continue;
        // It reads what stood there before: at the same row, no later than that is written.
        const bool is_in_step = is_elementwise(instructions_[other]) && source.motion == Motion::kFull &&
                                source.slot == instructions_[i].out && other <= i &&
                                members_[i].lead <= members_[other].lead;
        if (!is_in_step) return false;
      }
    }
    return true;
  }

  /// How far behind a strip's first row its readers read.
  std::size_t rows_behind(std::size_t i) const {
    std::ptrdiff_t behind = 0;
    for_readers(i, [&](const StripMember& reader, std::ptrdiff_t shift) {
      const std::ptrdiff_t first = std::min(reader.lead, static_cast<std::ptrdiff_t>(reader.begin)) + shift;
      behind = std::max(behind, members_[i].lead - first);
    });
    return round_up(static_cast<std::size_t>(behind));
  }

  std::span<const Instruction> instructions_;
  std::array<std::span<const Instruction>, 2> rest_;
  std::size_t lanes_;
  std::vector<StripMember> members_;
  std::vector<bool> is_visible_;            // results that stand in their place
  std::vector<bool> has_no_negative_zero_;  // results
};

bool is_near(const StripGroup& group, std::size_t lanes) {
  return std::ranges::all_of(group.members, [&](const StripMember& member) {
    return (member.capacity * lanes) <= kFarNumbers + (kSlack + 1) * group.rows * lanes &&
           std::abs(member.lead) * static_cast<std::ptrdiff_t>(lanes) <= static_cast<std::ptrdiff_t>(kFarNumbers);
  });
}

}  // namespace

bool is_shift(const Instruction& instruction) {
  if (instruction.kind != InstructionKind::kScatter) return false;
  for (std::size_t i = 0; i < instruction.table.size(); ++i)
    if (instruction.table[i] != instruction.table[0] + i) return false;
  return !instruction.table.empty();
}

bool has_ascending_runs(const Instruction& instruction) {
  const std::vector<std::uint32_t>& table = instruction.table;
  std::size_t num_runs = 1;
  for (std::size_t i = 1; i < table.size(); ++i) {
    if (table[i] <= table[i - 1]) return false;
    if (table[i] != table[i - 1] + 1) ++num_runs;
  }
  return num_runs * kShortRun <= table.size();
}

bool may_strip(const Instruction& instruction, std::size_t lanes) {
  if (instruction.rows * lanes < kManyNumbers || lanes > StripGroup::kMostNumbers) return false;
  const bool moves = instruction.kind == InstructionKind::kScatter || instruction.kind == InstructionKind::kGather;
  return is_elementwise(instruction) || (moves && has_ascending_runs(instruction));
}

std::vector<StripGroup> strip_groups(const Plan& plan, Phase phase) {
  const std::span<const Instruction> all = plan.in(phase);
  const std::span<const Instruction> next =
      phase == Phase::kReverse ? std::span(plan.in(Phase::kAccumulate)) : std::span<const Instruction>();
  std::vector<StripGroup> groups;
  for (std::size_t at = 0; at < all.size();) {
    std::size_t count = 0;
    while (at + count < all.size() && count < StripGroup::kMostMembers && may_strip(all[at + count], plan.lanes))
      ++count;
    for (; count > 1; --count) {
      std::optional<StripGroup> group =
          Grouping(all.subspan(at, count), all.subspan(at + count), next, plan.lanes).find();
      if (!group || !is_near(*group, plan.lanes)) continue;
      group->first = at;
      groups.push_back(std::move(*group));
      break;
    }
    at += std::max<std::size_t>(count, 1);
  }
  return groups;
}

}  // namespace costate::internal
