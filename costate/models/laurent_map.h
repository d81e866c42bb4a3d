// Shapes as images of the unit circle, and a grid around them: conformal maps by their Laurent series.
//
//     z(s) = R s + sum_k (a_k + i b_k) s^-k,    |s| >= 1: outside of the circle to outside of the shape
//
// All shapes without holes or corners come so (Riemann's mapping theorem). Polar coordinates s = exp(xi + i theta)
// become a grid that fits the shape and whose cells grow outwards as their distance. A conformal map changes the
// Laplacian by one factor, |dz/d(xi + i theta)|^2.
#pragma once

#include <cstdint>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"

namespace costate {

/// Points r_i = outer_radius^(i / rings), i = 0 … rings, at theta_j = eta - focus sin(eta), eta = 2 pi j / angles,
/// j = 0 … angles - 1: the closer, the nearer to the wake behind the shape, whose width is a smaller angle far away.
struct PolarGrid {
  std::int64_t rings = 64, angles = 96;
  double outer_radius = 100;  // in units of the circle's
  double focus = 0.6;         // 0: angles are evenly spaced

  double ring_spacing() const;   // of xi
  double angle_spacing() const;  // of eta
  double radius(std::int64_t ring) const;
  double angle(double j) const;        // theta
  double angle_slope(double j) const;  // dtheta/deta
};

/// Throws InvalidArgument for fewer than 8 rings or angles, an outer radius of at most 2 and a focus that is not within
/// 0 and 0.95.
void check_polar_grid(const PolarGrid& grid);

/// All [rings + 1, angles], the shape's outline first.
struct MappedGrid {
  PolarGrid grid;
  Array x, y;
  Array x_slope, y_slope;  // by xi; those by theta are -y_slope and x_slope
  Array radius;            // R, a scalar
};

/// The grid around the shape of coefficients [1 + 2 K]: R, a_1 … a_K, b_1 … b_K. Where the map is not one to one the
/// numbers mean nothing: check_laurent_shape.
/// Throws: ShapeError unless the coefficients are a vector of odd length; InvalidArgument as check_polar_grid does.
MappedGrid laurent_map(const PolarGrid& grid, Operand coefficients);

/// The shape's area, pi (R^2 - sum_k k (a_k^2 + b_k^2)) (Gronwall's area theorem), a scalar. ShapeError as laurent_map.
Array laurent_area(Operand coefficients);

/// Throws InvalidArgument unless the coefficients are those of a shape that a flow can be solved around: finite, R
/// positive, an outline that neither crosses nor touches itself, and no edge with |dz/ds| below kSharpestEdge R, at
/// which no grid resolves the flow. ShapeError as laurent_map.
void check_laurent_shape(const HostArray& coefficients);

constexpr double kSharpestEdge = 0.01;

}  // namespace costate
