// Inputs of a driven system: values at given times as a function of any time, inside a trace (usually inside a field).
#pragma once

#include <string>

#include "costate/graph/array.h"

namespace costate {

enum class Interpolation {
  kLinear,
  kHold,   // the last value at or before t
  kCubic,  // cubic Hermite, slopes of the parabola through three neighbours: reproduces quadratics
};

/// "linear", "hold", "cubic".
std::string name(Interpolation interpolation);
/// InvalidArgument, with the nearest name, if there is none.
Interpolation interpolation_from_name(const std::string& name);

/// u(t) [m] from values [n, m] at times [n], which ascend; the last time may be repeated (padding), of which the first
/// counts. Before the first and after the last time u keeps their value; at NaN it is NaN. Differentiable to any order
/// in values and t; a derivative by the times is refused (NotSupported), and by t in a solve's field where that moves a
/// jump of "hold" (solve.h). ShapeError if the shapes are others, InvalidArgument if times that the trace knows do not
/// ascend; of others, as inputs of the program, that is not checked: u is then of some of the values.
Array interpolate(const Array& times, const Array& values, const Array& t, Interpolation interpolation);

}  // namespace costate
