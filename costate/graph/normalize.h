// Softmax and its loss, and normalization of feature maps: compositions, with derivatives of any order.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/graph/array.h"

namespace costate {

/// exp(x) / sum of exp(x) along an axis, and its logarithm, for numbers of any size. ShapeError if there is no such
/// axis, or no number along it.
Array softmax(Operand x, int axis = -1);
Array log_softmax(Operand x, int axis = -1);

/// -log softmax(logits)[label], a scalar: logits [K], and a label [] that holds one of the whole numbers 0 … K - 1. For
/// any other it is NaN: nobody knows a label's number while a program is traced, so labels are checked where data
/// enter. ShapeError for other shapes.
Array cross_entropy(Operand logits, Operand label);

/// (x - mean) / sqrt(variance + eps) with the mean and the variance, divided by n and not n - 1, of the numbers along
/// `axes` (Ba, Kiros and Hinton 2016, arXiv:1607.06450). InvalidArgument unless eps > 0.
Array layer_norm(Operand x, std::vector<std::int64_t> axes, double eps = 1e-5);

/// The same for each of `groups` equal groups of neighbouring channels of x [C, …] (Wu and He 2018, arXiv:1803.08494).
/// InvalidArgument unless groups divide C, and eps > 0.
Array group_norm(Operand x, std::int64_t groups, double eps = 1e-5);

}  // namespace costate
