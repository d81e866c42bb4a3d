// The readable Runge-Kutta loop behind the contract of reference_solve.h. Nothing here is fast; nothing here is shared
// with the lane driver but the tableaus and the step-size control.
#include "costate/solve/internal/reference_solve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "costate/base/error.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/control/stiffness_switch.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/methods/internal/dense_polynomial.h"

namespace costate::internal {
namespace {

using Vector = std::vector<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool all_finite(const Vector& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

class ReferenceSolver {
 public:
  ReferenceSolver(const ReferenceRhs& rhs, std::span<const double> y0, std::span<const double> times,
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
    if (context.derivatives != nullptr && !tableau_.is_implicit) {
      constexpr double kRounding = std::numeric_limits<double>::epsilon();
      guard_.emplace(*context.derivatives, tableau_,
                     guard::Limits(tableau_, measure_.smallest_rtol(), measure_.smallest_atol(), kRounding),
                     disturbance_rtols(measure_, kRounding));
    }
    if (context.events != nullptr) events_.emplace(*context.events, direction());
    solution_.states.assign(times.size(), Vector(y0.size(), kNaN));
    solution_.t = times[0];
    solution_.states[0] = y_;
    if (!all_finite(y_)) solution_.status = Status::kNonFinite;
  }

  ReferenceSolution run() {
    while (!is_fixed() && next_output_ < times_.size() && times_[next_output_] == solution_.t)
      solution_.states[next_output_++] = y_;
    if (solution_.status == Status::kOk && next_output_ < times_.size()) {
      is_fixed() ? run_fixed() : run_adaptive();
    }
    return std::move(solution_);
  }

 private:
  struct Step {
    double t;
    double h;
    double t_next;
    double first;  // where k_0 is evaluated, and the stages at the end
    double last;
  };

  Step step_to(double h, double t_next) const {
    const double t = solution_.t;
    return {t, h, t_next, side(t, direction()), side(t_next, -direction())};
  }

  bool is_fixed() const {
    return options_.steps_per_interval > 0 || options_.step_size > 0 || !tableau_.has_error_estimate();
  }

  std::size_t closing() const { return static_cast<std::size_t>(tableau_.num_stages - 1); }

  /// out = fma(h, combine(weights, k), y)
  void advance(std::span<const double> weights, double h, Vector& out) const {
    for (std::size_t j = 0; j < y_.size(); ++j) out[j] = std::fma(h, combine(weights, j), y_[j]);
  }

  double combine(std::span<const double> weights, std::size_t j) const {
    double sum = 0;  // fma(w, k, 0) is w k rounded once
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] != 0) sum = std::fma(weights[i], stages_[i][j], sum);
    }
    return sum;
  }

  void evaluate(double t, const Vector& y, std::size_t stage) {
    rhs_(t, y, stages_[stage]);
    ++solution_.nfe;
  }

  void evaluate_stage(const Step& step, std::size_t stage) {
    advance(tableau_.a_row(static_cast<int>(stage)), step.h, arguments_[stage]);
    evaluate(stage_time(step, stage), arguments_[stage], stage);
  }

  double stage_time(const Step& step, std::size_t stage) const {
    const double node = tableau_.c[stage];
    return node == 0 ? step.first : node == 1 ? step.last : std::fma(node, step.h, step.t);
  }

  void evaluate_closing(const Step& step) {
    if (closing_known_) return;
    evaluate(step.last, y_next_, closing());
    closing_known_ = true;
  }

  /// k_0 .. up to the closing stage, and y1.
  void attempt(const Step& step) {
    if (tableau_.is_implicit) return attempt_implicit(step);
    if (!first_known_) evaluate(step.first, y_, 0);
    first_known_ = true;
    for (std::size_t stage = 1; stage < closing(); ++stage) evaluate_stage(step, stage);
    advance(tableau_.b, step.h, y_next_);
    closing_known_ = extra_known_ = false;
    if (tableau_.error_needs_closing_stage()) evaluate_closing(step);
    solution_.h = step.h;
  }

  void attempt_implicit(const Step& step) {
    const bool is_explicit = context_.explicit_step != nullptr && switch_.is_explicit;
    const StepFunction& function = is_explicit ? *context_.explicit_step : *context_.step;
    Vector times;
    for (const double node : function.nodes)
      times.push_back(node == 0 ? step.first : node == 1 ? step.last : std::fma(node, step.h, step.t));
    implicit_ = (is_explicit ? context_.explicit_stepper : context_.stepper)(times, step.h, y_);
    y_next_ = implicit_.y_next;
    solution_.nfe += function.evaluations;
    solution_.h = step.h;
  }

  double norm_of_estimate(const Vector& estimate) const {
    if (!all_finite(y_next_)) return kNaN;
    return norm_over_scale([&](std::size_t j) { return estimate[j]; }, y_next_);
  }

  bool has_converged() const { return implicit_.newton_error <= kMostNewtonError; }

  /// After which the controller takes half the step.
  double halving_error() const {
    return std::max(2.0, std::pow(2 * options_.step_control.safety, tableau_.error_order()));
  }

  bool is_negative() const {
    return std::ranges::any_of(options_.nonnegative,
                               [&](double index) { return y_next_[static_cast<std::size_t>(index)] < 0; });
  }

  double error_of_implicit() const {
    const double error = norm_of_estimate(implicit_.error);
    if (has_converged()) return error;
    return std::max(error, halving_error());
  }

  void accept(const Step& step) {
    ++solution_.accepted;
    solution_.steps.push_back({step.t, step.h});
    solution_.t = step.t_next;
    std::swap(y_, y_next_);
    if (context_.explicit_step != nullptr) note_stiffness(switch_, implicit_.stiffness);
    if (tableau_.is_implicit) return;
    first_known_ = closing_known_ && step.last == step.t_next;
    if (first_known_) std::swap(stages_[0], stages_[closing()]);
  }

  // Stops

  double direction() const { return times_.back() >= times_.front() ? 1 : -1; }

  double near(double t) const {
    const double grid = is_fixed() ? std::max(std::abs(times_.front()), std::abs(times_.back())) : 0;
    return stop_tolerance(t, context_.stop_scale + grid);
  }

  double side(double t, double direction) const {
    double at = t, inside = 0;
    for (const Stop& stop : context_.stops) {
      if (stop.time < t - near(t) || stop.time > t + near(t)) continue;
      at = stop.time;  // they ascend
      inside = std::max(inside, stop.inside);
    }
    return inside > 0 ? at + direction * inside : t;
  }

  /// Where the next step must not go beyond.
  double next_stop() const {
    const double t = solution_.t, end = times_.back();
    const bool rises = end > t;
    double found = end;
    for (const auto& [stop, inside] : context_.stops) {
      if (rises && stop > t + near(t) && stop < end - near(end)) found = std::min(found, stop);
      if (!rises && stop <= t - near(t) && stop > end + near(end)) found = std::max(found, stop);
    }
    return found;
  }

  double error_norm(double h) const {
    if (!all_finite(y_next_)) return kNaN;
    const double error = norm_of_slopes(h, tableau_.e);
    if (!tableau_.has_second_companion()) return error;
    const double low = norm_of_slopes(h, tableau_.e_low);
    return std::sqrt(companion_square(error * error, low * low));
  }

  double norm_of_slopes(double h, std::span<const double> weights) const {
    return norm_over_scale([&](std::size_t j) { return h * combine(weights, j); }, y_next_);
  }

  /// Of the values in units of the tolerances, which go by the larger of |y| and |end|.
  template <class Value>
  double norm_over_scale(Value value, const Vector& end) const {
    double worst = 0;
    for (const ErrorGroup& group : measure_.groups) {
      double sum = 0;
      for (std::size_t j = group.begin; j < group.end; ++j) {
        const double scale = std::fma(measure_.rtol[j], std::max(std::abs(y_[j]), std::abs(end[j])), measure_.atol[j]);
        const double ratio = value(j) / scale;
        sum = measure_.is_largest ? guard::larger(sum, std::abs(ratio)) : std::fma(ratio, ratio, sum);
      }
      const double norm = measure_.is_largest ? sum : std::sqrt(sum / static_cast<double>(group.count));
      worst = guard::larger(worst, norm);
    }
    return worst;
  }

  // Fixed steps

  int steps_in(double length) const {
    if (options_.steps_per_interval > 0) return options_.steps_per_interval;
    if (options_.step_size > 0) {
      constexpr double kMost = std::numeric_limits<int>::max();
      return std::max(
          1, static_cast<int>(std::min(kMost, std::ceil(std::abs(length) / options_.step_size * (1 - 0x1p-40)))));
    }
    return 1;
  }

  void run_fixed() {
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

  bool take_fixed_step(const Step& step) {
    if (solution_.accepted >= options_.max_steps) return fail(Status::kMaxSteps);
    attempt(step);
    if (tableau_.is_implicit && !has_converged()) return fail(Status::kNoConvergence);
    if (!all_finite(y_next_)) return fail(Status::kNonFinite);
    accept(step);
    return true;
  }

  bool fail(Status status) {
    solution_.status = status;
    return false;
  }

  // Adaptive steps

  void run_adaptive() {
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
      const bool last = std::abs(left) <= 1.01 * std::abs(h);
      if (!last && std::abs(h) <= 10 * std::numeric_limits<double>::epsilon() * std::abs(solution_.t)) {
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

  double limited(double h) const {
    if (std::abs(h) < options_.min_step) h = std::copysign(options_.min_step, h);
    return options_.max_step > 0 && std::abs(h) > options_.max_step ? std::copysign(options_.max_step, h) : h;
  }

  /// Two steps in place of one that would be stretched beyond max_step.
  double halved(double h, double left) const {
    const bool is_too_long = options_.max_step > 0 && std::abs(left) > options_.max_step * (1 + 0x1p-40);
    return is_too_long && std::abs(left) <= 1.01 * std::abs(h) ? left / 2 : h;
  }

  /// Accepts or rejects; returns the factor for the next step.
  double take_adaptive_step(const Step& step) {
    attempt(step);
    double error = tableau_.is_implicit ? error_of_implicit() : error_norm(step.h);
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

  bool is_shortest(double h) const { return std::abs(h) <= 1.01 * options_.min_step; }

  double guarded_error(const Step& step, double error) {
    if (!guard_) return error;
    const auto num_stages = static_cast<std::size_t>(tableau_.num_stages);
    arguments_[0] = y_;
    arguments_[closing()] = y_next_;
    Vector times(num_stages);
    for (std::size_t stage = 0; stage < num_stages; ++stage) times[stage] = stage_time(step, stage);
    const double judged = guard_->judge({.h = step.h,
                                         .share = std::abs(step.h) / std::abs(times_.back() - times_.front()),
                                         .error = error,
                                         .bend = norm_of_slopes(step.h, guard::bend_weights(tableau_)),
                                         .attempts = solution_.accepted + solution_.rejected,
                                         .times = times,
                                         .states = std::span(arguments_).first(num_stages),
                                         .slopes = std::span(stages_).first(num_stages)});
    return is_shortest(step.h) ? error : judged;
  }

  void write_outputs(const Step& step) {
    const bool is_cut = events_ && events_->cuts();
    const double t_end = is_cut ? events_->cut_time() : step.t_next;
    for (; next_output_ < times_.size(); ++next_output_) {
      const double out = times_[next_output_];
      if (step.h > 0 ? out > t_end : out < t_end) return;
      solution_.states[next_output_] = out == step.t_next && !is_cut ? y_next_ : dense_state(step, out);
    }
  }

  /// The dense output, whose stages are evaluated for the first one of a step.
  Vector dense_state(const Step& step, double t) {
    if (tableau_.is_implicit) return implicit_state((t - step.t) / step.h);
    evaluate_closing(step);
    for (std::size_t stage = closing() + 1; stage < stages_.size() && !extra_known_; ++stage)
      evaluate_stage(step, stage);
    extra_known_ = true;
    Vector weights(stages_.size()), state(y_.size());
    dense_weights(tableau_, (t - step.t) / step.h, weights);
    advance(weights, step.h, state);
    return state;
  }

  Vector dense_slope(const Step& step, double t) const {
    if (tableau_.is_implicit) return implicit_slope((t - step.t) / step.h, step.h);
    Vector weights(stages_.size()), slope(y_.size());
    dense_weight_slopes(tableau_, (t - step.t) / step.h, weights);
    for (std::size_t j = 0; j < y_.size(); ++j) slope[j] = combine(weights, j);
    return slope;
  }

  /// sum_k weights_k d_k over the increments of an implicit step.
  double combine_increments(const Vector& weights, std::size_t j) const {
    double sum = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) sum = std::fma(weights[k], implicit_.dense[k][j], sum);
    return sum;
  }

  Vector implicit_state(double theta) const {
    Vector weights, state(y_.size());
    for (std::size_t k = 0; k < context_.step->num_dense; ++k)
      weights.push_back(dense_weight(context_.step->dense_row(k), theta));
    for (std::size_t j = 0; j < y_.size(); ++j) state[j] = y_[j] + combine_increments(weights, j);
    return state;
  }

  Vector implicit_slope(double theta, double h) const {
    Vector weights, slope(y_.size());
    for (std::size_t k = 0; k < context_.step->num_dense; ++k)
      weights.push_back(dense_weight_slope(context_.step->dense_row(k), theta) / h);
    for (std::size_t j = 0; j < y_.size(); ++j) slope[j] = combine_increments(weights, j);
    return slope;
  }

  bool find_events(const Step& step) {
    const bool has_slopes = !tableau_.is_implicit;  // at both ends
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

  /// The step that was accepted ends at an event.
  void cut() {
    solution_.t = events_->cut_time();
    y_ = events_->after();
    first_known_ = false;
  }

  double norm_at_start(const Vector& values) const {
    return norm_over_scale([&](std::size_t j) { return values[j]; }, y_);
  }

  double smallest_first() const { return 20 * std::numeric_limits<double>::epsilon() * std::abs(solution_.t); }

  double first_step() {
    if (options_.first_step > 0) return options_.first_step;
    const double slope = norm_at_start(stages_[0]);
    const double trial = std::max(trial_step({.state = norm_at_start(y_), .slope = slope}), smallest_first());
    for (std::size_t j = 0; j < y_.size(); ++j) y_next_[j] = std::fma(direction() * trial, stages_[0][j], y_[j]);
    Vector& probe = stages_[1];
    evaluate(std::fma(direction(), trial, solution_.t), y_next_, 1);
    for (std::size_t j = 0; j < y_.size(); ++j) probe[j] -= stages_[0][j];
    const double curvature = norm_at_start(probe) / trial;
    return initial_step(trial, {.slope = slope, .curvature = curvature}, tableau_);
  }

  const ReferenceRhs& rhs_;
  std::span<const double> times_;
  const SolveOptions& options_;
  const ReferenceContext& context_;
  const Tableau& tableau_;
  const ErrorMeasure measure_;
  Vector y_;
  Vector y_next_;
  std::vector<Vector> stages_, arguments_;  // slopes, and the states they are at
  std::optional<ReferenceGuard> guard_;
  ReferenceStepOutputs implicit_;
  StiffnessSwitch switch_;  // of a method that switches
  std::optional<ReferenceEventSearch> events_;
  bool first_known_ = false;
  bool closing_known_ = false;
  bool extra_known_ = false;
  bool saw_non_finite_ = false;
  ControlState control_;
  std::size_t next_output_ = 1;
  ReferenceSolution solution_;
};

}  // namespace

ReferenceSolution reference_solve(const ReferenceRhs& rhs, std::span<const double> y0, std::span<const double> times,
                                  const SolveOptions& options, const ReferenceContext& context) {
  if (y0.empty()) throw InvalidArgument("[solve] y0 must have at least one element; got none. Pass the initial state.");
  check_times(times);
  check_options(options);
  COSTATE_CHECK(!tableau(options.method).is_implicit || context.step != nullptr, "an implicit method needs its step");
  return ReferenceSolver(rhs, y0, times, options, context).run();
}

}  // namespace costate::internal
