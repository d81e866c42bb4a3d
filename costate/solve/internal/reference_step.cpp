// A step of reference_solve, its error and its dense output, in the order of arithmetic that reference_solve.h says.
#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/graph/interpret.h"
#include "costate/solve/control/halving_error.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/internal/reference_solver.h"
#include "costate/solve/methods/internal/dense_polynomial.h"

namespace costate::internal {

template <class Value>
double ReferenceSolver::norm_over_scale(Value value, const Vector& end) const {
  if (!options_.norm.is_empty()) {
    Vector errors(y_.size());
    for (std::size_t j = 0; j < y_.size(); ++j)
      errors[j] = value(j) / std::fma(measure_.rtol[j], std::max(std::abs(y_[j]), std::abs(end[j])), measure_.atol[j]);
    if (!all_finite(errors)) return std::numeric_limits<double>::quiet_NaN();
    return interpret(options_.norm, {HostArray::vector(std::move(errors))})[0].at(0);
  }
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

void ReferenceSolver::advance(std::span<const double> weights, double h, Vector& out) const {
  for (std::size_t j = 0; j < y_.size(); ++j) out[j] = std::fma(h, combine(weights, j), y_[j]);
}

double ReferenceSolver::combine(std::span<const double> weights, std::size_t j) const {
  double sum = 0;  // fma(w, k, 0) is w k rounded once
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] != 0) sum = std::fma(weights[i], stages_[i][j], sum);
  }
  return sum;
}

void ReferenceSolver::evaluate(double t, const Vector& y, std::size_t stage) {
  rhs_(t, y, stages_[stage]);
  ++solution_.nfe;
}

void ReferenceSolver::evaluate_stage(const Step& step, std::size_t stage) {
  advance(tableau_.a_row(static_cast<int>(stage)), step.h, arguments_[stage]);
  evaluate(stage_time(step, stage), arguments_[stage], stage);
}

double ReferenceSolver::stage_time(const Step& step, std::size_t stage) const {
  const double node = tableau_.c[stage];
  return node == 0 ? step.first : node == 1 ? step.last : std::fma(node, step.h, step.t);
}

void ReferenceSolver::evaluate_closing(const Step& step) {
  if (closing_known_) return;
  evaluate(step.last, y_next_, closing());
  closing_known_ = true;
}

void ReferenceSolver::attempt(const Step& step) {
  if (tableau_.steps_by_function()) return attempt_by_function(step);
  if (!first_known_) evaluate(step.first, y_, 0);
  first_known_ = true;
  for (std::size_t stage = 1; stage < closing(); ++stage) evaluate_stage(step, stage);
  advance(tableau_.b, step.h, y_next_);
  closing_known_ = extra_known_ = false;
  if (tableau_.error_needs_closing_stage()) evaluate_closing(step);
  solution_.h = step.h;
}

void ReferenceSolver::attempt_by_function(const Step& step) {
  const StepFunction& function = steps_explicitly() ? *context_.explicit_step : *context_.step;
  implicit_ = (steps_explicitly() ? context_.explicit_stepper : context_.stepper)(node_times(step), step.h, y_);
  y_next_ = implicit_.y_next;
  solution_.nfe += function.evaluations;
  solution_.h = step.h;
}

std::vector<double> ReferenceSolver::node_times(const Step& step) const {
  Vector times;
  for (const double node : (steps_explicitly() ? *context_.explicit_step : *context_.step).nodes)
    times.push_back(node == 0 ? step.first : node == 1 ? step.last : std::fma(node, step.h, step.t));
  return times;
}

double ReferenceSolver::norm_of_estimate(const Vector& estimate) const {
  if (!all_finite(y_next_)) return std::numeric_limits<double>::quiet_NaN();
  return norm_over_scale([&](std::size_t j) { return estimate[j]; }, y_next_);
}

double ReferenceSolver::error_of_function_step() const {
  const double error = norm_of_estimate(implicit_.error);
  if (has_converged()) return error;
  return std::max(error, halving_error());
}

double ReferenceSolver::halving_error() const {
  return costate::halving_error(options_.step_control, tableau_.error_order());
}

bool ReferenceSolver::is_negative() const {
  return std::ranges::any_of(options_.nonnegative,
                             [&](double index) { return y_next_[static_cast<std::size_t>(index)] < 0; });
}

double ReferenceSolver::error_norm(double h) const {
  if (!all_finite(y_next_)) return std::numeric_limits<double>::quiet_NaN();
  const double error = norm_of_slopes(h, tableau_.e);
  if (!tableau_.has_second_companion()) return error;
  const double low = norm_of_slopes(h, tableau_.e_low);
  return std::sqrt(companion_square(error * error, low * low));
}

double ReferenceSolver::norm_of_slopes(double h, std::span<const double> weights) const {
  return norm_over_scale([&](std::size_t j) { return h * combine(weights, j); }, y_next_);
}

double ReferenceSolver::guarded_error(const Step& step, double error) {
  if (!guard_) return error;
  ReferenceAttempt attempt{.h = step.h,
                           .share = std::abs(step.h) / std::abs(times_.back() - times_.front()),
                           .error = error,
                           .bend = 0,
                           .attempts = solution_.accepted + solution_.rejected,
                           .begins_small = options_.step_control.first_step_rule == FirstStep::kHairers,
                           .times = {},
                           .states = {},
                           .slopes = {},
                           .is_explicit = steps_explicitly()};
  Vector times;
  if (tableau_.steps_by_function()) {
    times = node_times(step);
    attempt.states = std::span(&y_, 1);
  } else {
    const auto num_stages = static_cast<std::size_t>(tableau_.num_stages);
    arguments_[0] = y_;
    arguments_[closing()] = y_next_;
    for (std::size_t stage = 0; stage < num_stages; ++stage) times.push_back(stage_time(step, stage));
    attempt.bend = norm_of_slopes(step.h, guard::bend_weights(tableau_));
    attempt.states = std::span(arguments_).first(num_stages);
    attempt.slopes = std::span(stages_).first(num_stages);
  }
  attempt.times = times;
  const double judged = guard_->judge(attempt);
  return is_shortest(step.h) ? error : judged;
}

std::vector<double> ReferenceSolver::dense_state(const Step& step, double t) {
  if (tableau_.steps_by_function()) return implicit_state((t - step.t) / step.h);
  evaluate_closing(step);
  for (std::size_t stage = closing() + 1; stage < stages_.size() && !extra_known_; ++stage) evaluate_stage(step, stage);
  extra_known_ = true;
  Vector weights(stages_.size()), state(y_.size());
  dense_weights(tableau_, (t - step.t) / step.h, weights);
  advance(weights, step.h, state);
  return state;
}

std::vector<double> ReferenceSolver::dense_slope(const Step& step, double t) const {
  if (tableau_.steps_by_function()) return implicit_slope((t - step.t) / step.h, step.h);
  Vector weights(stages_.size()), slope(y_.size());
  dense_weight_slopes(tableau_, (t - step.t) / step.h, weights);
  for (std::size_t j = 0; j < y_.size(); ++j) slope[j] = combine(weights, j);
  return slope;
}

double ReferenceSolver::combine_increments(const Vector& weights, std::size_t j) const {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum = std::fma(weights[k], implicit_.dense[k][j], sum);
  return sum;
}

std::vector<double> ReferenceSolver::implicit_state(double theta) const {
  Vector weights, state(y_.size());
  for (std::size_t k = 0; k < context_.step->num_dense; ++k)
    weights.push_back(dense_weight(context_.step->dense_row(k), theta));
  for (std::size_t j = 0; j < y_.size(); ++j) state[j] = y_[j] + combine_increments(weights, j);
  return state;
}

std::vector<double> ReferenceSolver::implicit_slope(double theta, double h) const {
  Vector weights, slope(y_.size());
  for (std::size_t k = 0; k < context_.step->num_dense; ++k)
    weights.push_back(dense_weight_slope(context_.step->dense_row(k), theta) / h);
  for (std::size_t j = 0; j < y_.size(); ++j) slope[j] = combine_increments(weights, j);
  return slope;
}

double ReferenceSolver::norm_at_start(const Vector& values) const {
  return norm_over_scale([&](std::size_t j) { return values[j]; }, y_);
}

double ReferenceSolver::first_step() {
  if (options_.first_step > 0) return options_.first_step;
  const double slope = norm_at_start(stages_[0]);
  const double trial = std::max(trial_step({.state = norm_at_start(y_), .slope = slope}), smallest_first());
  for (std::size_t j = 0; j < y_.size(); ++j) y_next_[j] = std::fma(direction() * trial, stages_[0][j], y_[j]);
  Vector& probe = stages_[1];
  evaluate(std::fma(direction(), trial, solution_.t), y_next_, 1);
  for (std::size_t j = 0; j < y_.size(); ++j) probe[j] -= stages_[0][j];
  const double curvature = norm_at_start(probe) / trial;
  return initial_step(trial, {.slope = slope, .curvature = curvature}, tableau_, options_.step_control.first_step_rule);
}

}  // namespace costate::internal
