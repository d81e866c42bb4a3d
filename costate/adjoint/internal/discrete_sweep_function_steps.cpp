// The steps of a method that steps by a Function, taken back as a whole. With the cotangent a of the step's end and
// outputs y + sum_j w_j(theta) d_j within it:
//
//     ybar = sum w,  y1bar = a,  dbar_j = sum w_j(theta) w;   (ybar, hbar, tbar, …) += their vjp
#include <algorithm>

#include "costate/adjoint/internal/discrete_sweep.h"

namespace costate::internal {

/// Takes the steps of a round again.
template <class T>
void DiscreteSweep<T>::load_function_step() {
  evaluations_ += replay_.load(targets_, y_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    is_explicit_[lane] = active_[lane] != 0 && step(lane).is_explicit ? 1 : 0;
    if (active_[lane] != 0) evaluations_ += function_reverse_->evaluations(is_explicit_[lane] != 0);
    if (active_[lane] != 0) idle_times_[lane] = current_[lane].t;  // of the state that was loaded
    const double t = idle_times_[lane];
    function_reverse_->set_times(
        lane, active_[lane] != 0 ? step(lane).times() : StepTimes{.t = t, .h = 0, .first = t, .last = t});
  }
  function_reverse_->run_forward({.y = y_.data(),
                                  .h = walk_.sizes(),
                                  .arguments = lender_.arguments(),
                                  .shared = nullptr,
                                  .num_samples = solve_.inputs.num_samples,
                                  .is_explicit = is_explicit_.data()});
}

/// The cotangents of the lanes that step back become those of the steps' ends.
template <class T>
void DiscreteSweep<T>::start_function_step() {
  for (std::size_t i = 0; i < problem_.state_size * lanes_; ++i) {
    if (active_[i % lanes_] == 0) continue;
    function_reverse_->y_next_cotangent()[i] = y_cotangent_[i];
    y_cotangent_[i] = T{0};
  }
}

/// The output's cotangent along the slope that the dense output has at theta, 0 or 1.
template <class T>
T DiscreteSweep<T>::function_step_rate(std::size_t lane, std::size_t output, double theta) const {
  const T* w = output_cotangent(output);
  const Slopes<T> increments = function_reverse_->dense();
  T rate = 0;
  for (std::size_t j = 0; j < dense_form_.size(); ++j) {
    double weight = 0;
    for (std::size_t p = 0; p < (theta == 0 ? 1 : dense_form_.degree); ++p)
      weight += static_cast<double>(p + 1) * dense_form_.row(j)[p];
    T dot = 0;
    for (std::size_t i = lane; i < problem_.state_size * lanes_; i += lanes_)
      dot += w[i] * increments.first[j * increments.stride + i];
    rate += static_cast<T>(weight) * dot;
  }
  return rate / walk_.sizes()[lane];
}

/// With a mass_matrix: outputs whose time is the first one's again leave z0 along the dense output of the first step.
template <class T>
void DiscreteSweep<T>::add_function_step_rates_at_start(std::size_t lane) {
  for (std::size_t output = 1; output < problem_.num_times && is_at_start(output, lane); ++output) {
    const T rate = function_step_rate(lane, output, 0);
    gradients_->times[output * lanes_ + lane] += rate;
    gradients_->times[lane] -= rate;
  }
}

template <class T>
void DiscreteSweep<T>::take_back_function_step() {
  function_reverse_->run_reverse(cotangents_.arguments, [&] { add_own_arguments(); });
  for (std::size_t i = 0; i < problem_.state_size * lanes_; ++i)
    if (active_[i % lanes_] != 0) y_cotangent_[i] += function_reverse_->y_cotangent()[i];
  for (std::size_t lane = 0; field_.wants_times() && lane < lanes_; ++lane) {
    step_bars_[lane] += function_reverse_->h_cotangent()[lane];
    time_bars_[lane] += function_reverse_->t_cotangent()[lane];
  }
}

// Members that have their definitions here.
template void DiscreteSweep<float>::load_function_step();
template void DiscreteSweep<double>::load_function_step();
template void DiscreteSweep<float>::start_function_step();
template void DiscreteSweep<double>::start_function_step();
template float DiscreteSweep<float>::function_step_rate(std::size_t, std::size_t, double) const;
template double DiscreteSweep<double>::function_step_rate(std::size_t, std::size_t, double) const;
template void DiscreteSweep<float>::add_function_step_rates_at_start(std::size_t);
template void DiscreteSweep<double>::add_function_step_rates_at_start(std::size_t);
template void DiscreteSweep<float>::take_back_function_step();
template void DiscreteSweep<double>::take_back_function_step();

}  // namespace costate::internal
