#include "costate/solve/internal/lane_guard.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/solve/control/initial_step.h"
#include "costate/solve/internal/stages.h"
#include "costate/solve/methods/implicit.h"

namespace costate::internal {

namespace {

/// What the error of a disturbance may be of an implicit step whose state shows something, in units of what it may be
/// elsewhere. The state moves, and its own error shortens the steps; the estimates are above the errors, of kvaerno5 by
/// the least. Found by trial, and fitted to the tests that judge it (docs/speed.md, "Stiff systems").
double leeway(Method method) {
  if (!tableau(method).is_implicit()) return 1;
  return implicit_method(method).diagonal != nullptr ? 5 : 30;
}

}  // namespace

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
      slack_(lanes_),
      next_slack_(lanes_),
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
  slack_[lane] = 0;
  mendings_[lane] = 0;
  span_[lane] = span;
  for (std::size_t row = 0; row < rows_; ++row) probe_[row * lanes_ + lane] = shared_.pattern[row];
  if (!problem_.implicit) return;
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
  slack_[lane] = from.slack_[from_lane];
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
  const bool begins_small = first_step_of(problem_.options.step_control) == FirstStep::kHairers;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const bool is_first = clock.num_accepted[lane] + clock.num_rejected[lane] == 0;
    const bool shows_nothing =
        shared_.limits.shows_nothing(state_error_[lane], static_cast<double>(attempt.bends[lane]));
    next_slack_[lane] = shows_nothing && !(begins_small && is_first) ? 1 : 0;
  }
  if (problem_.implicit) {
    carry_where_silent(clock);
  } else {
    ask_where_due(attempt, clock);
    choose_trials(clock);
    try_patterns(attempt, clock);
  }
  test(attempt, state_, false, clock);
  test(attempt, inputs_, true, clock);
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (slack_[lane] != 0 && clock.is_active[lane] != 0 && state_error_[lane] <= 1)
      clock.error[lane] = std::max(
          clock.error[lane], guard::silence(std::abs(clock.h[lane]) / span_[lane], problem_.tableau->error_order()));
}

template <class T>
void LaneGuard<T>::ask_where_due(const GuardedAttempt<T>& attempt, const LaneClock& clock) {
  bool any_asks = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const auto attempts = static_cast<std::int64_t>(clock.num_accepted[lane] + clock.num_rejected[lane]);
    const bool is_due = guard::is_ask(attempts, shared_.num_controlled) || slack_[lane] != 0;
    asks_[lane] = is_due && clock.is_active[lane] != 0 ? 1 : 0;
    any_asks |= asks_[lane] != 0;
  }
  if (!any_asks) return;
  ask(attempt);
  double largest = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (asks_[lane] != 0) take_answer(lane, std::abs(clock.h[lane]));
    if (clock.is_active[lane] != 0) largest = std::max(largest, rate_[lane]);
  }
  if (problem_.options.control == Control::kJoint) std::fill(rate_.begin(), rate_.end(), largest);
}

/// answer_ = probe_ᵀ J at stage 1, whose evaluation has saved what the vjp needs.
template <class T>
void LaneGuard<T>::ask(const GuardedAttempt<T>& attempt) {
  const std::size_t num_parts = problem_.part_offsets.size();
  bind_field_inputs(problem_, attempt.frame.times(1), attempt.frame.state(1), attempt.inputs.arguments,
                    input_pointers_);
  const std::size_t first = input_pointers_.size() - problem_.num_late_inputs;
  output_pointers_.assign(num_parts + problem_.num_late_outputs, nullptr);
  for (std::size_t part = 0; part < num_parts; ++part) {
    const std::size_t offset = problem_.part_offsets[part] * lanes_;
    input_pointers_[first + part] = probe_.data() + offset;
    output_pointers_[num_parts + (problem_.gradients->times ? 1 : 0) + part] = answer_.data() + offset;
  }
  problem_.function.run(Phase::kReverse, {.inputs = input_pointers_,
                                          .outputs = output_pointers_,
                                          .shared = attempt.inputs.shared,
                                          .saved = attempt.frame.saved(1),
                                          .workspace = &workspace_,
                                          .lane_weights = nullptr,
                                          .num_samples = attempt.inputs.num_samples,
                                          .first_sample = 0,
                                          .report = nullptr});
}

/// The lane's rate, the probe of its next ask, and whether its disturbance may be dropped.
template <class T>
void LaneGuard<T>::take_answer(std::size_t lane, double h) {
  double largest_probe = 0, largest = 0;
  bool is_finite = true;
  for (std::size_t row = 0; row < rows_; ++row) {
    const std::size_t i = row * lanes_ + lane;
    is_finite &= std::isfinite(answer_[i]);
    if (!is_controlled(shared_.rtols[row])) answer_[i] = T{0};
    largest_probe = std::max(largest_probe, std::abs(static_cast<double>(probe_[i])));
    largest = std::max(largest, std::abs(static_cast<double>(answer_[i])));
  }
  if (!is_finite) {  // no derivative here: there is nothing to follow
    rate_[lane] = state_.is_carried[lane] = 0;
    for (std::size_t row = 0; row < rows_; ++row) probe_[row * lanes_ + lane] = shared_.pattern[row];
    return;
  }
  double probes = 0, squares = 0;
  for (std::size_t i = lane; i < rows_ * lanes_; i += lanes_) {
    const double u = static_cast<double>(probe_[i]), w = static_cast<double>(answer_[i]);
    probes += u * u;
    squares += largest > 0 ? (w / largest) * (w / largest) : 0;
  }
  const double length = largest * std::sqrt(squares);
  rate_[lane] = std::max({length / std::sqrt(probes), largest / largest_probe, rate_[lane] / 2});
  if (slack_[lane] == 0 && h * rate_[lane] <= guard::kDropBelow * shared_.limits.threshold(0))
    state_.is_carried[lane] = 0;
  if (largest == 0) return;
  const double norm = length / std::sqrt(static_cast<double>(shared_.num_controlled));
  for (std::size_t row = 0; row < rows_; ++row)
    probe_[row * lanes_ + lane] = static_cast<T>(static_cast<double>(answer_[row * lanes_ + lane]) / norm +
                                                 0.5 * static_cast<double>(shared_.pattern[row]));
}

template <class T>
void LaneGuard<T>::carry_where_silent(const LaneClock& clock) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock.is_active[lane] == 0 || slack_[lane] == 0) continue;
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
  for (auto* buffer :
       {&disturbance.now, &disturbance.end, &disturbance.scale, &disturbance.next_scale, &disturbance.stage})
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
  double largest = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    disturbance.ratio[lane] = 0;
    if (!must_test(lane)) continue;
    const double steepness = std::abs(clock.h[lane]) * rate_[lane], share = std::abs(clock.h[lane]) / span_[lane];
    if (disturbance.field == nullptr)
      disturbance.ratio[lane] =
          with_arguments ? 0 : std::pow(steepness / limits.threshold(share), problem_.tableau->error_order());
    else
      disturbance.ratio[lane] = find_ratio(clock, disturbance, lane) /
                                (guard::Limits::carried(share, with_arguments || slack_[lane] != 0) *
                                 (slack_[lane] != 0 || next_slack_[lane] != 0 ? 1.0 : leeway(problem_.options.method)));
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
      const bool is_silent = with_arguments || slack_[lane] != 0;
      if (guard::counts({share, is_steep, is_silent}, limits.rtol))
        clock.error[lane] = std::max(clock.error[lane], disturbance.ratio[lane]);
    }
    largest = std::max(largest, clock.error[lane]);
  }
  if (problem_.options.control != Control::kJoint) return;
  for (std::size_t lane = 0; lane < lanes_; ++lane) clock.error[lane] = std::max(clock.error[lane], largest);
}

/// The disturbance through the stages of the attempt.
template <class T>
void LaneGuard<T>::follow(const GuardedAttempt<T>& attempt, const LaneClock& clock, Disturbance& disturbance) {
  if (problem_.implicit) return follow_implicit(attempt, clock, disturbance);
  const std::size_t num_parts = problem_.part_offsets.size();
  const Slopes<T> slopes{disturbance.slopes.data(), padded(rows_ * lanes_), rows_, lanes_};
  for (std::size_t stage = 0; stage < static_cast<std::size_t>(problem_.tableau->num_stages); ++stage) {
    const bool is_closing = stage == problem_.closing();
    T* v = is_closing ? disturbance.end.data() : disturbance.stage.data();
    write_stage_state(*problem_.tableau, stage, disturbance.now.data(), attempt.steps, slopes, v);
    if (is_closing && !problem_.tableau->error_needs_closing_stage()) break;
    Tangent& tangent = *disturbance.tangent;
    tangent.stage_times.set_all(problem_.tableau->c[stage], clock.t.data(), clock.h.data(), attempt.first_times,
                                attempt.last_times);
    tangent.stage_times.write(tangent.times.data());
    const T* y = shared_.field_has_kinks ? attempt.frame.state(1) : stage == 0 ? attempt.y : attempt.frame.state(stage);
    input_pointers_.clear();
    for (const std::size_t offset : disturbance.field->time.offsets)
      input_pointers_.push_back(tangent.times.data() + offset * lanes_);
    for (const std::size_t offset : problem_.part_offsets) input_pointers_.push_back(y + offset * lanes_);
    input_pointers_.insert(input_pointers_.end(), attempt.inputs.arguments.begin(), attempt.inputs.arguments.end());
    for (const std::size_t offset : problem_.part_offsets) input_pointers_.push_back(v + offset * lanes_);
    for (const AlignedVector<T>& pattern : disturbance.field->arguments) input_pointers_.push_back(pattern.data());
    output_pointers_.assign(num_parts, nullptr);
    for (const std::size_t offset : problem_.part_offsets)
      output_pointers_.push_back(disturbance.slopes.data() + stage * slopes.stride + offset * lanes_);
    run_tangent(attempt, tangent);
  }
}

/// The tangents of the step's end and of its estimate.
template <class T>
void LaneGuard<T>::follow_implicit(const GuardedAttempt<T>& attempt, const LaneClock& clock, Disturbance& disturbance) {
  const ImplicitProblem<T>& step = *problem_.implicit;
  bool any_implicit = attempt.is_explicit == nullptr, any_explicit = false;
  for (std::size_t lane = 0; attempt.is_explicit != nullptr && lane < lanes_; ++lane) {
    mask_[lane] = attempt.is_explicit[lane] != 0 ? T{1} : T{0};
    any_explicit |= clock.is_active[lane] != 0 && mask_[lane] != 0;
    any_implicit |= clock.is_active[lane] != 0 && mask_[lane] == 0;
  }
  T *end = disturbance.end.data(), *error = disturbance.slopes.data();
  output_pointers_.assign({nullptr, nullptr, end, error});
  if (any_implicit) follow_step(attempt, clock, step.step.nodes, *disturbance.tangent, disturbance.now.data());
  if (!any_explicit) return;
  T *other_end = disturbance.stage.data(), *other_error = error + padded(rows_ * lanes_);
  if (any_implicit) output_pointers_.assign({nullptr, nullptr, other_end, other_error});
  follow_step(attempt, clock, step.explicit_part->step.nodes, *disturbance.of_explicit_step, disturbance.now.data());
  if (!any_implicit) return;
  select_lanes(mask_.data(), other_end, end, end, rows_, lanes_);
  select_lanes(mask_.data(), other_error, error, error, rows_, lanes_);
}

/// One kind of step in all lanes; output_pointers_ are bound.
template <class T>
void LaneGuard<T>::follow_step(const GuardedAttempt<T>& attempt, const LaneClock& clock,
                               const std::vector<double>& nodes, Tangent& tangent, const T* now) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const StepTimes step{
        .t = clock.t[lane], .h = clock.h[lane], .first = attempt.first_times[lane], .last = attempt.last_times[lane]};
    for (std::size_t i = 0; i < nodes.size(); ++i) tangent.stage_times.set(lane, step.at(nodes[i]), i);
  }
  tangent.stage_times.write(tangent.times.data());
  bind_step_inputs<T>(tangent.field.time, lanes_, tangent.times.data(), attempt.steps, attempt.y,
                      attempt.inputs.arguments, input_pointers_);
  input_pointers_.push_back(now);
  for (const AlignedVector<T>& pattern : tangent.field.arguments) input_pointers_.push_back(pattern.data());
  run_tangent(attempt, tangent);
}

template <class T>
void LaneGuard<T>::run_tangent(const GuardedAttempt<T>& attempt, Tangent& tangent) {
  const TileFunction<T>& function = tangent.field.function;
  if (!tangent.is_prepared) function.prepare(input_pointers_, tangent.shared.data());
  tangent.is_prepared = true;
  function.run(Phase::kForward, {.inputs = input_pointers_,
                                 .outputs = output_pointers_,
                                 .shared = tangent.shared.data(),
                                 .saved = tangent.saved.data(),
                                 .workspace = &tangent.workspace,
                                 .lane_weights = nullptr,
                                 .num_samples = attempt.inputs.num_samples,
                                 .first_sample = 0,
                                 .report = nullptr});
}

/// The error of the lane's disturbance in this attempt, in units of what it may be; and s_i.
template <class T>
double LaneGuard<T>::find_ratio(const LaneClock& clock, Disturbance& disturbance, std::size_t lane) {
  const guard::Limits& limits = shared_.limits;
  const Tableau& tableau = *problem_.tableau;
  const bool has_second = tableau.has_second_companion();
  const std::size_t stride = padded(rows_ * lanes_);
  const double h = clock.h[lane];
  double largest = 0, largest_after = 0, worst = 0;
  for (std::size_t row = 0; row < rows_; ++row) {
    if (!is_controlled(shared_.rtols[row])) continue;
    const std::size_t i = row * lanes_ + lane;
    largest = std::max(largest, std::abs(static_cast<double>(disturbance.now[i])));
    largest_after = std::max(largest_after, std::abs(static_cast<double>(disturbance.end[i])));
  }
  const double floor = limits.floor(largest, disturbance.size[lane]),
               fading = problem_.implicit ? guard::kFading : std::exp(-std::abs(h) * rate_[lane]);
  for (std::size_t part = 0; part < problem_.part_offsets.size(); ++part) {
    const std::size_t first = problem_.part_offsets[part];
    const std::size_t end = end_of_part(problem_.part_offsets, part, rows_);
    double sum = 0, sum_low = 0, count = 0;
    for (std::size_t row = first; row < end; ++row) {
      if (!is_controlled(shared_.rtols[row])) continue;
      const std::size_t i = row * lanes_ + lane;
      const double before = static_cast<double>(disturbance.now[i]), after = static_cast<double>(disturbance.end[i]);
      const double scale =
          std::max({std::abs(before), std::abs(after), fading * static_cast<double>(disturbance.scale[i]), floor});
      const auto relative = [&](std::span<const double> e) {
        double error = 0;
        for (std::size_t j = 0; j < e.size(); ++j)
          if (e[j] != 0) error += e[j] * static_cast<double>(disturbance.slopes[j * stride + i]);
        return scale > 0 ? h * error / (shared_.rtols[row] * scale) : 0;
      };
      const double allowed = shared_.rtols[row] * scale;
      const double ratio = !problem_.implicit ? relative(tableau.e)
                           : allowed > 0      ? static_cast<double>(disturbance.slopes[i]) / allowed
                                              : 0;
      const double low = has_second ? relative(tableau.e_low) : 0;
      disturbance.next_scale[i] = static_cast<T>(scale);
      sum += ratio * ratio;
      sum_low += low * low;
      ++count;
    }
    if (count == 0) continue;
    const double mean = sum / count;
    worst = guard::larger(worst, has_second ? companion_square(mean, sum_low / count) : mean);
  }
  return std::sqrt(worst) * guard::growth(largest, largest_after);
}

template <class T>
void LaneGuard<T>::advance(const LaneClock& clock) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock.accepted[lane] == 0) continue;
    if (!(state_error_[lane] <= 1)) state_.is_carried[lane] = inputs_.is_carried[lane] = 0;  // nothing was followed
    slack_[lane] = next_slack_[lane];
    for (Disturbance* disturbance : {&state_, &inputs_})
      if (disturbance->any_is_carried && disturbance->is_carried[lane] != 0 && disturbance->field != nullptr)
        advance(*disturbance, lane);
    if (state_error_[lane] > guard::kSlackUntil) inputs_.is_carried[lane] = 0;
  }
}

template <class T>
void LaneGuard<T>::advance(Disturbance& disturbance, std::size_t lane) {
  double largest = 0;
  for (std::size_t row = 0; row < rows_; ++row) {
    const std::size_t i = row * lanes_ + lane;
    disturbance.now[i] = disturbance.end[i];
    if (!is_controlled(shared_.rtols[row])) continue;
    const double fresh = guard::kFresh * shared_.rtols[row];
    const double scale = static_cast<double>(disturbance.next_scale[i]);
    const double v =
        static_cast<double>(disturbance.end[i]) + fresh * scale * static_cast<double>(shared_.pattern[row]);
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
