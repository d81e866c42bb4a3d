// The readable Runge-Kutta loop behind the contract of reference_solve.h. Nothing here is fast; nothing here is shared
// with the lane driver but the tableaus and the step-size control. reference_step.cpp has one step.
#include "costate/solve/internal/reference_solve.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "costate/solve/control/step_ends.h"
#include "costate/solve/internal/reference_solver.h"

namespace costate::internal {

ReferenceSolver::ReferenceSolver(const ReferenceRhs& rhs, std::span<const double> y0, std::span<const double> times,
                                 const SolveOptions& options, const ReferenceContext& context)
    : rhs_(rhs),
      times_(times),
      options_(options),
      context_(context),
      tableau_(tableau(options.method)),
      measure_(error_measure(options, context.part_offsets, y0.size())),
      y_(y0.begin(), y0.end()),
      y_next_(y_),
      stages_(static_cast<std::size_t>(tableau_.num_all_stages()), Vector(y0.size())),
      arguments_(stages_) {
  if (context.derivatives != nullptr) {
    constexpr double kRounding = std::numeric_limits<double>::epsilon();
    guard_.emplace(*context.derivatives, options.method,
                   guard::Limits(tableau_, measure_.smallest_rtol(), measure_.smallest_atol(), kRounding),
                   disturbance_rtols(measure_, kRounding));
  }
  if (context.events != nullptr) events_.emplace(*context.events, direction());
  solution_.states.assign(times.size(), Vector(y0.size(), std::numeric_limits<double>::quiet_NaN()));
  solution_.t = times[0];
  solution_.states[0] = y_;
  if (!all_finite(y_)) solution_.status = Status::kNonFinite;
}

ReferenceSolution ReferenceSolver::run() {
  while (!is_fixed() && next_output_ < times_.size() && times_[next_output_] == solution_.t)
    solution_.states[next_output_++] = y_;
  if (solution_.status == Status::kOk && next_output_ < times_.size()) {
    is_fixed() ? run_fixed() : run_adaptive();
  }
  return std::move(solution_);
}

void ReferenceSolver::accept(const Step& step) {
  ++solution_.accepted;
  solution_.steps.push_back({step.t, step.h});
  solution_.t = step.t_next;
  std::swap(y_, y_next_);
  if (context_.explicit_step != nullptr) note_stiffness(switch_, implicit_.stiffness);
  if (tableau_.steps_by_function()) return;
  first_known_ = closing_known_ && step.last == step.t_next;
  if (first_known_) std::swap(stages_[0], stages_[closing()]);
}

double ReferenceSolver::near(double t) const {
  const double grid = is_fixed() ? std::max(std::abs(times_.front()), std::abs(times_.back())) : 0;
  return stop_tolerance(t, context_.stop_scale + grid);
}

double ReferenceSolver::side(double t, double direction) const {
  double at = t, inside = 0;
  for (const Stop& stop : context_.stops) {
    if (stop.time < t - near(t) || stop.time > t + near(t)) continue;
    at = stop.time;  // they ascend
    inside = std::max(inside, stop.inside);
  }
  return inside > 0 ? at + direction * inside : t;
}

double ReferenceSolver::next_stop() const {
  const double t = solution_.t, end = times_.back();
  const bool rises = end > t;
  double found = end;
  for (const auto& [stop, inside] : context_.stops) {
    if (rises && stop > t + near(t) && stop < end - near(end)) found = std::min(found, stop);
    if (!rises && stop <= t - near(t) && stop > end + near(end)) found = std::max(found, stop);
  }
  return found;
}

int ReferenceSolver::steps_in(double length) const {
  if (options_.steps_per_interval > 0) return options_.steps_per_interval;
  if (options_.step_size > 0) {
    constexpr double kMost = std::numeric_limits<int>::max();
    return std::max(
        1, static_cast<int>(std::min(kMost, std::ceil(std::abs(length) / options_.step_size * (1 - kLengthRounding)))));
  }
  return 1;
}

void ReferenceSolver::run_fixed() {
  for (std::size_t next = 1; next < times_.size(); ++next) {
    const double start = times_[next - 1];
    const int count = steps_in(times_[next] - start);
    const double h = (times_[next] - start) / count;
    for (int m = 0; m < count; ++m) {
      const double t_next = m + 1 == count ? times_[next] : std::fma(m + 1, h, start);
      if (!take_fixed_step(step_to(h, t_next))) return;
    }
    solution_.states[next] = y_;
  }
}

bool ReferenceSolver::take_fixed_step(const Step& step) {
  if (solution_.accepted >= options_.max_steps) return fail(Status::kMaxSteps);
  attempt(step);
  if (tableau_.steps_by_function() && !has_converged()) return fail(Status::kNoConvergence);
  if (!all_finite(y_next_)) return fail(Status::kNonFinite);
  accept(step);
  return true;
}

bool ReferenceSolver::fail(Status status) {
  solution_.status = status;
  return false;
}

void ReferenceSolver::run_adaptive() {
  const double end = times_.back();
  evaluate(side(solution_.t, direction()), y_, 0);
  first_known_ = true;
  if (!all_finite(stages_[0])) {
    fail(Status::kNonFinite);
    return;
  }
  double h = direction() * std::max(first_step(), smallest_first());
  while (solution_.t != end && !(events_ && events_->ends())) {
    if (solution_.accepted + solution_.rejected >= options_.max_steps) {
      fail(Status::kMaxSteps);
      return;
    }
    const double stop = next_stop(), left = stop - solution_.t;
    const double planned = limited(h);
    h = halved(planned, left);
    const bool last = std::abs(left) <= kNearEnd * std::abs(h);
    if (!last && std::abs(h) <= kSmallestStep * std::abs(solution_.t)) {
      fail(saw_non_finite_ ? Status::kNonFinite : Status::kStepTooSmall);
      return;
    }
    const Step step = last ? step_to(left, stop) : step_to(h, solution_.t + h);
    const double factor = take_adaptive_step(step);
    if (solution_.status != Status::kOk) return;
    h = step.h * factor;
    const bool passed_stop = last && solution_.t == stop;
    if (passed_stop && factor >= 1 && std::abs(planned) > std::abs(h)) h = planned;
  }
}

double ReferenceSolver::limited(double h) const {
  if (std::abs(h) < options_.min_step) h = std::copysign(options_.min_step, h);
  return options_.max_step > 0 && std::abs(h) > options_.max_step ? std::copysign(options_.max_step, h) : h;
}

double ReferenceSolver::halved(double h, double left) const {
  const bool is_too_long = options_.max_step > 0 && std::abs(left) > options_.max_step * (1 + kLengthRounding);
  return is_too_long && std::abs(left) <= kNearEnd * std::abs(h) ? left / 2 : h;
}

double ReferenceSolver::take_adaptive_step(const Step& step) {
  attempt(step);
  double error = tableau_.steps_by_function() ? error_of_function_step() : error_norm(step.h);
  if (is_negative()) error = std::max(error, halving_error());
  error = guarded_error(step, error);
  StepDecision decision = decide_step(options_.step_control, control_, error, tableau_.error_order());
  control_ = decision.next;
  if (!decision.accepted && is_shortest(step.h)) {
    decision.accepted = options_.at_min_step == AtMinStep::kAccept && std::isfinite(error);
    if (!decision.accepted) fail(std::isfinite(error) ? Status::kStepTooSmall : Status::kNonFinite);
  }
  if (decision.accepted && guard_) guard_->advance();
  if (decision.accepted && events_ && !find_events(step)) {
    decision.accepted = false;
    fail(Status::kNonFinite);
  }
  if (decision.accepted) {
    write_outputs(step);
    accept(step);
    if (events_ && events_->cuts()) cut();
  } else {
    ++solution_.rejected;
  }
  saw_non_finite_ = !std::isfinite(error);
  return decision.factor;
}

void ReferenceSolver::write_outputs(const Step& step) {
  const bool is_cut = events_ && events_->cuts();
  const double t_end = is_cut ? events_->cut_time() : step.t_next;
  for (; next_output_ < times_.size(); ++next_output_) {
    const double out = times_[next_output_];
    if (step.h > 0 ? out > t_end : out < t_end) return;
    solution_.states[next_output_] = out == step.t_next && !is_cut ? y_next_ : dense_state(step, out);
  }
}

bool ReferenceSolver::find_events(const Step& step) {
  const bool has_slopes = !tableau_.steps_by_function();  // at both ends
  if (has_slopes) evaluate_closing(step);
  const auto place_at = [&](double t) {
    Vector state = dense_state(step, t);  // first: it evaluates what the slope reads, too
    return ReferencePlace{.t = t, .y = std::move(state), .slope = dense_slope(step, t)};
  };
  return events_->find(
      {.t = step.t, .y = y_, .slope = has_slopes ? stages_[0] : dense_slope(step, step.t)},
      {.t = step.t_next, .y = y_next_, .slope = has_slopes ? stages_[closing()] : dense_slope(step, step.t_next)},
      place_at, solution_.events);
}

void ReferenceSolver::cut() {
  solution_.t = events_->cut_time();
  y_ = events_->after();
  first_known_ = false;
}

ReferenceSolution reference_solve(const ReferenceRhs& rhs, std::span<const double> y0, std::span<const double> times,
                                  const SolveOptions& options, const ReferenceContext& context) {
  if (y0.empty()) throw InvalidArgument("[solve] y0 must have at least one element; got none. Pass the initial state.");
  check_times(times);
  check_options(options);
  COSTATE_CHECK(!tableau(options.method).steps_by_function() || context.step != nullptr, "the method needs its step");
  return ReferenceSolver(rhs, y0, times, options, context).run();
}

}  // namespace costate::internal
