// Points of two classes that no straight line parts.
#pragma once

#include "costate/array/host_array.h"
#include "costate/data/densities.h"

namespace costate {

/// Points [count, 2] and their classes [count, 2] as unit vectors, f64.
struct LabelledPoints {
  HostArray points, classes;
};

/// Two interleaved spirals of one and a half turns about the origin, out to radius 2, with Gaussian noise of 0.06.
/// Samples with an even index are of class 0; row i depends on the seed and `first + i` alone. InvalidArgument for a
/// negative range.
LabelledPoints two_spirals(const SampleRange& range);

/// A disc within a ring of the plane (Dupont, Doucet and Teh 2019): radii are uniform on (0, 0.5) for class 0, and on
/// (1, 1.5) for class 1, which two of three samples are of; angles are uniform. Row i depends on the seed and `first +
/// i` alone. InvalidArgument for a negative range.
LabelledPoints concentric_circles(const SampleRange& range);

}  // namespace costate
