#include "costate/solve/internal/event_problem.h"

#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/linear_field.h"

namespace costate::internal {
namespace {

template <class T>
std::optional<EventFunction<T>> lower_linear(const EventField& events, std::size_t lanes,
                                             const std::optional<WantedGradients>& wanted) {
  if (!wanted) return std::nullopt;
  return std::optional<EventFunction<T>>(std::in_place, linearize_events(events, *wanted), lanes);
}

}  // namespace

template <class T>
EventFunction<T>::EventFunction(LinearField linear, std::size_t lanes)
    : num_others(linear.function.inputs().size() - 1),
      function(lower_reading_time<T>(std::move(linear), lanes, time)) {}

template <class T>
EventProblem<T>::EventProblem(const EventField& all, std::size_t lanes, const std::optional<WantedGradients>& wanted)
    : events(all),
      watch({all.watch, {}}, lanes),
      values({all.values, {}}, lanes),
      linear(lower_linear<T>(all, lanes, wanted)),
      part_offsets(internal::part_offsets(all.field)) {}

template <class T>
EventEvaluator<T>::EventEvaluator(std::span<const std::size_t> part_offsets, const EventFunction<T>& function,
                                  std::size_t lanes)
    : part_offsets_(part_offsets.begin(), part_offsets.end()),
      function_(function),
      lanes_(lanes),
      workspace_(function.function.make_workspace()),
      shared_(function.function.shared_size()),
      saved_(function.function.saved_size()),
      rows_(padded(function.time.count * lanes)),
      times_(function.time, lanes) {}

template <class T>
void EventEvaluator<T>::bind(const EventPlace<T>& place, const T* times) {
  inputs_.clear();
  for (const std::size_t offset : function_.time.offsets)
    inputs_.push_back(times == nullptr ? nullptr : times + offset * lanes_);
  for (const std::size_t offset : part_offsets_)
    inputs_.push_back(place.y == nullptr ? nullptr : place.y + offset * lanes_);
  inputs_.insert(inputs_.end(), place.arguments.begin(), place.arguments.end());
  inputs_.insert(inputs_.end(), place.more.begin(), place.more.end());
}

template <class T>
void EventEvaluator<T>::prepare(std::span<const T* const> arguments) {
  bind({.times = nullptr, .y = nullptr, .arguments = arguments}, nullptr);
  inputs_.resize(function_.time.offsets.size() + function_.num_others, nullptr);
  function_.function.prepare(inputs_, shared_.data());
}

template <class T>
void EventEvaluator<T>::run(Phase phase, const EventPlace<T>& place, std::span<T* const> outputs) {
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

template struct EventFunction<float>;
template struct EventFunction<double>;
template struct EventProblem<float>;
template struct EventProblem<double>;
template class EventEvaluator<float>;
template class EventEvaluator<double>;

}  // namespace costate::internal
