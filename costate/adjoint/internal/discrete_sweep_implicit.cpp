// The steps of an implicit method, taken back as a whole. With the cotangent a of the step's end and outputs
// y + sum_j w_j(theta) d_j within it:
//
//     ybar = sum w,  y1bar = a,  dbar_j = sum w_j(theta) w;   (ybar, hbar, tbar, …) += their vjp
#include <algorithm>

#include "costate/adjoint/internal/discrete_sweep.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// Takes the steps of a round again.
template <class T>
void DiscreteSweep<T>::load_implicit() {
  evaluations_ += replay_.load(targets_, y_.data()) + num_active_ * implicit_->evaluations();
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (active_[lane] != 0) idle_times_[lane] = current_[lane].t;  // of the state that was loaded
    const double t = idle_times_[lane];
    implicit_->set_times(lane,
                         active_[lane] != 0 ? step(lane).times() : StepTimes{.t = t, .h = 0, .first = t, .last = t});
  }
  implicit_->run_forward({.y = y_.data(),
                          .h = walk_.sizes(),
                          .arguments = lender_.arguments(),
                          .shared = nullptr,
                          .num_samples = solve_.inputs.num_samples});
}

/// The cotangents of the lanes that step back become those of the steps' ends.
template <class T>
void DiscreteSweep<T>::start_implicit() {
  for (std::size_t i = 0; i < problem_.state_size * lanes_; ++i) {
    if (active_[i % lanes_] == 0) continue;
    implicit_->y_next_cotangent()[i] = y_cotangent_[i];
    y_cotangent_[i] = T{0};
  }
}

/// An output within each lane's step, with cotangent w, where the mask is set.
template <class T>
void DiscreteSweep<T>::add_implicit_output(const T* w) {
  const StepFunction& step_function = implicit_->step();
  const auto weights_of = [&](Polynomial which) {
    dense_weights_.resize(step_function.num_dense * padded_);
    polynomial_weights(which, step_function.dense, step_function.dense_degree, theta_.data(), dense_weights_.data(),
                       padded_, lanes_);
  };
  weights_of(Polynomial::kValue);
  axpy_lanes(mask_.data(), w, y_cotangent_.data(), problem_.state_size, lanes_);
  for (std::size_t j = 0; j < step_function.num_dense; ++j) {
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      scaled_steps_[lane] = mask_[lane] * dense_weights_[j * padded_ + lane];
    axpy_lanes(scaled_steps_.data(), w, implicit_->dense_cotangent(j), problem_.state_size, lanes_);
  }
  if (!field_.wants_times()) return;
  weights_of(Polynomial::kDerivative);
  for (const std::size_t lane : dense_.lanes()) {
    const T rate = rate_of_output(lane, w, dense_weights_.data() + lane);
    gradients_->times[dense_.output(lane) * lanes_ + lane] += rate;
    time_bars_[lane] -= rate;
    step_bars_[lane] -= static_cast<T>(theta_[lane]) * rate;
  }
}

/// w · dy/dt in the lane's step: weights[j * padded lanes] are those of the vectors' derivatives by theta.
template <class T>
T DiscreteSweep<T>::rate_of_output(std::size_t lane, const T* w, const T* weights) const {
  T rate = 0;
  for (std::size_t j = 0; j < implicit_->step().num_dense; ++j) {
    T dot = 0;
    for (std::size_t i = lane; i < problem_.state_size * lanes_; i += lanes_) dot += w[i] * implicit_->dense(j)[i];
    rate += weights[j * padded_] * dot;
  }
  return rate / walk_.sizes()[lane];
}

/// An output at a stop, where its step ends, moves along the slope of the dense output there.
template <class T>
void DiscreteSweep<T>::add_implicit_rate_at_stop(std::size_t lane, std::size_t output) {
  const StepFunction& step_function = implicit_->step();
  dense_weights_.resize(step_function.num_dense * padded_);
  for (std::size_t j = 0; j < step_function.num_dense; ++j) {
    double slope = 0;
    for (std::size_t p = 0; p < step_function.dense_degree; ++p)
      slope += static_cast<double>(p + 1) * step_function.dense[j * step_function.dense_degree + p];
    dense_weights_[j * padded_] = static_cast<T>(slope);
  }
  gradients_->times[output * lanes_ + lane] += rate_of_output(lane, output_cotangent(output), dense_weights_.data());
}

template <class T>
void DiscreteSweep<T>::take_back_implicit() {
  implicit_->run_reverse(cotangents_.arguments);
  add_own_arguments();
  for (std::size_t i = 0; i < problem_.state_size * lanes_; ++i)
    if (active_[i % lanes_] != 0) y_cotangent_[i] += implicit_->y_cotangent()[i];
  for (std::size_t lane = 0; field_.wants_times() && lane < lanes_; ++lane) {
    step_bars_[lane] += implicit_->h_cotangent()[lane];
    for (std::size_t node = 0; node < implicit_->step().nodes.size(); ++node) {
      const T time_bar = implicit_->time_cotangent(node)[lane];
      time_bars_[lane] += time_bar;
      step_bars_[lane] += static_cast<T>(implicit_->step().nodes[node]) * time_bar;
    }
  }
}

// Members that have their definitions here.
template void DiscreteSweep<float>::load_implicit();
template void DiscreteSweep<double>::load_implicit();
template void DiscreteSweep<float>::start_implicit();
template void DiscreteSweep<double>::start_implicit();
template void DiscreteSweep<float>::add_implicit_output(const float*);
template void DiscreteSweep<double>::add_implicit_output(const double*);
template float DiscreteSweep<float>::rate_of_output(std::size_t, const float*, const float*) const;
template double DiscreteSweep<double>::rate_of_output(std::size_t, const double*, const double*) const;
template void DiscreteSweep<float>::add_implicit_rate_at_stop(std::size_t, std::size_t);
template void DiscreteSweep<double>::add_implicit_rate_at_stop(std::size_t, std::size_t);
template void DiscreteSweep<float>::take_back_implicit();
template void DiscreteSweep<double>::take_back_implicit();

}  // namespace costate::internal
