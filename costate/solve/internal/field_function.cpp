#include "costate/solve/internal/field_function.h"

#include "costate/solve/internal/lane_problem.h"

namespace costate::internal {

template <class T>
FieldFunction<T>::FieldFunction(LinearField linear, std::size_t lanes)
    : num_others(linear.function.inputs().size() - 1),
      function(lower_reading_time<T>(std::move(linear), lanes, time)) {}

template <class T>
FieldFunctionEvaluator<T>::FieldFunctionEvaluator(std::span<const std::size_t> part_offsets,
                                                  const FieldFunction<T>& function, std::size_t lanes)
    : part_offsets_(part_offsets.begin(), part_offsets.end()),
      function_(function),
      lanes_(lanes),
      workspace_(function.function.make_workspace()),
      shared_(function.function.shared_size()),
      saved_(function.function.saved_size()),
      rows_(padded(function.time.count * lanes)),
      times_(function.time, lanes) {}

template <class T>
void FieldFunctionEvaluator<T>::bind(const FieldPlace<T>& place, const T* times) {
  inputs_.clear();
  for (const std::size_t offset : function_.time.offsets)
    inputs_.push_back(times == nullptr ? nullptr : times + offset * lanes_);
  for (const std::size_t offset : part_offsets_)
    inputs_.push_back(place.y == nullptr ? nullptr : place.y + offset * lanes_);
  inputs_.insert(inputs_.end(), place.arguments.begin(), place.arguments.end());
  inputs_.insert(inputs_.end(), place.more.begin(), place.more.end());
}

template <class T>
void FieldFunctionEvaluator<T>::prepare(std::span<const T* const> arguments) {
  bind({.times = nullptr, .y = nullptr, .arguments = arguments}, nullptr);
  inputs_.resize(function_.time.offsets.size() + function_.num_others, nullptr);
  function_.function.prepare(inputs_, shared_.data());
}

template <class T>
void FieldFunctionEvaluator<T>::run(Phase phase, const FieldPlace<T>& place, std::span<T* const> outputs) {
  if (phase == Phase::kForward) {
    times_.set_all(place.times);
    times_.write(rows_.data());
  }
  bind(place, rows_.data());
  function_.function.run(phase, {.inputs = inputs_,
                                 .outputs = outputs,
                                 .shared = shared_.data(),
                                 .saved = saved_.data(),
                                 .workspace = &workspace_,
                                 .lane_weights = nullptr,
                                 .num_samples = place.num_samples,
                                 .first_sample = 0,
                                 .report = nullptr});
}

template struct FieldFunction<float>;
template struct FieldFunction<double>;
template class FieldFunctionEvaluator<float>;
template class FieldFunctionEvaluator<double>;

}  // namespace costate::internal
