// Karman-Trefftz airfoils: the potential flow past one, exact by its conformal map, as the truth for panel methods; and
// one with a round trailing edge as a Laurent series, for viscous flows.
//
// A circle through s = 1 with centre mu becomes the airfoil
//
//     z(s) = n ((s + 1)^n + (s - 1)^n) / ((s + 1)^n - (s - 1)^n),    n = 2 - (trailing edge angle) / pi;
//
// n = 2 is Joukowski's, with a cusp. The flow past the circle of radius R whose rear stagnation point is s = 1 (Kutta's
// condition) gives the speed |w(s) / z'(s)| and cl = 8 pi (R / chord) sin(alpha + beta), sin(beta) = mu_y / R, at the
// angle alpha to the x axis of z (Milne-Thomson, "Theoretical Aerodynamics", 4th ed., ch. 7).
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

struct KarmanTrefftzOptions {
  double center_x = -0.1;                           // mu; the further left, the thicker
  double center_y = 0.1;                            // the higher, the more cambered
  double trailing_edge_angle = 0.3141592653589793;  // radians; 0: a cusp
};

/// The airfoil with its chord from (0, 0) to (1, 0): the leading edge is the point farthest from the trailing edge.
/// Angles of attack are radians to that chord. Points of the surface are named by their place on the circle, the angle
/// phi at its centre, which grows from the trailing edge along the upper side and back along the lower one.
class KarmanTrefftz {
 public:
  /// InvalidArgument unless -0.5 <= center_x < 0, |center_y| <= 0.5 and 0 <= trailing_edge_angle <= pi / 2.
  explicit KarmanTrefftz(const KarmanTrefftzOptions& options = {});

  /// phi of panels + 1 points, half of them on each side, at x = (1 + cos(2 pi i / panels)) / 2: from the trailing edge
  /// over the leading edge to the trailing edge. InvalidArgument unless `panels` is even and at least 2.
  std::vector<double> cosine_places(std::int64_t panels) const;
  /// x and y [place, 2].
  HostArray points(std::span<const double> places) const;
  /// 1 - (speed / free stream)^2 at each place.
  std::vector<double> pressure(std::span<const double> places, double angle) const;
  /// Lift coefficient.
  double lift(double angle) const;
  /// d lift / d angle.
  double lift_slope(double angle) const;

  /// Length of the chord in the plane of z.
  double chord() const { return chord_; }

 private:
  using Complex = std::complex<double>;

  Complex on_circle(double place) const;
  Complex mapped(double place) const;
  Complex map_slope(Complex s) const;
  Complex in_chord_frame(double place) const;
  double speed(double place, double angle) const;

  Complex center_;
  double exponent_, radius_, beta_;
  double leading_edge_ = 0;           // its place
  double chord_ = 1, incidence_ = 0;  // its length and its angle to the x axis, in the plane of z
};

struct RoundedKarmanTrefftz {
  double center_x = -0.1, center_y = 0.1;           // as KarmanTrefftzOptions has them
  double trailing_edge_angle = 0.1745329251994330;  // radians; 0: Joukowski's cusp
  double margin = 0.1;                              // by which the circle is larger than the one through s = 1
  std::int64_t modes = 24;                          // K
};

/// An airfoil whose trailing edge is round: the image of a circle that is larger by `margin` than the one that gives
/// the sharp edge. [1 + 2 K]: R, a_1 … a_K, b_1 … b_K of z = R s + sum_k (a_k + i b_k) s^-k, |s| = 1, as laurent_map
/// takes them. The chord is about 4.
/// Throws InvalidArgument where KarmanTrefftz does, unless modes is at least 1, and unless the margin is positive: a
/// sharp trailing edge has no finite vorticity.
HostArray karman_trefftz_coefficients(const RoundedKarmanTrefftz& options = {});

}  // namespace costate
