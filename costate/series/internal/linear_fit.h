// Least squares for a linear field: gradients matched first, then forecasts over windows by Gauss and Newton.
#pragma once

#include <vector>

#include "costate/series/internal/linear_ode.h"

namespace costate::internal {

/// A stretch of a trajectory in normalized units, samples in columns.
struct LinearWindow {
  std::vector<double> steps;  // times between its samples
  Eigen::MatrixXd filled;     // [state, sample], missing cells linear between measured ones, else NaN
  Eigen::MatrixXd states;     // [state, sample]; NaN where nothing was measured
  Eigen::MatrixXd inputs;     // [input, sample]
};

/// Windows of `length` samples, each from the last one of the window before, at most as many as have `most` samples.
/// Each begins where all states were measured, or lie between measured cells.
std::vector<LinearWindow> linear_windows(const TimeSeries& series, const Normalization& units, std::size_t length,
                                         std::size_t most);

/// Changes between samples as their mean slopes.
AffineField match_gradients(const std::vector<LinearWindow>& windows);

/// From `field` on: the least sum of squared errors of forecasts of all samples of each window from its first one.
AffineField fit_windows(AffineField field, const std::vector<LinearWindow>& windows);

}  // namespace costate::internal
