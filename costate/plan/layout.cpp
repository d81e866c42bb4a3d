// Pass 4. Shared buffers, and buffers of the forward phase that a later phase reads, get memory of their own. What the
// reverse phase hands to the accumulation, which follows at once, stands at the start of scratch memory. All other
// buffers of a phase share the rest of scratch memory: each takes the place of an operand that dies there, if it may
// overwrite one, or else the first gap that fits, and frees it after the last instruction that reads it.
#include <algorithm>
#include <limits>
#include <numeric>

#include "costate/base/error.h"
#include "costate/plan/internal/select.h"

namespace costate::internal {
namespace {

constexpr std::size_t kAlign = 16;  // numbers: a cache line of f32, two of f64
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

std::size_t aligned(std::size_t size, std::size_t unit = kAlign) { return (size + unit - 1) / unit * unit; }

/// From which instruction to which a buffer is in use.
struct Life {
  std::size_t phase = kNever;  // the phase that writes it; kNever: none does
  std::size_t first = 0;       // the instruction that writes it first
  std::size_t last = 0;        // the last instruction of that phase that touches it
  bool is_saved = false;       // a later phase reads it
};

/// Free pieces of scratch, kept sorted and merged.
class FirstFit {
 public:
  std::size_t take(std::size_t size) {
    for (auto piece = free_.begin(); piece != free_.end(); ++piece) {
      if (piece->second < size) continue;
      const std::size_t start = piece->first;
      piece->first += size;
      piece->second -= size;
      if (piece->second == 0) free_.erase(piece);
      return start;
    }
    const std::size_t start = end_;
    end_ += size;
    return start;
  }

  void give(std::size_t start, std::size_t size) {
    const auto after = std::lower_bound(free_.begin(), free_.end(), std::pair(start, std::size_t{0}));
    auto piece = free_.insert(after, {start, size});
    if (auto next = std::next(piece); next != free_.end() && piece->first + piece->second == next->first) {
      piece->second += next->second;
      free_.erase(next);
    }
    if (piece != free_.begin()) {
      if (auto before = std::prev(piece); before->first + before->second == piece->first) {
        before->second += piece->second;
        free_.erase(piece);
      }
    }
  }

  std::size_t end() const { return end_; }

 private:
  std::vector<std::pair<std::size_t, std::size_t>> free_;
  std::size_t end_ = 0;
};

bool names_buffer(const Slot& slot) { return slot.region == Region::kScratch; }

std::vector<Life> find_lives(const Selection& selection) {
  std::vector<Life> lives(selection.buffers.size());
  for (std::size_t phase = 0; phase < kNumPhases; ++phase) {
    const auto& instructions = selection.plan.phases[phase];
    for (std::size_t at = 0; at < instructions.size(); ++at) {
      const auto touch = [&](const Slot& slot, bool writes) {
        if (!names_buffer(slot)) return;
        Life& life = lives[static_cast<std::size_t>(slot.index)];
        if (life.phase == kNever && writes) {
          life.phase = phase;
          life.first = at;
        }
        if (life.phase == phase)
          life.last = at;
        else
          life.is_saved = true;
      };
      touch(instructions[at].out, true);
      for (const Source& source : instructions[at].sources) touch(source.slot, false);
    }
  }
  return lives;
}

/// An elementwise result may overwrite an operand of its own size that dies there.
bool may_overwrite(const Selection& selection, const Instruction& instruction, std::int32_t buffer) {
  if (instruction.kind != InstructionKind::kElementwise && instruction.kind != InstructionKind::kPair) return false;
  const auto size_of = [&](std::int32_t index) { return selection.buffers[static_cast<std::size_t>(index)].size; };
  if (!names_buffer(instruction.out) || size_of(instruction.out.index) != size_of(buffer)) return false;
  return std::all_of(instruction.sources.begin(), instruction.sources.end(), [&](const Source& source) {
    return !names_buffer(source.slot) || source.slot.index != buffer ||
           (source.motion == Motion::kFull && source.slot.offset == 0);
  });
}

class Layout {
 public:
  explicit Layout(Selection selection)
      : selection_(std::move(selection)), lives_(find_lives(selection_)), places_(selection_.buffers.size()) {}

  Plan run() {
    place_lasting();
    for (std::size_t phase = 0; phase < kNumPhases; ++phase) place_scratch(phase);
    for (auto& instruction : selection_.plan.prepare) rewrite(instruction);
    for (auto& phase : selection_.plan.phases)
      for (auto& instruction : phase) rewrite(instruction);
    return std::move(selection_.plan);
  }

 private:
  void place_lasting() {
    Plan& plan = selection_.plan;
    for (std::size_t i = 0; i < selection_.buffers.size(); ++i) {
      const Buffer& buffer = selection_.buffers[i];
      if (buffer.output >= 0) {
        places_[i] = {Region::kOutput, buffer.output, 0};
      } else if (buffer.is_shared) {
        places_[i] = {Region::kShared, 0, plan.shared_size};
        plan.shared_size += aligned(buffer.size);
      } else if (lives_[i].is_saved) {
        const bool is_handed_over = lives_[i].phase != static_cast<std::size_t>(Phase::kForward);
        std::size_t& size = is_handed_over ? handed_over_ : plan.saved_size;
        places_[i] = {is_handed_over ? Region::kScratch : Region::kSaved, 0, size};
        // Saved values start at a multiple of `lanes`: number i of a saved block then belongs to lane i mod lanes,
        // which lets a solver select blocks lane by lane.
        size += aligned(buffer.size, is_handed_over ? kAlign : std::lcm(kAlign, plan.lanes));
      }
    }
  }

  bool is_scratch(std::size_t buffer, std::size_t phase) const {
    return !selection_.buffers[buffer].is_shared && selection_.buffers[buffer].output < 0 && !lives_[buffer].is_saved &&
           lives_[buffer].phase == phase;
  }

  void place_scratch(std::size_t phase) {
    FirstFit scratch;
    const auto& instructions = selection_.plan.phases[phase];
    std::vector<std::vector<std::size_t>> dying(instructions.size()), born(instructions.size());
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!is_scratch(i, phase)) continue;
      dying[lives_[i].last].push_back(i);
      born[lives_[i].first].push_back(i);
    }
    const auto give = [&](std::size_t buffer) {
      scratch.give(places_[buffer].offset - handed_over_, aligned(selection_.buffers[buffer].size));
    };
    for (std::size_t at = 0; at < instructions.size(); ++at) {
      const auto early = [&](std::size_t buffer) {
        return lives_[buffer].first != at &&
               may_overwrite(selection_, instructions[at], static_cast<std::int32_t>(buffer));
      };
      const auto overwritten = std::ranges::find_if(dying[at], early);
      const bool is_in_place = overwritten != dying[at].end() && !born[at].empty();
      for (const std::size_t buffer : born[at])
        places_[buffer] = is_in_place ? places_[*overwritten]
                                      : Slot{Region::kScratch, 0,
                                             handed_over_ + scratch.take(aligned(selection_.buffers[buffer].size))};
      for (const std::size_t buffer : dying[at])
        if (!is_in_place || buffer != *overwritten) give(buffer);
    }
    selection_.plan.scratch_size = std::max(selection_.plan.scratch_size, handed_over_ + scratch.end());
  }

  void rewrite(Slot& slot) const {
    if (!names_buffer(slot)) return;
    const std::size_t inner = slot.offset;
    slot = places_[static_cast<std::size_t>(slot.index)];
    slot.offset += inner;
  }

  void rewrite(Instruction& instruction) const {
    rewrite(instruction.out);
    for (Source& source : instruction.sources) rewrite(source.slot);
  }

  Selection selection_;
  std::vector<Life> lives_;
  std::vector<Slot> places_;
  std::size_t handed_over_ = 0;
};

}  // namespace

Plan lay_out(Selection selection) { return Layout(std::move(selection)).run(); }

}  // namespace costate::internal
