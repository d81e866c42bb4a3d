#include "costate/solve/internal/lane_dense.h"

#include <algorithm>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

template <class T>
LaneDense<T>::LaneDense(const LaneProblem<T>& problem)
    : form_(dense_form(problem)), padded_lanes_(padded(problem.lanes)), theta_(padded_lanes_) {
  for (std::size_t j = 0; j < form_.size(); ++j) {
    const std::span<const double> row = form_.row(j);
    if (std::ranges::all_of(row, [](double c) { return c == 0; })) continue;
    stages_.push_back(j);
    coefficients_.insert(coefficients_.end(), row.begin(), row.end());
  }
  weights_.resize(stages_.size() * padded_lanes_);
}

template <class T>
DenseOutput<T> LaneDense<T>::output_of(const DenseStep<T>& step, std::span<const T*> slopes) const {
  static_assert(kMaxStages <= kMaxDenseSlopes);
  for (std::size_t j = 0; j < stages_.size(); ++j) slopes[j] = step.slopes.first + stages_[j] * step.slopes.stride;
  return {.y = step.y,
          .h = step.h,
          .k = slopes.data(),
          .count = stages_.size(),
          .coefficients = coefficients_.data(),
          .degree = form_.degree,
          .time = nullptr,
          .start = step.start,
          .size = step.size,
          .out = nullptr,
          .rows = step.slopes.state_size,
          .lanes = step.slopes.lanes};
}

template <class T>
void LaneDense<T>::write_states(const DenseStep<T>& step, const double* times, T* out) const {
  const T* slopes[kMaxStages];
  DenseOutput<T> output = output_of(step, slopes);
  output.time = times;
  output.out = out;
  dense_combine<T>(output);
}

template <class T>
void LaneDense<T>::write_outputs(const DenseStep<T>& step, OutputOrder order, StepOutputs<T> outputs) const {
  const T* slopes[kMaxStages];
  outputs.dense = output_of(step, slopes);
  internal::write_outputs<T>(order, outputs);
}

template <class T>
void LaneDense<T>::write_slopes(const DenseStep<T>& step, const double* times, T* out) {
  const std::size_t lanes = step.slopes.lanes, rows = step.slopes.state_size;
  for (std::size_t lane = 0; lane < lanes; ++lane) theta_[lane] = (times[lane] - step.start[lane]) / step.size[lane];
  polynomial_weights(Polynomial::kDerivative, std::span<const double>(coefficients_), form_.degree, theta_.data(),
                     weights_.data(), padded_lanes_, lanes);
  for (std::size_t j = 0; form_.has_increments && j < stages_.size(); ++j)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      weights_[j * padded_lanes_ + lane] /= static_cast<T>(step.size[lane]);
  std::fill_n(out, rows * lanes, T{0});
  for (std::size_t j = 0; j < stages_.size(); ++j)
    axpy_lanes(weights_.data() + j * padded_lanes_, step.slopes.first + stages_[j] * step.slopes.stride, out, rows,
               lanes);
}

template class LaneDense<float>;
template class LaneDense<double>;

}  // namespace costate::internal
