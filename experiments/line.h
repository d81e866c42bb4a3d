// The straight line through points, by least squares.
#pragma once

#include <span>

namespace costate::experiments {

struct Line {
  double slope = 0, offset = 0;
  double r2 = 0;  // the share of the heights' variance that it explains
};

/// Through (x[i], y[i]); both of one length, with at least two different x.
Line line_through(std::span<const double> x, std::span<const double> y);

}  // namespace costate::experiments
