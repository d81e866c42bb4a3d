#include "costate/solve/internal/lane_guard.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/solve/control/initial_step.h"

namespace costate::internal {

template <class T>
LaneGuard<T>::LaneGuard(const LaneProblem<T>& problem, TileWorkspace<T>& workspace)
    : problem_(problem),
      shared_(*problem.guard),
      lanes_(problem.lanes),
      rows_(problem.state_size),
      rate_(lanes_),
      reach_(lanes_),
      span_(lanes_),
      state_error_(lanes_),
      mendings_(lanes_),
      is_silent_(lanes_),
      next_is_silent_(lanes_),
      asks_(lanes_),
      tries_(lanes_),
      probe_(rows_ * lanes_),
      answer_(rows_ * lanes_),
      mask_(lanes_),
      workspace_(workspace) {
  for (Disturbance* disturbance : {&trial_, &state_, &inputs_})
    for (auto* numbers : {&disturbance->is_carried, &disturbance->size, &disturbance->ratio}) numbers->resize(lanes_);
}

template <class T>
void LaneGuard<T>::start() {
  for (Disturbance* disturbance : {&trial_, &state_, &inputs_})
    for (auto* tangent : {&disturbance->tangent, &disturbance->of_explicit_step})
      if (*tangent) (*tangent)->is_prepared = false;
}

template <class T>
void LaneGuard<T>::begin(std::size_t lane, double span) {
  rate_[lane] = reach_[lane] = state_.is_carried[lane] = inputs_.is_carried[lane] = 0;
  is_silent_[lane] = 0;
  mendings_[lane] = 0;
  span_[lane] = span;
  for (std::size_t row = 0; row < rows_; ++row) probe_[row * lanes_ + lane] = shared_.pattern[row];
  if (!problem_.function_step) return;
  rate_[lane] = 1;  // above the thresholds, which are 0
  carry_pattern(lane);
}

template <class T>
void LaneGuard<T>::copy(std::size_t lane, const LaneGuard& from, std::size_t from_lane) {
  const auto copy_column = [&](const AlignedVector<T>& x, AlignedVector<T>& out) {
    for (std::size_t row = 0; row < rows_; ++row) out[row * lanes_ + lane] = x[row * from.lanes_ + from_lane];
  };
  rate_[lane] = from.rate_[from_lane];
  reach_[lane] = from.reach_[from_lane];
  span_[lane] = from.span_[from_lane];
  is_silent_[lane] = from.is_silent_[from_lane];
  mendings_[lane] = from.mendings_[from_lane];
  copy_column(from.probe_, probe_);
  for (const auto& [to, source] : {std::pair(&state_, &from.state_), std::pair(&inputs_, &from.inputs_)}) {
    to->is_carried[lane] = source->is_carried[from_lane];
    if (source->is_carried[from_lane] == 0) continue;
    make(*to, to == &inputs_);
    to->any_is_carried = true;
    to->size[lane] = source->size[from_lane];
    copy_column(source->now, to->now);
    copy_column(source->scale, to->scale);
  }
}

template <class T>
bool LaneGuard<T>::reads_bends(const LaneClock& clock) const {
  return std::ranges::any_of(clock.error, [&](double error) { return shared_.limits.may_be_rounding(error); });
}

template <class T>
void LaneGuard<T>::judge(const GuardedAttempt<T>& attempt, LaneClock& clock) {
  std::copy(clock.error.begin(), clock.error.end(), state_error_.begin());
  // Of Hairer's first step the error is next to nothing by intent, and no sign of rest.
  const bool begins_small = problem_.options.step_control.first_step_rule == FirstStep::kHairers;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const bool is_first = clock.num_accepted[lane] + clock.num_rejected[lane] == 0;
    const bool shows_nothing =
        shared_.limits.shows_nothing(state_error_[lane], static_cast<double>(attempt.bends[lane]));
    next_is_silent_[lane] = shows_nothing && !(begins_small && is_first) ? 1 : 0;
  }
  if (problem_.function_step) {
    carry_where_silent(clock);
  } else {
    ask_where_due(attempt, clock);
    choose_trials(clock);
    try_patterns(attempt, clock);
  }
  test(attempt, state_, false, clock);
  test(attempt, inputs_, true, clock);
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (is_silent_[lane] != 0 && clock.is_active[lane] != 0 && state_error_[lane] <= 1)
      clock.error[lane] = std::max(
          clock.error[lane], guard::silence(std::abs(clock.h[lane]) / span_[lane], problem_.tableau->error_order()));
}

template <class T>
void LaneGuard<T>::carry_where_silent(const LaneClock& clock) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock.is_active[lane] == 0 || is_silent_[lane] == 0) continue;
    if (state_.is_carried[lane] == 0) carry_pattern(lane);
    if (shared_.watches_inputs && inputs_.is_carried[lane] == 0) begin(inputs_, lane);
  }
}

/// Which lanes try the pattern in this attempt.
template <class T>
void LaneGuard<T>::choose_trials(const LaneClock& clock) {
  carry_where_silent(clock);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    tries_[lane] = 0;
    if (clock.is_active[lane] == 0) continue;
    const double h = std::abs(clock.h[lane]);
    const auto attempts = static_cast<std::int64_t>(clock.num_accepted[lane] + clock.num_rejected[lane]);
    if (attempts % guard::kTryEvery == 0) reach_[lane] = 0;
    const bool is_time = attempts % guard::kTryCarriedEvery == 0;
    const double least = std::max(shared_.limits.threshold(0), reach_[lane]), steepness = h * rate_[lane];
    const bool is_above = steepness > least && steepness > shared_.limits.threshold(h / span_[lane]);
    tries_[lane] = state_error_[lane] <= 1 && (state_.is_carried[lane] != 0 ? is_time : is_above) ? 1 : 0;
  }
}

template <class T>
void LaneGuard<T>::try_patterns(const GuardedAttempt<T>& attempt, const LaneClock& clock) {
  if (std::ranges::find(tries_, 1) == tries_.end()) return;
  if (trial_.now.empty()) {
    make(trial_, false);
    for (std::size_t lane = 0; lane < lanes_; ++lane) begin(trial_, lane);
    for (std::size_t row = 0; row < rows_; ++row)
      std::fill_n(trial_.now.begin() + static_cast<std::ptrdiff_t>(row * lanes_), lanes_, shared_.pattern[row]);
  }
  if (trial_.field != nullptr) follow(attempt, clock, trial_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (tries_[lane] == 0) continue;
    const double h = std::abs(clock.h[lane]), steepness = h * rate_[lane];
    const double found =
        trial_.field == nullptr ? 2 : find_ratio(clock, trial_, lane) / shared_.limits.tried(h / span_[lane]);
    if (found <= 1) {
      reach_[lane] = guard::reach(steepness, found, problem_.tableau->error_order());
      state_.is_carried[lane] = 0;
    } else if (state_.is_carried[lane] == 0) {
      carry_pattern(lane);
    }
  }
}

/// The lane carries the pattern from here on.
template <class T>
void LaneGuard<T>::carry_pattern(std::size_t lane) {
  make(state_, false);
  begin(state_, lane);
  for (std::size_t row = 0; row < rows_; ++row) state_.now[row * lanes_ + lane] = shared_.pattern[row];
}

/// The lane carries a disturbance of 0 from here on.
template <class T>
void LaneGuard<T>::begin(Disturbance& disturbance, std::size_t lane) {
  make(disturbance, &disturbance == &inputs_);
  disturbance.any_is_carried = true;
  disturbance.is_carried[lane] = disturbance.size[lane] = 1;
  for (std::size_t row = 0; row < rows_; ++row)
    disturbance.now[row * lanes_ + lane] = disturbance.scale[row * lanes_ + lane] = T{0};
}

template <class T>
void LaneGuard<T>::make(Disturbance& disturbance, bool with_arguments) {
  if (!disturbance.now.empty()) return;
  disturbance.field = shared_.tangent_field(problem_, with_arguments);
  const std::size_t size = padded(rows_ * lanes_);
  for (auto* buffer : {&disturbance.now, &disturbance.end, &disturbance.scale, &disturbance.next_scale,
                       &disturbance.fresh, &disturbance.stage})
    buffer->resize(size);
  if (disturbance.field == nullptr) return;
  disturbance.slopes.resize(size * static_cast<std::size_t>(problem_.tableau->num_stages));
  disturbance.tangent = std::make_unique<Tangent>(*disturbance.field, lanes_);
  if (disturbance.field->explicit_step)
    disturbance.of_explicit_step = std::make_unique<Tangent>(*disturbance.field->explicit_step, lanes_);
}

/// Joins the disturbance's errors to those of the state, in lanes whose attempt would be accepted otherwise.
template <class T>
void LaneGuard<T>::test(const GuardedAttempt<T>& attempt, Disturbance& disturbance, bool with_arguments,
                        LaneClock& clock) {
  const guard::Limits& limits = shared_.limits;
  const auto must_test = [&](std::size_t lane) {
    return clock.is_active[lane] != 0 && disturbance.is_carried[lane] != 0 && state_error_[lane] <= 1;
  };
  if (!disturbance.any_is_carried) return;
  bool any = false;
  disturbance.any_is_carried = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    any |= must_test(lane);
    disturbance.any_is_carried |= clock.is_active[lane] != 0 && disturbance.is_carried[lane] != 0;
  }
  if (!any) return;
  if (disturbance.field != nullptr) follow(attempt, clock, disturbance);
  const guard::Leeway leeway = guard::leeway(problem_.options.method);
  double largest = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    disturbance.ratio[lane] = 0;
    if (!must_test(lane)) continue;
    const double steepness = std::abs(clock.h[lane]) * rate_[lane], share = std::abs(clock.h[lane]) / span_[lane];
    if (disturbance.field == nullptr)
      disturbance.ratio[lane] =
          with_arguments ? 0 : std::pow(steepness / limits.threshold(share), problem_.tableau->error_order());
    else
      disturbance.ratio[lane] =
          find_ratio(clock, disturbance, lane) /
          guard::Limits::carried(share, with_arguments || is_silent_[lane] != 0,
                                 is_silent_[lane] != 0 || next_is_silent_[lane] != 0 ? guard::Leeway() : leeway);
    if (!std::isfinite(disturbance.ratio[lane])) {
      const bool may_mend = !with_arguments && steepness > guard::kMendAbove * limits.threshold(0) &&
                            mendings_[lane] < guard::kMostMendings;
      mendings_[lane] += may_mend ? 1 : 0;
      if (!may_mend) disturbance.is_carried[lane] = 0;
      disturbance.ratio[lane] = may_mend ? std::numeric_limits<double>::infinity() : 0;
      clock.error[lane] = std::max(clock.error[lane], disturbance.ratio[lane]);
    } else {
      if (!with_arguments) mendings_[lane] = 0;
      const bool is_steep = !with_arguments && steepness > guard::kTestAbove * limits.threshold(0);
      const bool is_silent = with_arguments || is_silent_[lane] != 0;
      if (guard::counts({share, is_steep, is_silent}, limits.rtol))
        clock.error[lane] = std::max(clock.error[lane], disturbance.ratio[lane]);
    }
    largest = std::max(largest, clock.error[lane]);
  }
  if (problem_.options.control != Control::kJoint) return;
  for (std::size_t lane = 0; lane < lanes_; ++lane) clock.error[lane] = std::max(clock.error[lane], largest);
}

template <class T>
void LaneGuard<T>::advance(const LaneClock& clock) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock.accepted[lane] == 0) continue;
    if (!(state_error_[lane] <= 1)) state_.is_carried[lane] = inputs_.is_carried[lane] = 0;  // nothing was followed
    is_silent_[lane] = next_is_silent_[lane];
    for (Disturbance* disturbance : {&state_, &inputs_})
      if (disturbance->any_is_carried && disturbance->is_carried[lane] != 0 && disturbance->field != nullptr)
        advance(*disturbance, lane);
    if (state_error_[lane] > guard::kWatchInputsUntil) inputs_.is_carried[lane] = 0;
  }
}

template <class T>
void LaneGuard<T>::advance(Disturbance& disturbance, std::size_t lane) {
  double largest = 0;
  for (std::size_t row = 0; row < rows_; ++row) {
    const std::size_t i = row * lanes_ + lane;
    disturbance.now[i] = disturbance.end[i];
    if (!is_controlled(shared_.rtols[row])) continue;
    const double v = static_cast<double>(disturbance.end[i]) + static_cast<double>(disturbance.fresh[i]);
    disturbance.now[i] = static_cast<T>(v);
    disturbance.scale[i] = disturbance.next_scale[i];
    largest = std::max(largest, std::abs(v));
  }
  if (largest < guard::kRescaleAbove) return;
  disturbance.size[lane] /= guard::kRescaleAbove;
  for (std::size_t i = lane; i < rows_ * lanes_; i += lanes_) {
    disturbance.now[i] = static_cast<T>(static_cast<double>(disturbance.now[i]) / guard::kRescaleAbove);
    disturbance.scale[i] = static_cast<T>(static_cast<double>(disturbance.scale[i]) / guard::kRescaleAbove);
  }
}

template class LaneGuard<float>;
template class LaneGuard<double>;

}  // namespace costate::internal
