// Runs a plan without numbers: each number of a region is the name of what stands there, a buffer of `before` and a
// place in it.
#include <algorithm>
#include <array>

#include "costate/base/error.h"
#include "costate/plan/internal/extent.h"
#include "costate/plan/internal/select.h"
#include "costate/plan/verify.h"

namespace costate::internal {
namespace {

struct Number {
  std::int32_t buffer = -1;
  std::size_t place = 0;
  bool operator==(const Number&) const = default;
};

class Tracker {
 public:
  explicit Tracker(const Plan& plan) {
    region(Region::kShared).resize(plan.shared_size);
    region(Region::kSaved).resize(plan.saved_size);
    region(Region::kScratch).resize(plan.scratch_size);
  }

  void run(const std::vector<Instruction>& instructions, const std::vector<Instruction>& before, std::size_t lanes) {
    if (instructions.size() != before.size())
      throw InternalError("[verify] layout made ", instructions.size(), " instructions of ", before.size(), ".");
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      for (std::size_t j = 0; j < before[i].sources.size(); ++j) {
        const Source& source = before[i].sources[j];
        if (source.slot.region != Region::kScratch) continue;  // an input
        check(instructions[i], instructions[i].sources.at(j).slot, source.slot, extent(source, lanes));
      }
      if (before[i].out.region == Region::kScratch) write(instructions[i].out, before[i].out, before[i].rows * lanes);
    }
  }

 private:
  std::vector<Number>& region(Region region) { return regions_[static_cast<std::size_t>(region)]; }

  void check(const Instruction& instruction, const Slot& slot, const Slot& name, std::size_t size) {
    const std::vector<Number>& numbers = region(slot.region);
    for (std::size_t i = 0; i < size; ++i)
      if (slot.offset + i >= numbers.size() || numbers[slot.offset + i] != Number{name.index, name.offset + i})
        throw InternalError("[verify] '", to_string(instruction), "' does not find buffer ", name.index, " in ",
                            to_string(slot), ": another one took its place.");
  }

  void write(const Slot& slot, const Slot& name, std::size_t size) {
    if (slot.region == Region::kOutput) return;  // nothing reads it
    std::vector<Number>& numbers = region(slot.region);
    for (std::size_t i = 0; i < size; ++i) numbers.at(slot.offset + i) = {name.index, name.offset + i};
  }

  std::array<std::vector<Number>, 5> regions_;
};

}  // namespace

void verify_layout(const Plan& plan, const Selection& before) {
  Tracker tracker(plan);
  tracker.run(plan.prepare, before.plan.prepare, 1);
  for (std::size_t phase = 0; phase < kNumPhases; ++phase)
    tracker.run(plan.phases[phase], before.plan.phases[phase], plan.lanes);
}

}  // namespace costate::internal
