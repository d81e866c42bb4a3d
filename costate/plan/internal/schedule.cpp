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
    const bool is_strip = may_strip(instruction, lanes_), is_late = depends_on(instruction, after_);
    if (is_strip && (is_late || group_.size() == StripGroup::kMostMembers)) release();
    if (is_strip)
      group_.push_back(std::move(instruction));
    else if (is_late || depends_on(instruction, group_))
      after_.push_back(std::move(instruction));
    else
      done_.push_back(std::move(instruction));
  }

  std::vector<Instruction> finish() {
    release();
    return std::move(done_);
  }

 private:
  bool depends_on(const Instruction& instruction, const std::vector<Instruction>& others) const {
    return std::ranges::any_of(others, [&](const Instruction& other) { return depend(instruction, other, lanes_); });
  }

  void release() {
    for (std::vector<Instruction>* waiting : {&group_, &after_}) {
      std::ranges::move(*waiting, std::back_inserter(done_));
      waiting->clear();
    }
  }

  std::size_t lanes_;
  std::vector<Instruction> done_;
  std::vector<Instruction> group_;  // those that may run together
  std::vector<Instruction> after_;  // others that need to be behind these
};

}  // namespace

Selection gather_strips(Selection selection) {
  for (const Phase phase : {Phase::kForward, Phase::kReverse}) {
    std::vector<Instruction>& instructions = selection.plan.in(phase);
    const auto is_strip = [&](const Instruction& instruction) { return may_strip(instruction, selection.plan.lanes); };
    if (std::ranges::count_if(instructions, is_strip) < 2) continue;
    Schedule schedule(selection.plan.lanes);
    for (Instruction& instruction : instructions) schedule.take(std::move(instruction));
    instructions = schedule.finish();
  }
  return selection;
}

}  // namespace costate::internal
