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

/// Derivatives of f at (t, y). Those that are empty are not there, and the guard does without.
struct ReferenceDerivatives {
  using Product =
      std::function<void(double t, std::span<const double> y, std::span<const double> v, std::span<double> out)>;
  Product vjp;                                  ///< out = vᵀ df/dy
  Product jvp;                                  ///< out = df/dy v
  Product jvp_of_inputs;                        ///< out = df/dy v + df/d(arguments) pattern; only where f has any
  std::vector<std::size_t> part_offsets = {0};  ///< where each part of the state begins
  bool has_kinks = false;                       ///< of f along the state
};

/// An attempted step with its stages, the closing one last.
struct ReferenceAttempt {
  double h;
  double share;           ///< |h| beside the whole solve's span
  double error;           ///< of the state, in tolerances
  double bend;            ///< what the change of the slope over the step moves the state by, likewise
  std::int64_t attempts;  ///< before this one
  bool begins_small;      ///< the first attempt's error is next to nothing by intent (FirstStep::kHairers)
  std::span<const double> times;
  std::span<const std::vector<double>> states, slopes;
};

class ReferenceGuard {
 public:
  /// `rtols` [state]: what a disturbance of each number is followed to; infinite where it is not controlled.
  ReferenceGuard(const ReferenceDerivatives& derivatives, const Tableau& tableau, const guard::Limits& limits,
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
    Vector now, end, scale, next_scale;
  };

  void ask(const ReferenceAttempt& attempt);
  static Disturbance disturbance_of(const Vector& start);
  void try_pattern(const ReferenceAttempt& attempt);
  double test(const ReferenceAttempt& attempt, Disturbance& disturbance, const ReferenceDerivatives::Product& product,
              bool is_of_inputs);
  double ratio(const ReferenceAttempt& attempt, Disturbance& disturbance, const ReferenceDerivatives::Product& product);
  void advance(Disturbance& disturbance) const;
  double largest_of(const Vector& x) const;

  const ReferenceDerivatives& derivatives_;
  const Tableau& tableau_;
  guard::Limits limits_;
  Vector rtols_;
  std::size_t num_controlled_ = 0;
  Vector pattern_, probe_;
  double rate_ = 0, reach_ = 0, error_ = 0;
  bool slack_ = false, next_slack_ = false;
  int mendings_ = 0;
  Disturbance state_, inputs_;
};

}  // namespace costate::internal
