// Points of two classes that no straight line parts.
#pragma once

#include "costate/array/host_array.h"
#include "costate/data/densities.h"

namespace costate {

/// Points [count, 2] and their classes [count, 2] as unit vectors, f64.
struct LabelledPoints {
  HostArray points, classes;
};

/// Classes [n], numbers 0 … classes - 1, as unit vectors [n, classes], f64. DataError for another number.
HostArray one_hot(const HostArray& labels, std::int64_t classes);

/// Two interleaved spirals of one and a half turns about the origin, out to radius 2, with Gaussian noise of 0.06.
/// Samples with an even index are of class 0; row i depends on the seed and `first + i` alone. InvalidArgument for a
/// negative range.
LabelledPoints two_spirals(const SampleRange& range);

}  // namespace costate
