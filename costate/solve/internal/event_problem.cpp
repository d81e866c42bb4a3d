#include "costate/solve/internal/event_problem.h"

#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/linear_field.h"

namespace costate::internal {
namespace {

template <class T>
std::optional<FieldFunction<T>> lower_linear(const EventField& events, std::size_t lanes,
                                             const std::optional<WantedGradients>& wanted) {
  if (!wanted) return std::nullopt;
  return std::optional<FieldFunction<T>>(std::in_place, linearize_events(events, *wanted), lanes);
}

}  // namespace

template <class T>
EventProblem<T>::EventProblem(const EventField& all, std::size_t lanes, const std::optional<WantedGradients>& wanted)
    : events(all),
      watch({all.watch, {}}, lanes),
      values({all.values, {}}, lanes),
      linear(lower_linear<T>(all, lanes, wanted)),
      part_offsets(internal::part_offsets(all.field)) {}

template struct EventProblem<float>;
template struct EventProblem<double>;

}  // namespace costate::internal
