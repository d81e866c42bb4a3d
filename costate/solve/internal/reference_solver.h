// ReferenceSolver: the loop of reference_solve.cpp over the steps of reference_step.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "costate/solve/control/step_ends.h"
#include "costate/solve/control/stiffness_switch.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/reference_solve.h"

namespace costate::internal {

class ReferenceSolver {
 public:
  ReferenceSolver(const ReferenceRhs& rhs, std::span<const double> y0, std::span<const double> times,
                  const SolveOptions& options, const ReferenceContext& context);

  ReferenceSolution run();

 private:
  using Vector = std::vector<double>;

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
  bool is_fixed() const { return has_fixed_steps(options_); }
  std::size_t closing() const { return static_cast<std::size_t>(tableau_.num_stages - 1); }

  static bool all_finite(const Vector& values) {
    return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
  }

  /// out = fma(h, combine(weights, k), y)
  void advance(std::span<const double> weights, double h, Vector& out) const;
  double combine(std::span<const double> weights, std::size_t j) const;
  void evaluate(double t, const Vector& y, std::size_t stage);
  void evaluate_stage(const Step& step, std::size_t stage);
  double stage_time(const Step& step, std::size_t stage) const;
  void evaluate_closing(const Step& step);

  /// k_0 .. up to the closing stage, and y1.
  void attempt(const Step& step);
  void attempt_by_function(const Step& step);
  /// Of a method that switches, in this step.
  bool steps_explicitly() const { return context_.explicit_step != nullptr && switch_.is_explicit; }
  Vector node_times(const Step& step) const;
  double norm_of_estimate(const Vector& estimate) const;
  bool has_converged() const { return implicit_.newton_error <= kMostNewtonError; }
  double error_of_function_step() const;
  /// After which the controller takes half the step.
  double halving_error() const;
  bool is_negative() const;
  void accept(const Step& step);

  // Stops

  double direction() const { return times_.back() >= times_.front() ? 1 : -1; }
  double near(double t) const;
  double side(double t, double direction) const;

  /// Where the next step must not go beyond.
  double next_stop() const;
  double error_norm(double h) const;
  double norm_of_slopes(double h, std::span<const double> weights) const;

  /// Of the values in units of the tolerances, which go by the larger of |y| and |end|.
  template <class Value>
  double norm_over_scale(Value value, const Vector& end) const;

  // Fixed steps

  int steps_in(double length) const;
  void run_fixed();
  bool take_fixed_step(const Step& step);
  bool fail(Status status);

  // Adaptive steps

  void run_adaptive();
  double limited(double h) const;

  /// Two steps in place of one that would be stretched beyond max_step.
  double halved(double h, double left) const;

  /// Accepts or rejects; returns the factor for the next step.
  double take_adaptive_step(const Step& step);
  bool is_shortest(double h) const { return std::abs(h) <= kNearEnd * options_.min_step; }
  double guarded_error(const Step& step, double error);
  void write_outputs(const Step& step);

  /// The dense output, whose stages are evaluated for the first one of a step.
  Vector dense_state(const Step& step, double t);
  Vector dense_slope(const Step& step, double t) const;
  /// sum_k weights_k d_k over the increments of an implicit step.
  double combine_increments(const Vector& weights, std::size_t j) const;
  Vector implicit_state(double theta) const;
  Vector implicit_slope(double theta, double h) const;
  bool find_events(const Step& step);

  /// The step that was accepted ends at an event.
  void cut();
  double norm_at_start(const Vector& values) const;
  double smallest_first() const { return 2 * kSmallestStep * std::abs(solution_.t); }
  double first_step();

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

}  // namespace costate::internal
