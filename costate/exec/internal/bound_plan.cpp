#include "costate/exec/internal/bound_plan.h"

#include <algorithm>

#include "costate/exec/internal/batch_sums.h"
#include "costate/graph/extension.h"

namespace costate::internal {
namespace {

template <class T>
std::unique_ptr<TileOp<T>> lower_extension(const Extension& extension, const TileOpContext& context) {
  if constexpr (std::is_same_v<T, float>)
    return extension.lower_f32(context);
  else
    return extension.lower_f64(context);
}

}  // namespace

template <class T>
BoundPlan<T>::BoundPlan(Plan lowered)
    : plan(std::move(lowered)), ops(plan.num_states), readers(plan.num_states), is_kept(plan.num_states) {
  find_states();
  for (const Instruction& instruction : plan.prepare) prepare.push_back(bind(instruction, 1));
  for (std::size_t phase = 0; phase < kNumPhases; ++phase)
    for (const Instruction& instruction : plan.phases[phase]) phases[phase].push_back(bind(instruction, plan.lanes));
  for (const Phase phase : {Phase::kForward, Phase::kReverse}) bind_groups(phase);
  sum_scratch_offset = plan.scratch_size;
  std::size_t extra = 0;
  for (const Instruction& instruction : plan.in(Phase::kAccumulate))
    extra = std::max(extra, sum_scratch_size(instruction, plan.lanes));
  plan.scratch_size += extra;
}

/// Who reads the states of extensions, and which of these outlive the forward phase.
template <class T>
void BoundPlan<T>::find_states() {
  std::vector<bool> is_made_later(plan.num_states);
  for (const auto& phase : plan.phases) {
    const bool is_later = &phase != &plan.in(Phase::kForward);
    for (const Instruction& instruction : phase) {
      for (const std::int32_t state : instruction.operand_states) {
        if (state < 0) continue;
        const auto index = static_cast<std::size_t>(state);
        readers[index].push_back(instruction.extension.get());
        is_kept[index] = is_kept[index] || (is_later && !is_made_later[index]);
      }
      if (instruction.extension && is_later) is_made_later[static_cast<std::size_t>(instruction.state)] = true;
    }
  }
}

template <class T>
BoundInstruction<T> BoundPlan<T>::bind(const Instruction& instruction, std::size_t lanes) {
  BoundInstruction<T> bound{.instruction = instruction};
  if (instruction.kind == InstructionKind::kElementwise && instruction.sources.size() == 1)
    bound.unary = unary_kernel<T>(instruction.op);
  if (instruction.kind == InstructionKind::kElementwise && instruction.sources.size() == 2)
    bound.binary = binary_kernel<T>(instruction.op);
  if (instruction.kind == InstructionKind::kPair)
    bound.pair = pair_kernel<T>(instruction.inner_op, instruction.op, instruction.inner_is_right);
  if (instruction.extension) bound.op = op_of(instruction, lanes);
  if (instruction.kind == InstructionKind::kGather || instruction.kind == InstructionKind::kScatter)
    bound.runs = row_runs(instruction.table);
  if (instruction.kind == InstructionKind::kGather) bound.repeated = repeated_rows(instruction.table);
  const PartialSum waiting = partial_sum<T>(instruction, lanes);
  bound.partial = partial_size;
  bound.num_partial = waiting.count;
  partial_size += waiting.size;
  return bound;
}

template <class T>
std::shared_ptr<const TileOp<T>> BoundPlan<T>::op_of(const Instruction& instruction, std::size_t lanes) {
  auto& op = ops[static_cast<std::size_t>(instruction.state)];
  if (!op) {
    TileOpContext context{.lanes = lanes,
                          .operand_shapes = instruction.operand_shapes,
                          .operand_is_shared = {},
                          .readers = readers[static_cast<std::size_t>(instruction.state)]};
    for (const Source& source : instruction.sources) context.operand_is_shared.push_back(source.is_shared());
    op = lower_extension<T>(*instruction.extension, context);
  }
  return op;
}

template <class T>
void BoundPlan<T>::bind_groups(Phase phase) {
  const auto index = static_cast<std::size_t>(phase);
  groups[index] = strip_groups(plan, phase);
  for (const StripGroup& group : groups[index])
    for (BoundInstruction<T>& bound : std::span(phases[index]).subspan(group.first, group.count)) {
      const auto mark = [&](std::size_t bit, const Slot& slot) {
        if (group.is_passing(slot)) bound.passing |= 1U << bit;
      };
      for (std::size_t k = 0; k < bound.instruction.sources.size(); ++k) mark(k, bound.instruction.sources[k].slot);
      mark(kPassingOut, bound.instruction.out);
    }
}

template struct BoundPlan<float>;
template struct BoundPlan<double>;

}  // namespace costate::internal
