// The norms by which a tile's steps are judged: error_measure.h, for `lanes` samples side by side.
#pragma once

#include <memory>
#include <vector>

#include "costate/exec/internal/aligned.h"
#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// An attempted step of all lanes, whose stages have their slopes.
template <class T>
struct AttemptedStep {
  const T *y = nullptr, *y_next = nullptr;  // [state, lanes]
  const T* steps = nullptr;                 // [lanes] h
  Slopes<T> slopes;
};

template <class T>
class LaneErrors {
 public:
  explicit LaneErrors(const LaneProblem<T>& problem);

  /// norms [lanes]: the attempt's error, in tolerances; NaN where the state at its end is not finite.
  void error_of(const AttemptedStep<T>& attempt, T* norms);
  /// norms [lanes]: what the change of the slope over the attempt moves the state by, in tolerances (bend_weights).
  void bend_of(const AttemptedStep<T>& attempt, T* norms);
  /// The same as error_of, of an estimate [state, lanes] that the step itself has made.
  void error_of(const T* error, const T* y0, const T* y1, T* norms);
  /// norms [lanes]: of x [state, lanes], in tolerances of y.
  void norm_of(const T* x, const T* y, T* norms);

 private:
  void estimate(const AttemptedStep<T>& attempt, std::span<const double> e, T* norms);
  void measure_rows(const T* x, const T* y0, const T* y1, T* norms);
  void measure_by_function(const T* x, const T* y0, const T* y1, T* norms);

  /// SolveOptions::norm on a tile.
  struct Norm {
    Norm(const Function& norm, std::size_t state_size, std::size_t lanes);

    TileFunction<T> function;
    TileWorkspace<T> workspace;
    AlignedVector<T> shared, saved, errors;  // errors [state, lanes] in tolerances
  };

  const LaneProblem<T>& problem_;
  AlignedVector<T> rtols_, atols_;  // [state] where the measure is not uniform
  AlignedVector<T> error_, zeros_;  // [state, lanes] likewise
  AlignedVector<T> ones_;           // [lanes]
  std::vector<double> bend_;        // [stage] weights
  AlignedVector<T> other_norms_;    // [2, lanes]: of a group after the first; of the second companion
  std::unique_ptr<Norm> norm_;      // null where error_norm says it
};

extern template class LaneErrors<float>;
extern template class LaneErrors<double>;

}  // namespace costate::internal
