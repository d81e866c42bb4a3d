#include "costate/models/airfoil_shape.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "costate/base/error.h"

namespace costate {
namespace {

/// sqrt(x) (1 - x) B_k(x) for each k.
std::vector<double> mode_heights(double x, std::int64_t modes) {
  // Bernstein polynomials by their recursion from degree to degree, which adds positive numbers only.
  std::vector<double> heights = {std::sqrt(x) * (1 - x)};
  for (std::int64_t degree = 1; degree < modes; ++degree) {
    heights.push_back(0);
    for (std::size_t k = heights.size(); k-- > 1;) heights[k] = (1 - x) * heights[k] + x * heights[k - 1];
    heights[0] *= 1 - x;
  }
  return heights;
}

/// Which part a side has in a row of numbers.
struct SideWeights {
  double upper = 0, lower = 0;
};

/// Appends a row: the heights of the modes at x, of the upper side and of the lower one.
void append_row(double x, std::int64_t modes, const SideWeights& weights, std::vector<double>& rows) {
  const std::vector<double> heights = mode_heights(x, modes);
  for (const double weight : {weights.upper, weights.lower})
    for (const double height : heights) rows.push_back(weight * height);
}

}  // namespace

AirfoilShape::AirfoilShape(const AirfoilShapeOptions& options) : options_(options) {
  if (options.panels < 2 || options.panels % 2 != 0 || options.modes < 1)
    throw InvalidArgument("[AirfoilShape] panels must be even and at least 2 and modes at least 1; got ",
                          options.panels, " and ", options.modes, ".");
  const auto half = static_cast<double>(options.panels) / 2;
  for (std::int64_t i = 0; i <= options.panels; ++i) {
    const double turned = std::cos(std::numbers::pi * (static_cast<double>(i) / half));
    // Both ends, and the leading edge, without rounding.
    const bool is_edge = i == 0 || 2 * i == options.panels || i == options.panels;
    positions_.push_back(is_edge ? (2 * i == options.panels ? 0.0 : 1.0) : (1 + turned) / 2);
  }
}

void AirfoilShape::check(const Array& coefficients, const char* where) const {
  if (coefficients.shape().rank() != 1 || coefficients.shape()[0] != num_coefficients())
    throw ShapeError("[", where, "] needs ", num_coefficients(), " coefficients, half of them of each side; got shape ",
                     coefficients.shape(), ".");
}

Array AirfoilShape::points(Operand coefficients) const {
  check(coefficients.array, "AirfoilShape.points");
  const std::int64_t count = options_.panels + 1;
  std::vector<double> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const bool is_upper = 2 * i <= options_.panels;
    append_row(positions_[static_cast<std::size_t>(i)], options_.modes,
               is_upper ? SideWeights{.upper = 1} : SideWeights{.lower = 1}, rows);
  }
  const Array y = matmul(constant(HostArray(Shape{count, num_coefficients()}, std::move(rows))), coefficients);
  return transpose(stack({constant(HostArray::vector(positions_)), y}));
}

Array AirfoilShape::thickness(Operand coefficients, std::span<const double> positions) const {
  check(coefficients.array, "AirfoilShape.thickness");
  std::vector<double> rows;
  for (const double x : positions) append_row(x, options_.modes, {.upper = 1, .lower = -1}, rows);
  const auto count = static_cast<std::int64_t>(positions.size());
  return matmul(constant(HostArray(Shape{count, num_coefficients()}, std::move(rows))), coefficients);
}

}  // namespace costate
