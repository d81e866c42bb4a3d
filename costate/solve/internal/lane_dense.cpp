#include "costate/solve/internal/lane_dense.h"

#include <algorithm>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

template <class T>
LaneDense<T>::LaneDense(const LaneProblem<T>& problem)
    : tableau_(*problem.tableau), padded_lanes_(padded(problem.lanes)), theta_(padded_lanes_) {
  for (int stage = 0; stage < tableau_.num_all_stages(); ++stage) {
    const std::span<const double> row = tableau_.dense_row(stage);
    if (std::ranges::all_of(row, [](double c) { return c == 0; })) continue;
    stages_.push_back(static_cast<std::size_t>(stage));
    coefficients_.insert(coefficients_.end(), row.begin(), row.end());
  }
  weights_.resize(stages_.size() * padded_lanes_);
}

template <class T>
void LaneDense<T>::write_states(const DenseStep<T>& step, const double* times, T* out) const {
  static_assert(kMaxStages <= kMaxDenseSlopes);
  const T* slopes[kMaxStages];
  for (std::size_t j = 0; j < stages_.size(); ++j) slopes[j] = step.slopes.first + stages_[j] * step.slopes.stride;
  dense_combine<T>({.y = step.y,
                    .h = step.h,
                    .k = slopes,
                    .count = stages_.size(),
                    .coefficients = coefficients_.data(),
                    .degree = static_cast<std::size_t>(tableau_.dense_degree),
                    .time = times,
                    .start = step.start,
                    .size = step.size,
                    .out = out,
                    .rows = step.slopes.state_size,
                    .lanes = step.slopes.lanes});
}

template <class T>
void LaneDense<T>::write_slopes(const DenseStep<T>& step, const double* times, T* out) {
  const std::size_t lanes = step.slopes.lanes, rows = step.slopes.state_size;
  for (std::size_t lane = 0; lane < lanes; ++lane) theta_[lane] = (times[lane] - step.start[lane]) / step.size[lane];
  polynomial_weights(Polynomial::kDerivative, std::span<const double>(coefficients_),
                     static_cast<std::size_t>(tableau_.dense_degree), theta_.data(), weights_.data(), padded_lanes_,
                     lanes);
  std::fill_n(out, rows * lanes, T{0});
  for (std::size_t j = 0; j < stages_.size(); ++j)
    axpy_lanes(weights_.data() + j * padded_lanes_, step.slopes.first + stages_[j] * step.slopes.stride, out, rows,
               lanes);
}

template class LaneDense<float>;
template class LaneDense<double>;

}  // namespace costate::internal
