// Gradients by forward sensitivities: the solve is run again with a tangent s_k of the state for each number x_k that a
// gradient is asked for,
//
//     z' = f(t, z, x),   s_k' = df/dz s_k + df/dx_k,   s_k(t_0) = dz_0/dx_k,   dL/dx_k = sum_i w_i · s_k(t_i)
//
// with w_i the cotangents of the outputs; of times as by the continuous adjoint, of events by event_sensitivities.h.
// The error of each tangent decides about steps with that of the state, which are therefore not those of the solve
// itself; fixed steps are, so that the gradient is exact for these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "costate/adjoint/internal/event_sensitivities.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"
#include "costate/adjoint/internal/output_slopes.h"
#include "costate/solve/internal/tangent_field.h"

namespace costate::internal {

/// So many tangents at most.
inline constexpr std::int64_t kMostTangents = 1024;

template <class T>
class ForwardSensitivities : public AdjointSweep<T> {
 public:
  /// `options` are those of the solve; the problem's own are of an explicit method, by which nothing is solved.
  ForwardSensitivities(const LaneProblem<T>& problem, const FieldVjp<T>& field, const SolveOptions& options);

  /// A sample whose solve with tangents fails makes its own gradients and the shared sums NaN.
  std::int64_t run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients) override;

 private:
  void start();
  void add_gradients(std::size_t lane);
  T along(std::size_t tangent, std::size_t lane) const;
  void add_times();

  const LaneProblem<T>& problem_;
  const FieldVjp<T>& field_;
  const std::size_t lanes_, num_state_;  // num_state_ = state * lanes
  Directions directions_;
  LaneProblem<T> augmented_;
  LaneSolver<T> solver_;
  std::optional<EventSensitivities<T>> events_;
  Lender<T> lender_;
  OutputSlopes<T> slopes_;
  AlignedVector<T> shared_, start_, states_, z_;
  std::vector<double> times_;
  FinishedSolve<T> solve_;
  const T* cotangent_ = nullptr;
  SolveGradients<T>* gradients_ = nullptr;
};

extern template class ForwardSensitivities<float>;
extern template class ForwardSensitivities<double>;

}  // namespace costate::internal
