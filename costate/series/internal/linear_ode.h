// The linear ODE z' = A z + B u + b, solved exactly between samples and fitted without a solver or a network.
#pragma once

#include <Eigen/Core>
#include <memory>

#include "costate/series/internal/rival.h"

namespace costate::internal {

/// In normalized units: z and u of mean 0 and deviation 1, time in units of Normalization::time_scale.
struct AffineField {
  Eigen::MatrixXd a, b;  // [state, state], [state, input]
  Eigen::VectorXd c;     // [state]
};

/// e^M by scaling and squaring.
Eigen::MatrixXd exponential(const Eigen::MatrixXd& matrix);

/// How states go on over a time in which the inputs change linearly:
/// z(t + dt) = from_state z(t) + from_input u(t) + from_slope du/dt + constant.
struct LinearStep {
  Eigen::MatrixXd from_state, from_input, from_slope;
  Eigen::VectorXd constant;
};
LinearStep step_of(const AffineField& field, double dt);

/// Nothing if there are fewer than two samples for each number to be fitted.
std::unique_ptr<Rival> fit_linear_ode(const TimeSeries& training);

/// The field that fit_linear_ode found, in the data's own units; of such a rival only.
AffineField field_in_data_units(const Rival& linear_ode);

}  // namespace costate::internal
