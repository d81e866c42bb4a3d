// The dense output of a tile's steps: states and their slopes at times of the lanes' own.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/step_outputs.h"
#include "costate/solve/internal/dense_form.h"
#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// A step of each lane.
template <class T>
struct DenseStep {
  const T* y = nullptr;                            // [state, lanes] at its start
  const T* h = nullptr;                            // [lanes] of slopes the size, of increments 1
  const double *start = nullptr, *size = nullptr;  // [lanes]
  Slopes<T> slopes;                                // or increments (DenseForm)
};

template <class T>
class LaneDense {
 public:
  explicit LaneDense(const LaneProblem<T>& problem);

  /// All outputs within the step of the lanes, of which there are two or more: their states are those of write_states.
  void write_outputs(const DenseStep<T>& step, OutputOrder order, StepOutputs<T> outputs) const;
  /// out [state, lanes] = y + h Σ_j w_j(theta) k_j, theta = (time - start) / size.
  void write_states(const DenseStep<T>& step, const double* times, T* out) const;
  /// out [state, lanes] = Σ_j w_j'(theta) k_j, j ascending by fma; of increments with w_j'(theta) / size.
  void write_slopes(const DenseStep<T>& step, const double* times, T* out);

 private:
  DenseOutput<T> output_of(const DenseStep<T>& step, std::span<const T*> slopes) const;

  const DenseForm form_;
  std::vector<std::size_t> stages_;   // slopes or increments that it reads
  std::vector<double> coefficients_;  // [of stages_, degree]
  std::size_t padded_lanes_;
  AlignedVector<double> theta_;
  AlignedVector<T> weights_;
};

extern template class LaneDense<float>;
extern template class LaneDense<double>;

}  // namespace costate::internal
