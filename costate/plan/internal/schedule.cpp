#include "costate/plan/internal/schedule.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "costate/plan/internal/stretch.h"
#include "costate/plan/strips.h"

namespace costate::internal {
namespace {

/// Takes instructions one after the other, and gives them back in their new order.
class Schedule {
 public:
  explicit Schedule(std::size_t lanes) : lanes_(lanes) {}

  void take(Instruction instruction) {
    const bool is_strip = may_strip(instruction, lanes_);
    const bool fits = is_strip && (waiting_.empty() || waiting_.front().rows == instruction.rows);
    if (depends_on_waiting(instruction) ? fits : fits && instruction.kind == InstructionKind::kScatter) {
      waiting_.push_back(std::move(instruction));
      return;
    }
    if (depends_on_waiting(instruction)) release();
    done_.push_back(std::move(instruction));
  }

  std::vector<Instruction> finish() {
    release();
    return std::move(done_);
  }

 private:
  bool depends_on_waiting(const Instruction& instruction) const {
    return std::ranges::any_of(waiting_, [&](const Instruction& other) { return depend(instruction, other, lanes_); });
  }

  void release() {
    std::ranges::move(waiting_, std::back_inserter(done_));
    waiting_.clear();
  }

  std::size_t lanes_;
  std::vector<Instruction> done_;
  std::vector<Instruction> waiting_;  // scatters, and elementwise ones of as many rows that depend on them
};

}  // namespace

Selection gather_scatters(Selection selection) {
  for (const Phase phase : {Phase::kForward, Phase::kReverse}) {
    std::vector<Instruction>& instructions = selection.plan.in(phase);
    const auto is_large_scatter = [&](const Instruction& instruction) {
      return instruction.kind == InstructionKind::kScatter && may_strip(instruction, selection.plan.lanes);
    };
    if (std::ranges::count_if(instructions, is_large_scatter) < 2) continue;
    Schedule schedule(selection.plan.lanes);
    for (Instruction& instruction : instructions) schedule.take(std::move(instruction));
    instructions = schedule.finish();
  }
  return selection;
}

}  // namespace costate::internal
