// A Plan with every instruction bound to its kernel. Kernels are looked up once, when the function is lowered; from
// then on an instruction is a switch and a kernel call on raw pointers (run_plan.h, batch_sums.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "costate/exec/internal/strip_expressions.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/row_runs.h"
#include "costate/exec/tile_op.h"
#include "costate/plan/plan.h"

namespace costate::internal {

/// An instruction with its kernel found.
template <class T>
struct BoundInstruction {
  Instruction instruction;
  UnaryKernel<T> unary = nullptr;
  BinaryKernel<T> binary = nullptr;
  PairKernel<T> pair = nullptr;
  std::shared_ptr<const TileOp<T>> op = nullptr;
  std::vector<RowRun> runs = {};             // of a table, where it has long ones
  bool is_ascending = false;                 // a scatter's runs, so that nothing is added up
  std::vector<RowRun> repeated = {};         // of a gather's table, where it names rows many times in a row
  std::size_t partial = 0, num_partial = 0;  // sums that wait in the workspace for finish_sums
};

/// Base addresses of the regions during one call. Where a slot lies is asked for each operand of each instruction,
/// which a call would slow by a percent of a small solve.
template <class T>
struct Bases {
  std::size_t lanes = 1;
  std::span<const T* const> inputs;
  std::span<T* const> outputs;
  const T* shared_read = nullptr;
  T* shared_write = nullptr;  // in prepare alone
  T* saved = nullptr;
  T* scratch = nullptr;
  T* extra = nullptr;  // of what needs most: sum_scratch_size(), pool_scratch(), window_size of a group

  [[gnu::always_inline]] const T* read(const Slot& slot) const {
    switch (slot.region) {
      case Region::kInput:
        return inputs[static_cast<std::size_t>(slot.index)] + slot.offset;
      case Region::kShared:
        return shared_read + slot.offset;
      default:
        return write(slot);
    }
  }

  [[gnu::always_inline]] T* write(const Slot& slot) const {
    switch (slot.region) {
      case Region::kOutput: {
        T* output = outputs[static_cast<std::size_t>(slot.index)];
        return output == nullptr ? nullptr : output + slot.offset;
      }
      case Region::kShared:
        return shared_write + slot.offset;
      case Region::kSaved:
        return saved + slot.offset;
      default:
        return scratch + slot.offset;
    }
  }

  Operand<T> operand(const Source& source) const { return {read(source.slot), static_cast<Spread>(source.motion)}; }
};

template <class Left, class Right>
constexpr bool are_twins(Left left, Right right) {
  return static_cast<int>(left) == static_cast<int>(right);
}
static_assert(are_twins(Spread::kFull, Motion::kFull) && are_twins(Spread::kLane, Motion::kLane) &&
              are_twins(Spread::kRow, Motion::kRow) && are_twins(Spread::kScalar, Motion::kScalar));

template <class T>
struct BoundPlan {
  explicit BoundPlan(Plan lowered);

  const std::vector<BoundInstruction<T>>& in(Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }

  Plan plan;
  std::vector<BoundInstruction<T>> prepare;
  std::array<std::vector<BoundInstruction<T>>, kNumPhases> phases;
  std::array<std::vector<BoundStrips>, kNumPhases> groups;
  std::vector<std::shared_ptr<const TileOp<T>>> ops;  // by state
  std::vector<std::vector<ResultReader>> readers;     // by state
  std::vector<bool> is_kept;                          // by state: made in kForward, and read in a later phase
  std::size_t partial_size = 0;                       // numbers of the sums that wait in the workspace
  std::size_t extra_offset = 0;                       // in the scratch, behind the plan's
  std::size_t prepare_extra = 0;                      // numbers that prepare needs besides

 private:
  void find_states();
  BoundInstruction<T> bind(const Instruction& instruction, std::size_t lanes);
  std::shared_ptr<const TileOp<T>> op_of(const Instruction& instruction, std::size_t lanes);
  std::size_t extra_size() const;
};

extern template struct BoundPlan<float>;
extern template struct BoundPlan<double>;

}  // namespace costate::internal
