// Airfoils from a few numbers: class and shape functions (Kulfan 2008, "Universal parametric geometry representation
// method", J. Aircraft 45).
//
//     y(x) = sqrt(x) (1 - x) sum_k a_k B_k(x),   B_k: Bernstein polynomials of degree modes - 1,
//
// on each side with coefficients of its own: a round leading edge at (0, 0) and a sharp trailing edge at (1, 0).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"

namespace costate {

struct AirfoilShapeOptions {
  std::int64_t panels = 200;  // of the outline; half of them on each side, with cosine spacing
  std::int64_t modes = 12;    // coefficients of each side
};

/// All that is here is linear in the coefficients [2 modes]: those of the upper side, then those of the lower one,
/// which are negative where it lies below the chord.
class AirfoilShape {
 public:
  /// InvalidArgument unless panels is even and at least 2 and modes is at least 1.
  explicit AirfoilShape(const AirfoilShapeOptions& options = {});

  /// The outline [panels + 1, 2] as panel_flow and check_outline take it, at x = (1 + cos(2 pi i / panels)) / 2.
  Array points(Operand coefficients) const;
  /// Upper minus lower y at each x of `positions`.
  Array thickness(Operand coefficients, std::span<const double> positions) const;

  /// x of the outline's points [panels + 1].
  const std::vector<double>& positions() const { return positions_; }
  std::int64_t num_coefficients() const { return 2 * options_.modes; }

 private:
  void check(const Array& coefficients, const char* where) const;

  AirfoilShapeOptions options_;
  std::vector<double> positions_;
};

}  // namespace costate
