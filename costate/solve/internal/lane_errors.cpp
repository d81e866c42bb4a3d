#include "costate/solve/internal/lane_errors.h"

#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/control/gradient_guard.h"

namespace costate::internal {

template <class T>
LaneErrors<T>::Norm::Norm(const Function& norm, std::size_t state_size, std::size_t lanes)
    : function(norm, lanes),
      workspace(function.make_workspace()),
      shared(function.shared_size()),
      saved(function.saved_size()),
      errors(padded(state_size * lanes)) {
  const T* inputs[] = {errors.data()};
  function.prepare(inputs, shared.data());
}

template <class T>
LaneErrors<T>::LaneErrors(const LaneProblem<T>& problem) : problem_(problem), ones_(problem.lanes, T{1}) {
  const ErrorMeasure& measure = problem.measure;
  if (problem.guard != nullptr && !problem.function_step) bend_ = guard::bend_weights(*problem.tableau);
  if (problem.tableau->has_second_companion() || measure.groups.size() > 1 || !problem.options.norm.is_empty())
    other_norms_.resize(2 * problem.lanes);
  if (!problem.options.norm.is_empty())
    norm_ = std::make_unique<Norm>(problem.options.norm, problem.state_size, problem.lanes);
  if (measure.is_uniform) return;
  for (std::size_t row = 0; row < problem.state_size; ++row) {
    rtols_.push_back(static_cast<T>(measure.rtol[row]));
    atols_.push_back(static_cast<T>(measure.atol[row]));
  }
  rtols_.resize(padded(problem.state_size));
  atols_.resize(padded(problem.state_size));
  error_.resize(padded(problem.state_size * problem.lanes));
  zeros_.resize(error_.size());
}

template <class T>
void LaneErrors<T>::error_of(const AttemptedStep<T>& attempt, T* norms) {
  const Tableau& tableau = *problem_.tableau;
  estimate(attempt, tableau.e, norms);
  if (!tableau.has_second_companion()) return;
  T* low_norms = other_norms_.data() + problem_.lanes;
  estimate(attempt, tableau.e_low, low_norms);
  for (std::size_t lane = 0; lane < problem_.lanes; ++lane) {
    const auto error = static_cast<double>(norms[lane]), low = static_cast<double>(low_norms[lane]);
    norms[lane] = static_cast<T>(std::sqrt(companion_square(error * error, low * low)));
  }
}

template <class T>
void LaneErrors<T>::bend_of(const AttemptedStep<T>& attempt, T* norms) {
  estimate(attempt, bend_, norms);
}

template <class T>
void LaneErrors<T>::error_of(const T* error, const T* y0, const T* y1, T* norms) {
  if (!problem_.measure.is_uniform) return measure_rows(error, y0, y1, norms);
  const T one = 1;
  scaled_error_norm(y0, y1, ones_.data(), &error, &one, 1, static_cast<T>(problem_.options.rtol),
                    static_cast<T>(problem_.options.atol), norms, problem_.state_size, problem_.lanes);
}

template <class T>
void LaneErrors<T>::norm_of(const T* x, const T* y, T* norms) {
  const SolveOptions& options = problem_.options;
  if (problem_.measure.is_uniform)
    scaled_norm(x, y, static_cast<T>(options.rtol), static_cast<T>(options.atol), norms, problem_.state_size,
                problem_.lanes);
  else
    measure_rows(x, y, y, norms);
}

template <class T>
void LaneErrors<T>::estimate(const AttemptedStep<T>& attempt, std::span<const double> e, T* norms) {
  const SolveOptions& options = problem_.options;
  if (!problem_.measure.is_uniform) {
    combine_slopes(zeros_.data(), attempt.steps, attempt.slopes, e, error_.data());
    return measure_rows(error_.data(), attempt.y, attempt.y_next, norms);
  }
  const T* slopes[kMaxStages];
  T coefficients[kMaxStages];
  std::size_t count = 0;
  for (std::size_t j = 0; j < e.size(); ++j) {
    if (e[j] == 0) continue;
    slopes[count] = attempt.slopes.first + j * attempt.slopes.stride;
    coefficients[count++] = static_cast<T>(e[j]);
  }
  scaled_error_norm(attempt.y, attempt.y_next, attempt.steps, slopes, coefficients, count, static_cast<T>(options.rtol),
                    static_cast<T>(options.atol), norms, problem_.state_size, problem_.lanes);
}

/// The largest norm of the groups.
template <class T>
void LaneErrors<T>::measure_rows(const T* x, const T* y0, const T* y1, T* norms) {
  if (norm_) return measure_by_function(x, y0, y1, norms);
  const ErrorMeasure& measure = problem_.measure;
  for (std::size_t k = 0; k < measure.groups.size(); ++k) {
    const ErrorGroup& group = measure.groups[k];
    const std::size_t first = group.begin * problem_.lanes;
    T* norm = k == 0 ? norms : other_norms_.data();
    row_norm<T>({.x = x + first,
                 .y0 = y0 + first,
                 .y1 = y1 + first,
                 .rtol = rtols_.data() + group.begin,
                 .atol = atols_.data() + group.begin,
                 .is_largest = measure.is_largest,
                 .count = static_cast<T>(group.count),
                 .norm = norm,
                 .rows = group.end - group.begin,
                 .lanes = problem_.lanes});
    for (std::size_t lane = 0; k > 0 && lane < problem_.lanes; ++lane)
      norms[lane] = static_cast<T>(guard::larger(norms[lane], norm[lane]));
  }
}

/// The norm of a user, who may not have thought of NaN: it is one wherever a number is not finite.
template <class T>
void LaneErrors<T>::measure_by_function(const T* x, const T* y0, const T* y1, T* norms) {
  const std::size_t lanes = problem_.lanes;
  AlignedVector<T>& zeros = other_norms_;
  std::fill_n(zeros.begin(), lanes, T{0});
  for (std::size_t row = 0; row < problem_.state_size; ++row)
    for (std::size_t i = row * lanes; i < (row + 1) * lanes; ++i) {
      const T tolerance = std::fma(rtols_[row], std::max(std::abs(y0[i]), std::abs(y1[i])), atols_[row]);
      const T error = is_controlled(static_cast<double>(atols_[row])) ? x[i] / tolerance : T{0};
      norm_->errors[i] = error;
      zeros[i - row * lanes] += T{0} * (error + y1[i]);
    }
  const T* inputs[] = {norm_->errors.data()};
  T* outputs[] = {norms};
  norm_->function.run(Phase::kForward, {.inputs = inputs,
                                        .outputs = outputs,
                                        .shared = norm_->shared.data(),
                                        .saved = norm_->saved.data(),
                                        .workspace = &norm_->workspace,
                                        .lane_weights = nullptr,
                                        .num_samples = lanes,
                                        .first_sample = 0,
                                        .report = nullptr});
  for (std::size_t lane = 0; lane < lanes; ++lane) norms[lane] += zeros[lane];
}

template class LaneErrors<float>;
template class LaneErrors<double>;

}  // namespace costate::internal
