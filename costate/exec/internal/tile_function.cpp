#include "costate/exec/internal/tile_function.h"

#include <set>

#include "costate/exec/internal/batch_sums.h"
#include "costate/exec/internal/bound_plan.h"
#include "costate/exec/internal/run_plan.h"

namespace costate::internal {

template <class T>
TileFunction<T>::TileFunction(const Function& function, std::size_t lanes, std::span<const std::size_t> late_inputs)
    : bound_plan_(std::make_unique<const BoundPlan<T>>(
          lower(function, {.lanes = lanes, .late_inputs = {late_inputs.begin(), late_inputs.end()}}))) {}

template <class T>
TileFunction<T>::~TileFunction() = default;
template <class T>
TileFunction<T>::TileFunction(TileFunction&&) noexcept = default;
template <class T>
TileFunction<T>& TileFunction<T>::operator=(TileFunction&&) noexcept = default;

template <class T>
std::size_t TileFunction<T>::lanes() const {
  return bound_plan_->plan.lanes;
}

template <class T>
std::size_t TileFunction<T>::shared_size() const {
  return bound_plan_->plan.shared_size;
}

template <class T>
std::size_t TileFunction<T>::saved_size() const {
  return bound_plan_->plan.saved_size;
}

template <class T>
TileWorkspace<T> TileFunction<T>::make_workspace() const {
  TileWorkspace<T> workspace = make_workspace_beside_kept();
  for (std::size_t i = 0; i < workspace.states.size(); ++i)
    if (bound_plan_->is_kept[i]) workspace.states[i] = bound_plan_->ops[i]->make_state();
  return workspace;
}

template <class T>
TileStates TileFunction<T>::make_kept_states() const {
  TileStates states(bound_plan_->ops.size());
  for (std::size_t i = 0; i < states.size(); ++i)
    if (bound_plan_->is_kept[i]) states[i] = bound_plan_->ops[i]->make_state();
  return states;
}

template <class T>
TileWorkspace<T> TileFunction<T>::make_workspace_beside_kept() const {
  TileWorkspace<T> workspace{.scratch = AlignedVector<T>(bound_plan_->plan.scratch_size),
                             .partial_sums = AlignedVector<T>(bound_plan_->partial_size),
                             .states = TileStates(bound_plan_->ops.size())};
  for (std::size_t i = 0; i < workspace.states.size(); ++i)
    if (!bound_plan_->is_kept[i]) workspace.states[i] = bound_plan_->ops[i]->make_state();
  return workspace;
}

template <class T>
std::vector<std::size_t> TileFunction<T>::given_inputs() const {
  std::set<std::size_t> inputs;
  for (const BoundInstruction<T>& bound : bound_plan_->in(Phase::kForward))
    for (std::size_t i = 0; bound.op && i < bound.instruction.sources.size(); ++i)
      if (const Slot& slot = bound.instruction.sources[i].slot;
          slot.region == Region::kInput && bound.op->reads_given(i))
        inputs.insert(static_cast<std::size_t>(slot.index));
  return {inputs.begin(), inputs.end()};
}

template <class T>
std::size_t TileFunction<T>::kept_bytes() const {
  std::size_t bytes = 0;
  for (const auto& op : bound_plan_->ops) bytes += op->kept_bytes();
  return bytes;
}

template <class T>
void TileFunction<T>::prepare(std::span<const T* const> inputs, T* shared) const {
  AlignedVector<T> extra(bound_plan_->prepare_extra);
  run_prepare(
      *bound_plan_,
      Bases<T>{.inputs = inputs, .outputs = {}, .shared_read = shared, .shared_write = shared, .extra = extra.data()});
}

template <class T>
void TileFunction<T>::run(Phase phase, const TileCall<T>& call) const {
  T* scratch = call.workspace->scratch.data();
  const Bases<T> bases{.lanes = lanes(),
                       .inputs = call.inputs,
                       .outputs = call.outputs,
                       .shared_read = call.shared,
                       .saved = call.saved,
                       .scratch = scratch,
                       .extra = scratch + bound_plan_->extra_offset};
  run_phase(*bound_plan_, phase, bases, call);
}

template <class T>
void TileFunction<T>::finish_sums(std::span<T* const> outputs, TileWorkspace<T>& workspace) const {
  const Bases<T> bases{.lanes = lanes(), .inputs = {}, .outputs = outputs};
  internal::finish_sums(*bound_plan_, bases, workspace.partial_sums.data());
}

template class TileFunction<float>;
template class TileFunction<double>;

}  // namespace costate::internal
