#include "costate/models/laurent_map.h"

#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <numbers>
#include <vector>

#include "costate/base/error.h"
#include "costate/models/panel_flow.h"

namespace costate {
namespace {

using std::numbers::pi;
using Complex = std::complex<double>;

std::int64_t modes_of(const Shape& coefficients, const char* where) {
  if (coefficients.rank() != 1 || coefficients[0] % 2 != 1)
    throw ShapeError("[", where, "] the coefficients must be a vector of odd length, R, a_1 … a_K, b_1 … b_K; got ",
                     coefficients, ".");
  return (coefficients[0] - 1) / 2;
}

/// A constant [rows, columns] of its value at row and column.
template <class Value>
Array grid_table(std::int64_t rows, std::int64_t columns, const Value& value) {
  HostArray numbers(Shape{rows, columns});
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) numbers.set({row, column}, value(row, column));
  return constant(numbers);
}

/// The terms behind R s at each ring and angle.
struct SeriesTerms {
  Array x, y, x_slope, y_slope;
};

SeriesTerms series_terms(const PolarGrid& grid, const Array& coefficients, std::int64_t modes) {
  const auto power = [&](std::int64_t ring, std::int64_t k) {
    return std::pow(grid.radius(ring), -static_cast<double>(k + 1));
  };
  const auto turned = [&](std::int64_t k, std::int64_t j) {
    return static_cast<double>(k + 1) * grid.angle(static_cast<double>(j));
  };
  const Array cosines = grid_table(modes, grid.angles, [&](auto k, auto j) { return std::cos(turned(k, j)); });
  const Array sines = grid_table(modes, grid.angles, [&](auto k, auto j) { return std::sin(turned(k, j)); });
  const Array powers = grid_table(grid.rings + 1, modes, power);
  const Array slopes = grid_table(grid.rings + 1, modes,
                                  [&](auto ring, auto k) { return -static_cast<double>(k + 1) * power(ring, k); });
  const Array a = reshape(coefficients.slice(1, 1 + modes), {modes, 1});
  const Array b = reshape(coefficients.slice(1 + modes, 1 + 2 * modes), {modes, 1});
  const Array of_x = a * cosines + b * sines, of_y = b * cosines - a * sines;
  return {matmul(powers, of_x), matmul(powers, of_y), matmul(slopes, of_x), matmul(slopes, of_y)};
}

// ---- shapes as numbers

/// z and dz/ds at exp(i angle) of a shape.
struct OutlinePlace {
  Complex z, slope;
};

OutlinePlace place_on(const HostArray& coefficients, double angle) {
  const std::int64_t modes = (coefficients.size() - 1) / 2;
  const Complex s = std::polar(1.0, angle);
  OutlinePlace place{coefficients.at(0) * s, coefficients.at(0)};
  for (std::int64_t k = 1; k <= modes; ++k) {
    const Complex c(coefficients.at(k), coefficients.at(modes + k));
    const Complex term = c * std::polar(1.0, -static_cast<double>(k) * angle);
    place.z += term;
    place.slope -= static_cast<double>(k) * term / s;
  }
  return place;
}

void check_crossing(const HostArray& coefficients, std::int64_t places) {
  HostArray outline(Shape{places + 1, 2});
  for (std::int64_t i = 0; i <= places; ++i) {
    const double angle = 2 * pi * static_cast<double>(i % places) / static_cast<double>(places);
    const Complex z = place_on(coefficients, angle).z;
    outline.set({i, 0}, z.real());
    outline.set({i, 1}, z.imag());
  }
  try {
    check_outline(outline);
  } catch (const InvalidArgument&) {
    throw InvalidArgument("[check_laurent_shape] the outline crosses or touches itself, so that there is no flow ",
                          "around it; make the coefficients behind R smaller.");
  }
}

void check_edges(const HostArray& coefficients, std::int64_t places) {
  double least = std::numeric_limits<double>::infinity(), where = 0;
  for (std::int64_t i = 0; i < places; ++i) {
    const double angle = 2 * pi * static_cast<double>(i) / static_cast<double>(places);
    const double slope = std::abs(place_on(coefficients, angle).slope) / coefficients.at(0);
    if (slope < least) {
      least = slope;
      where = angle;
    }
  }
  if (least < kSharpestEdge)
    throw InvalidArgument("[check_laurent_shape] the edge at theta = ", where, " is too sharp: |dz/ds| / R is ", least,
                          " there and must be at least ", kSharpestEdge, "; round it by a larger margin.");
}

}  // namespace

double PolarGrid::ring_spacing() const { return std::log(outer_radius) / static_cast<double>(rings); }
double PolarGrid::angle_spacing() const { return 2 * pi / static_cast<double>(angles); }
double PolarGrid::radius(std::int64_t ring) const { return std::exp(ring_spacing() * static_cast<double>(ring)); }
double PolarGrid::angle(double j) const { return angle_spacing() * j - focus * std::sin(angle_spacing() * j); }
double PolarGrid::angle_slope(double j) const { return 1 - focus * std::cos(angle_spacing() * j); }

void check_polar_grid(const PolarGrid& grid) {
  if (grid.rings < 8 || grid.angles < 8 || !(grid.outer_radius > 2) || !std::isfinite(grid.outer_radius) ||
      !(grid.focus >= 0 && grid.focus <= 0.95))
    throw InvalidArgument(
        "[check_polar_grid] a grid needs at least 8 rings and 8 angles, an outer radius above 2 and a focus ",
        "from 0 to 0.95; got ", grid.rings, ", ", grid.angles, ", ", grid.outer_radius, " and ", grid.focus, ".");
}

MappedGrid laurent_map(const PolarGrid& grid, Operand coefficients) {
  check_polar_grid(grid);
  const std::int64_t modes = modes_of(coefficients.array.shape(), "laurent_map");
  const Array radius = coefficients.array[0];
  const Array x = radius * grid_table(grid.rings + 1, grid.angles, [&](auto ring, auto j) {
                    return grid.radius(ring) * std::cos(grid.angle(static_cast<double>(j)));
                  });
  const Array y = radius * grid_table(grid.rings + 1, grid.angles, [&](auto ring, auto j) {
                    return grid.radius(ring) * std::sin(grid.angle(static_cast<double>(j)));
                  });
  if (modes == 0) return {grid, x, y, x, y, radius};
  const SeriesTerms terms = series_terms(grid, coefficients.array, modes);
  return {grid, x + terms.x, y + terms.y, x + terms.x_slope, y + terms.y_slope, radius};
}

Array laurent_area(Operand coefficients) {
  const std::int64_t modes = modes_of(coefficients.array.shape(), "laurent_area");
  std::vector<double> weights = {pi};
  for (int part = 0; part < 2; ++part)
    for (std::int64_t k = 1; k <= modes; ++k) weights.push_back(-pi * static_cast<double>(k));
  return sum(square(coefficients.array) * constant(HostArray::vector(weights)));
}

void check_laurent_shape(const HostArray& coefficients) {
  const std::int64_t modes = modes_of(coefficients.shape(), "check_laurent_shape");
  for (std::int64_t i = 0; i < coefficients.size(); ++i)
    if (!std::isfinite(coefficients.at(i)))
      throw InvalidArgument("[check_laurent_shape] coefficient ", i, " must be finite; got ", coefficients.at(i), ".");
  if (!(coefficients.at(0) > 0))
    throw InvalidArgument("[check_laurent_shape] R, the first coefficient, must be positive; got ", coefficients.at(0),
                          ".");
  const std::int64_t places = 256 + 8 * modes;  // some within each wave of the last term
  check_crossing(coefficients, places);
  check_edges(coefficients, places);
}

}  // namespace costate
