#include "costate/exec/internal/bound_plan.h"

#include <algorithm>
#include <utility>

#include "costate/exec/internal/batch_sums.h"
#include "costate/exec/kernels/pooling.h"
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

/// Of the pool among some instructions that needs most.
template <class T>
std::size_t pool_scratch_of(std::span<const Instruction> instructions, std::size_t lanes) {
  std::size_t size = 0;
  for (const Instruction& instruction : instructions)
    if (instruction.pool) size = std::max(size, pool_scratch<T>(instruction.op, *instruction.pool, lanes));
  return size;
}

}  // namespace

template <class T>
BoundPlan<T>::BoundPlan(Plan lowered)
    : plan(std::move(lowered)), ops(plan.num_states), readers(plan.num_states), is_kept(plan.num_states) {
  find_states();
  for (const Instruction& instruction : plan.prepare) prepare.push_back(bind(instruction, 1));
  for (std::size_t phase = 0; phase < kNumPhases; ++phase)
    for (const Instruction& instruction : plan.phases[phase]) phases[phase].push_back(bind(instruction, plan.lanes));
  for (const Phase phase : {Phase::kForward, Phase::kReverse})
    for (StripGroup& group : strip_groups(plan, phase))
      groups[static_cast<std::size_t>(phase)].push_back(with_expressions(std::move(group), plan.in(phase), plan.lanes));
  prepare_extra = pool_scratch_of<T>(plan.prepare, 1);
  extra_offset = plan.scratch_size;
  plan.scratch_size += extra_size();
}

/// Strips, pools and sums over the batch run one after the other.
template <class T>
std::size_t BoundPlan<T>::extra_size() const {
  std::size_t size = 0;
  for (const auto& phase : plan.phases) size = std::max(size, pool_scratch_of<T>(phase, plan.lanes));
  for (const Instruction& instruction : plan.in(Phase::kAccumulate))
    size = std::max(size, sum_scratch_size(instruction, plan.lanes));
  for (const auto& of_phase : groups)
    for (const BoundStrips& strips : of_phase) size = std::max(size, strips.group.window_size);
  return size;
}

/// Who reads the states of extensions, and which of these outlive the forward phase.
template <class T>
void BoundPlan<T>::find_states() {
  std::vector<bool> is_made_later(plan.num_states);
  for (const auto& phase : plan.phases) {
    const bool is_later = &phase != &plan.in(Phase::kForward);
    for (const Instruction& instruction : phase) {
      for (std::size_t operand = 0; operand < instruction.operand_states.size(); ++operand) {
        if (instruction.operand_states[operand] < 0) continue;
        const auto index = static_cast<std::size_t>(instruction.operand_states[operand]);
        readers[index].push_back({.extension = instruction.extension.get(), .operand = operand});
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
  if (instruction.kind == InstructionKind::kScatter) bound.is_ascending = has_ascending_runs(instruction);
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

template struct BoundPlan<float>;
template struct BoundPlan<double>;

}  // namespace costate::internal
