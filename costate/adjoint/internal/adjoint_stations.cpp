#include "costate/adjoint/internal/adjoint_stations.h"

#include <algorithm>

namespace costate::internal {

template <class T>
void AdjointStations<T>::start(const FinishedSolve<T>& solve, const Lender<T>& lender, std::size_t lanes) {
  of_lanes_.resize(lanes);
  left_.assign(lanes, 0);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    of_lanes_[lane].clear();
    if (!lender.borrows(lane)) fill(solve, lane, lanes);
    left_[lane] = of_lanes_[lane].size();
  }
}

/// An output at the time of an event is the state before it.
template <class T>
void AdjointStations<T>::fill(const FinishedSolve<T>& solve, std::size_t lane, std::size_t lanes) {
  std::vector<AdjointStation>& stations = of_lanes_[lane];
  const std::size_t num_outputs = solve.solver->next_output(lane);
  const auto output_time = [&](std::size_t output) { return solve.inputs.times[output * lanes + lane]; };
  const double direction = output_time(solve.solver->problem().num_times - 1) >= output_time(0) ? 1 : -1;
  static const std::vector<LaneEvent> kNone;
  const auto& events = solve.solver->events() == nullptr ? kNone : solve.solver->events()->list(lane).events;
  std::size_t output = 0, first_step = 0;
  const auto add_outputs_until = [&](double t) {
    for (; output < num_outputs && direction * (t - output_time(output)) >= 0; ++output)
      stations.push_back({.t = output_time(output), .index = output, .first_step = first_step});
  };
  for (std::size_t i = 0; i < events.size(); ++i) {
    add_outputs_until(events[i].t);
    stations.push_back({.t = events[i].t, .is_event = true, .index = i, .first_step = first_step});
    if (events[i].cuts) first_step = events[i].step + 1;
  }
  add_outputs_until(direction * std::numeric_limits<double>::infinity());
  std::size_t end_step = std::numeric_limits<std::size_t>::max();
  for (std::size_t i = stations.size(); i-- > 0;) {
    AdjointStation& station = stations[i];
    if (station.is_event && events[station.index].cuts) end_step = events[station.index].step + 1;
    station.end_step = end_step;
  }
}

template <class T>
bool AdjointStations<T>::any() const {
  return std::ranges::any_of(left_, [](std::size_t left) { return left > 0; });
}

template <class T>
bool AdjointStations<T>::any_event() const {
  for (std::size_t lane = 0; lane < left_.size(); ++lane)
    if (has_event(lane)) return true;
  return false;
}

template <class T>
bool AdjointStations<T>::any_next() const {
  return std::ranges::any_of(left_, [](std::size_t left) { return left > 1; });
}

template <class T>
void AdjointStations<T>::advance() {
  for (std::size_t& left : left_) left -= left > 0 ? 1 : 0;
}

template class AdjointStations<float>;
template class AdjointStations<double>;

}  // namespace costate::internal
