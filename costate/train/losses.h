// How far a prediction is from what was seen.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"

namespace costate {

enum class Loss {
  kMse,    // squared difference
  kMae,    // absolute difference
  kHuber,  // d^2 / 2 up to |d| = 1, |d| - 1/2 beyond (Huber 1964)
};

/// "mse", "mae", "huber".
std::string name(Loss loss);
/// InvalidArgument, with the nearest name, if there is none.
Loss loss_from_name(const std::string& name);

/// The sum over the cells where `mask` is not 0, a scalar. All three have one shape; where the mask is 0, prediction
/// and target may be NaN and neither value nor gradient sees them.
Array loss_sum(Loss loss, const Array& prediction, const Array& target, const Array& mask);

/// The root mean square difference of what was found from the truth, over the standard deviation of the truth; infinite
/// where something found is not finite. ShapeError if they differ in length.
double relative_error(std::span<const double> found, std::span<const double> truth);

}  // namespace costate
