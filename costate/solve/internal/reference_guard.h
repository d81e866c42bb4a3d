// The gradient guard for one sample in plain loops and f64: what control/gradient_guard.h means. Part of the contract
// of reference_solve.h: sums over the state ascend, and are rounded after each product and each sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "costate/solve/control/gradient_guard.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/methods/tableau.h"

namespace costate::internal {

/// The tangents of an implicit step's end and of its estimate.
struct StepTangent {
  std::vector<double> end, error;
};

/// Derivatives of f at (t, y), or of implicit steps. Those that are empty are not there, and the guard does without.
struct ReferenceDerivatives {
  using Product =
      std::function<void(double t, std::span<const double> y, std::span<const double> v, std::span<double> out)>;
  Product vjp;            ///< out = vᵀ df/dy
  Product jvp;            ///< out = df/dy v
  Product jvp_of_inputs;  ///< out = df/dy v + df/d(arguments) pattern; only where f has any
  /// Along v, and along v and the patterns of the arguments; which of the steps of a method that switches.
  using StepProduct = std::function<StepTangent(bool is_explicit, std::span<const double> times, double h,
                                                std::span<const double> y, std::span<const double> v)>;
  StepProduct step_jvp = {}, step_jvp_of_inputs = {};
  std::vector<std::size_t> part_offsets = {0};  ///< where each part of the state begins
  bool has_kinks = false;                       ///< of f along the state
};

/// An attempted step with its stages, the closing one last; of an implicit one the times of its nodes, the state before
/// it, and no slopes.
struct ReferenceAttempt {
  double h;
  double share;           ///< |h| beside the whole solve's span
  double error;           ///< of the state, in tolerances
  double bend;            ///< what the change of the slope over the step moves the state by, likewise
  std::int64_t attempts;  ///< before this one
  bool begins_small;      ///< the first attempt's error is next to nothing by intent (FirstStep::kHairers)
  std::span<const double> times;
  std::span<const std::vector<double>> states, slopes;
  bool is_explicit = false;  ///< of a method that switches
};

class ReferenceGuard {
 public:
  /// `rtols` [state]: what a disturbance of each number is followed to; infinite where it is not controlled.
  ReferenceGuard(const ReferenceDerivatives& derivatives, Method method, const guard::Limits& limits,
                 std::vector<double> rtols);

  /// The error that decides: the state's, or a disturbance's if that is larger.
  double judge(const ReferenceAttempt& attempt);
  /// The last attempt was accepted.
  void advance();

 private:
  using Vector = std::vector<double>;
  struct Disturbance {
    bool is_carried = false;
    double size = 1;
    Vector now, end, scale, next_scale, fresh;
  };

  bool steps_by_function() const { return tableau_.steps_by_function(); }
  void ask(const ReferenceAttempt& attempt);
  static Disturbance disturbance_of(const Vector& start);
  void try_pattern(const ReferenceAttempt& attempt);
  bool follows(bool inputs) const;
  double test(const ReferenceAttempt& attempt, Disturbance& disturbance, bool is_of_inputs);
  /// The disturbance's end, and its error of each number.
  std::vector<Vector> follow(const ReferenceAttempt& attempt, Disturbance& disturbance, bool is_of_inputs) const;
  double ratio(const ReferenceAttempt& attempt, Disturbance& disturbance, bool is_of_inputs);
  void advance(Disturbance& disturbance) const;
  double largest_of(const Vector& x) const;

  const ReferenceDerivatives& derivatives_;
  const Method method_;
  const Tableau& tableau_;
  guard::Limits limits_;
  Vector rtols_;
  std::size_t num_controlled_ = 0;
  Vector pattern_, probe_;
  double rate_ = 0, reach_ = 0, error_ = 0;
  bool is_silent_ = false, next_is_silent_ = false;
  int mendings_ = 0;
  Disturbance state_, inputs_;
};

}  // namespace costate::internal
