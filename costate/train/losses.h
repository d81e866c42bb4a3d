// How far a prediction is from what was seen.
#pragma once

#include <string>

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

/// -log softmax(logits)[class], a scalar, for logits [n] and the class as a unit vector [n]; without overflow.
/// ShapeError if the shapes differ.
Array cross_entropy(const Array& logits, const Array& one_hot);

}  // namespace costate
