// The dense output of the steps that lanes accept, as polynomials (dense_solution.h), kept for a solve of numbers.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/solve/internal/lane_dense.h"
#include "costate/solve/internal/lane_problem.h"

namespace costate::internal {

/// The steps of one sample: DenseSolution::Steps.
template <class T>
struct DenseSteps {
  std::vector<double> starts, sizes, ends;
  std::vector<T> coefficients;  // [step, degree + 1, state]
};

template <class T>
class DenseRecord {
 public:
  explicit DenseRecord(const LaneProblem<T>& problem) : form_(dense_form(problem)), lanes_(problem.lanes) {}

  void begin(std::size_t lane) {
    DenseSteps<T>& steps = lanes_[lane];  // whose room is kept
    for (auto* times : {&steps.starts, &steps.sizes, &steps.ends}) times->clear();
    steps.coefficients.clear();
  }
  /// A lane's step was accepted up to `end`.
  void append(std::size_t lane, const DenseStep<T>& step, double end);
  DenseSteps<T>& steps(std::size_t lane) { return lanes_[lane]; }
  const DenseSteps<T>& steps(std::size_t lane) const { return lanes_[lane]; }

 private:
  const DenseForm form_;
  std::vector<DenseSteps<T>> lanes_;
};

extern template class DenseRecord<float>;
extern template class DenseRecord<double>;

}  // namespace costate::internal
