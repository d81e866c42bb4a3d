// What outputs and their times bring into the sweep: cotangents of outputs within steps, and how steps hang on times.
#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/adjoint/internal/discrete_sweep.h"
#include "costate/exec/kernels/step_cotangents.h"

namespace costate::internal {

/// The cotangents of a pass's outputs, and mask_: 1 where a lane has one.
template <class T>
const T* DiscreteSweep<T>::load_pass(const OutputPasses& passes) {
  std::fill(mask_.begin(), mask_.end(), T{0});
  for (const std::size_t lane : passes.lanes()) mask_[lane] = T{1};
  if (const auto shared = passes.shared_output()) return output_cotangent(*shared);
  passes.gather(cotangent_, problem_.state_size, gathered_.data());
  return gathered_.data();
}

/// Outputs at the steps' ends, one of each lane at once.
template <class T>
void DiscreteSweep<T>::add_end_outputs() {
  for (bool has_any = ends_.begin(); has_any; has_any = ends_.next()) {
    for (const std::size_t lane : ends_.lanes())
      if (moves_alone(ends_.output(lane))) add_rate_at_end(lane, ends_.output(lane));
    const T* w = load_pass(ends_);
    add_lanes(mask_.data(), w, y_cotangent_.data(), problem_.state_size, lanes_);
  }
}

/// Outputs within the steps, one of each lane at once.
template <class T>
void DiscreteSweep<T>::add_dense_outputs() {
  for (bool has_any = dense_.begin(); has_any; has_any = dense_.next()) {
    for (const std::size_t lane : dense_.lanes())
      theta_[lane] = (time_of(dense_.output(lane), lane) - step(lane).t) / step(lane).h;
    const T* w = load_pass(dense_);
    add_dense_output(w);
    if (field_.wants_times()) add_dense_times(w);
  }
}

template <class T>
Slopes<T> DiscreteSweep<T>::vectors() const {
  if (function_reverse_) return function_reverse_->dense();
  return {frame_.slope(0), problem_.frame.block, problem_.state_size, lanes_};
}

/// out = y + h sum_j b_j(theta) k_j with cotangent w, where the mask is set; or that of increments.
template <class T>
void DiscreteSweep<T>::add_dense_output(const T* w) {
  T* vectors[kMaxStages];
  for (std::size_t j = 0; j < num_vectors(); ++j) vectors[j] = vector_cotangent(j);
  const T* h = function_reverse_ ? ones_.data() : walk_.sizes();
  add_dense_cotangents<T>({.step = {w, h, vectors, num_vectors(), problem_.state_size, lanes_},
                           .mask = mask_.data(),
                           .theta = theta_.data(),
                           .coefficients = dense_form_.coefficients,
                           .degree = dense_form_.degree,
                           .y_bar = y_cotangent_.data()});
}

/// theta = (t_out - t) / h: what moving t_out, t and h does to the output with cotangent w.
template <class T>
void DiscreteSweep<T>::add_dense_times(const T* w) {
  const Slopes<T> all = vectors();
  const auto add_weighted_dots = [&](auto add) {
    for (std::size_t j = 0; j < num_vectors(); ++j) {
      const T* vector = all.first + j * all.stride;
      std::fill(dots_.begin(), dots_.end(), T{0});
      for (std::size_t i = 0; i < problem_.state_size * lanes_; ++i) dots_[i % lanes_] += w[i] * vector[i];
      for (std::size_t lane = 0; lane < lanes_; ++lane)
        if (mask_[lane] != 0) add(lane, dense_weights_[j * padded_ + lane] * dots_[lane]);
    }
  };
  polynomial_weights(Polynomial::kValue, dense_form_.coefficients, dense_form_.degree, theta_.data(),
                     dense_weights_.data(), padded_, lanes_);
  if (!function_reverse_) add_weighted_dots([&](std::size_t lane, T along) { step_bars_[lane] += along; });
  polynomial_weights(Polynomial::kDerivative, dense_form_.coefficients, dense_form_.degree, theta_.data(),
                     dense_weights_.data(), padded_, lanes_);
  add_weighted_dots([&](std::size_t lane, T along) {
    const T rate = function_reverse_ ? along / walk_.sizes()[lane] : along;
    *time_target(lane) += rate;
    time_bars_[lane] -= rate;
    step_bars_[lane] -= static_cast<T>(theta_[lane]) * rate;
  });
}

/// The output's cotangent along the last slope of its step, or along the dense output's of a function step.
template <class T>
T DiscreteSweep<T>::rate_at_end(std::size_t lane, std::size_t output) const {
  if (function_reverse_) return function_step_rate(lane, output, 1);
  const T* w = output_cotangent(output);
  const T* slope = frame_.slope(closing());
  T rate = 0;
  for (std::size_t i = lane; i < problem_.state_size * lanes_; i += lanes_) rate += w[i] * slope[i];
  return rate;
}

/// An output at its step's end that moves by itself: the end stays at a stop, or goes where the steps shift to, or with
/// times.back(). Where it goes, the output does not.
template <class T>
void DiscreteSweep<T>::add_rate_at_end(std::size_t lane, std::size_t output) {
  const T rate = rate_at_end(lane, output);
  gradients_->times[output * lanes_ + lane] += rate;
  if (step(lane).ends_at_stop() && !is_last(lane)) return;
  time_bars_[lane] -= rate;
  step_bars_[lane] -= rate;
}

/// Outputs whose time is the first one's again, which may be all of them: they leave z0 along its slope, and what moves
/// the start takes that back. With a mass_matrix, its first step tells (add_function_step_rates_at_start); where there
/// is none, nothing does.
template <class T>
void DiscreteSweep<T>::add_rates_at_start() {
  start_slopes_->start(solve_, lender_);
  std::copy_n(solve_.inputs.z0, problem_.state_size * lanes_, y_.data());
  lender_.lend(y_.data(), problem_.state_size);
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    start_slopes_->set(lane, time_of(0, lane), OutputSlopes<T>::Side::kAfter);
  const T* slope = start_slopes_->at(y_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (lender_.borrows(lane)) continue;
    const bool has_step = time_of(problem_.num_times - 1, lane) != time_of(0, lane);
    if (has_mass() && has_step) continue;
    for (std::size_t output = 1; output < problem_.num_times && is_at_start(output, lane); ++output) {
      const T* w = output_cotangent(output);
      T rate = 0;
      for (std::size_t i = lane; i < problem_.state_size * lanes_; i += lanes_)
        rate += has_mass() && w[i] != 0 ? std::numeric_limits<T>::quiet_NaN() : w[i] * slope[i];
      gradients_->times[output * lanes_ + lane] += rate;
      gradients_->times[lane] -= rate;
    }
  }
}

/// How the step's start and size hang on the output times. Adaptive: sizes are given numbers, so that all times up to
/// the first stop shift with times[0], or with the event that the steps follow, and the last step reaches to
/// times.back(), as the last one before a stop does to that. Fixed: step m of n equal ones between two output times.
template <class T>
void DiscreteSweep<T>::add_to_times(std::size_t lane) {
  const LaneStep& last = step(lane);
  T* times = gradients_->times.data() + lane;
  const T time_bar = time_bars_[lane], step_bar = step_bars_[lane];
  if (!problem_.is_fixed) {
    T& origin = events_ != nullptr && events_->follows_event(lane) ? events_->origin_bar(lane) : times[0];
    const double to_stop = (first_stops_[lane] - last.t) * last.h;
    if (to_stop > 0) origin += last.t_next == first_stops_[lane] ? time_bar - step_bar : time_bar;
    if (is_last(lane) && !last.ends_at_event) times[(problem_.num_times - 1) * lanes_] += step_bar;
    return;
  }
  const auto next = static_cast<std::size_t>(last.first_output);
  const double start = time_of(next - 1, lane), stop = time_of(next, lane);
  const int count = steps_in_interval(stop - start, problem_.options);
  const auto& ends = solve_.solver->records()[lane].interval_steps;
  const std::size_t index = remaining_[lane] - 1 - (next == 1 ? 0 : ends[next - 2]);
  const T share = static_cast<T>(index) / static_cast<T>(count);
  times[(next - 1) * lanes_] += time_bar * (1 - share) - step_bar / static_cast<T>(count);
  times[next * lanes_] += time_bar * share + step_bar / static_cast<T>(count);
}

// Members that have their definitions here.
template const float* DiscreteSweep<float>::load_pass(const OutputPasses&);
template const double* DiscreteSweep<double>::load_pass(const OutputPasses&);
template void DiscreteSweep<float>::add_end_outputs();
template void DiscreteSweep<double>::add_end_outputs();
template void DiscreteSweep<float>::add_dense_outputs();
template void DiscreteSweep<double>::add_dense_outputs();
template Slopes<float> DiscreteSweep<float>::vectors() const;
template Slopes<double> DiscreteSweep<double>::vectors() const;
template void DiscreteSweep<float>::add_dense_output(const float*);
template void DiscreteSweep<double>::add_dense_output(const double*);
template void DiscreteSweep<float>::add_dense_times(const float*);
template void DiscreteSweep<double>::add_dense_times(const double*);
template float DiscreteSweep<float>::rate_at_end(std::size_t, std::size_t) const;
template double DiscreteSweep<double>::rate_at_end(std::size_t, std::size_t) const;
template void DiscreteSweep<float>::add_rate_at_end(std::size_t, std::size_t);
template void DiscreteSweep<double>::add_rate_at_end(std::size_t, std::size_t);
template void DiscreteSweep<float>::add_rates_at_start();
template void DiscreteSweep<double>::add_rates_at_start();
template void DiscreteSweep<float>::add_to_times(std::size_t);
template void DiscreteSweep<double>::add_to_times(std::size_t);

}  // namespace costate::internal
