#include "costate/data/karman_trefftz.h"

#include <cmath>
#include <numbers>

#include "costate/base/error.h"

namespace costate {
namespace {

constexpr double kPi = std::numbers::pi;

/// Where f, of which `low` and `high` are on either side, is 0.
template <class F>
double place_of_zero(F f, double low, double high) {
  const bool is_low_positive = f(low) > 0;
  for (int step = 0; step < 200; ++step) {
    const double middle = (low + high) / 2;
    ((f(middle) > 0) == is_low_positive ? low : high) = middle;
  }
  return (low + high) / 2;
}

using Complex = std::complex<double>;

/// z of s, on and outside of the circle. Powers of their own, not one of their ratio, which has none at s = 1.
Complex airfoil_map(Complex s, double exponent) {
  const Complex ahead = std::pow(s + 1.0, exponent), behind = std::pow(s - 1.0, exponent);
  return exponent * (ahead + behind) / (ahead - behind);
}

void check_airfoil(const char* where, const KarmanTrefftzOptions& options) {
  if (!(options.center_x >= -0.5 && options.center_x < 0 && std::abs(options.center_y) <= 0.5))
    throw InvalidArgument("[", where, "] center_x must be from -0.5 to below 0 and center_y from -0.5 to 0.5; got ",
                          options.center_x, " and ", options.center_y, ".");
  if (!(options.trailing_edge_angle >= 0 && options.trailing_edge_angle <= kPi / 2))
    throw InvalidArgument("[", where, "] trailing_edge_angle must be from 0 to pi / 2; got ",
                          options.trailing_edge_angle, ".");
}

double exponent_of(double trailing_edge_angle) { return 2 - trailing_edge_angle / kPi; }

}  // namespace

KarmanTrefftz::KarmanTrefftz(const KarmanTrefftzOptions& options)
    : center_(options.center_x, options.center_y),
      exponent_(exponent_of(options.trailing_edge_angle)),
      radius_(std::abs(1.0 - center_)),
      beta_(std::asin(options.center_y / radius_)) {
  check_airfoil("KarmanTrefftz", options);
  // The distance from the trailing edge grows up to the leading edge and falls beyond it; near the trailing edge itself
  // its slope is rounding.
  constexpr double kAway = 1.0;
  const auto slope_of_distance = [&](double place) {
    const Complex along_circle = Complex(0, 1) * (on_circle(place) - center_);
    return (std::conj(mapped(place) - exponent_) * map_slope(on_circle(place)) * along_circle).real();
  };
  leading_edge_ = place_of_zero(slope_of_distance, kAway - beta_, 2 * kPi - kAway - beta_);
  const Complex along = exponent_ - mapped(leading_edge_);
  chord_ = std::abs(along);
  incidence_ = std::arg(along);
}

KarmanTrefftz::Complex KarmanTrefftz::on_circle(double place) const { return center_ + std::polar(radius_, place); }

KarmanTrefftz::Complex KarmanTrefftz::mapped(double place) const { return airfoil_map(on_circle(place), exponent_); }

KarmanTrefftz::Complex KarmanTrefftz::map_slope(Complex s) const {
  const Complex difference = std::pow(s + 1.0, exponent_) - std::pow(s - 1.0, exponent_);
  return 4 * exponent_ * exponent_ * std::pow(s + 1.0, exponent_ - 1) * std::pow(s - 1.0, exponent_ - 1) /
         (difference * difference);
}

KarmanTrefftz::Complex KarmanTrefftz::in_chord_frame(double place) const {
  return 1.0 + (mapped(place) - exponent_) / std::polar(chord_, incidence_);
}

std::vector<double> KarmanTrefftz::cosine_places(std::int64_t panels) const {
  if (panels < 2 || panels % 2 != 0)
    throw InvalidArgument("[KarmanTrefftz] the number of panels must be even and at least 2; got ", panels, ".");
  const double first = -beta_, last = 2 * kPi - beta_;
  std::vector<double> places = {first};
  for (std::int64_t i = 1; i < panels; ++i) {
    if (2 * i == panels) {
      places.push_back(leading_edge_);
      continue;
    }
    const double x = (1 + std::cos(2 * kPi * static_cast<double>(i) / static_cast<double>(panels))) / 2;
    const auto beyond = [&](double place) { return in_chord_frame(place).real() - x; };
    places.push_back(place_of_zero(beyond, leading_edge_, 2 * i < panels ? first : last));
  }
  places.push_back(last);
  return places;
}

HostArray KarmanTrefftz::points(std::span<const double> places) const {
  HostArray points(Shape{static_cast<std::int64_t>(places.size()), 2});
  for (std::size_t i = 0; i < places.size(); ++i) {
    // Without rounding, so that an outline ends where it began.
    const bool is_trailing_edge = std::abs(on_circle(places[i]) - 1.0) < 1e-14;
    const Complex point = is_trailing_edge ? 1.0 : in_chord_frame(places[i]);
    points.set({static_cast<std::int64_t>(i), 0}, point.real());
    points.set({static_cast<std::int64_t>(i), 1}, point.imag());
  }
  return points;
}

double KarmanTrefftz::speed(double place, double angle) const {
  const double alpha = angle + incidence_;
  const Complex s = on_circle(place), arm = s - center_;
  const double circulation = 4 * kPi * radius_ * std::sin(alpha + beta_);
  if (std::abs(s - 1.0) < 1e-14) {
    if (exponent_ < 2) return 0;
    // w and z' = 1 - 1 / s^2 are both 0 at the cusp: the ratio of their derivatives.
    const Complex slope = 2.0 * std::polar(radius_ * radius_, alpha) / (arm * arm * arm) -
                          Complex(0, circulation / (2 * kPi)) / (arm * arm);
    return std::abs(slope) / 2;
  }
  const Complex w = std::polar(1.0, -alpha) - std::polar(radius_ * radius_, alpha) / (arm * arm) +
                    Complex(0, circulation / (2 * kPi)) / arm;
  return std::abs(w / map_slope(s));
}

std::vector<double> KarmanTrefftz::pressure(std::span<const double> places, double angle) const {
  std::vector<double> pressure;
  for (const double place : places) {
    const double fast = speed(place, angle);
    pressure.push_back(1 - fast * fast);
  }
  return pressure;
}

double KarmanTrefftz::lift(double angle) const {
  return 8 * kPi * radius_ / chord_ * std::sin(angle + incidence_ + beta_);
}

double KarmanTrefftz::lift_slope(double angle) const {
  return 8 * kPi * radius_ / chord_ * std::cos(angle + incidence_ + beta_);
}

HostArray karman_trefftz_coefficients(const RoundedKarmanTrefftz& options) {
  constexpr const char* kWhere = "karman_trefftz_coefficients";
  check_airfoil(kWhere, {options.center_x, options.center_y, options.trailing_edge_angle});
  if (!(options.margin > 0) || !std::isfinite(options.margin))
    throw InvalidArgument("[", kWhere, "] the margin must be positive; got ", options.margin,
                          ": at a sharp trailing edge the vorticity is not finite.");
  if (options.modes < 1) throw InvalidArgument("[", kWhere, "] modes must be at least 1; got ", options.modes, ".");
  const Complex center(options.center_x, options.center_y);
  const double radius = (1 + options.margin) * std::abs(1.0 - center);
  const double exponent = exponent_of(options.trailing_edge_angle);
  // Fourier's coefficients of the outline, by the trapezoidal rule.
  const std::int64_t places = 1024 + 8 * options.modes;
  HostArray coefficients(Shape{1 + 2 * options.modes});
  coefficients.set(0, radius);
  for (std::int64_t k = 1; k <= options.modes; ++k) {
    Complex sum = 0;
    for (std::int64_t i = 0; i < places; ++i) {
      const double angle = 2 * kPi * static_cast<double>(i) / static_cast<double>(places);
      const Complex z = airfoil_map(center + radius * std::polar(1.0, angle), exponent);
      sum += z * std::polar(1.0, static_cast<double>(k) * angle);
    }
    coefficients.set(k, sum.real() / static_cast<double>(places));
    coefficients.set(options.modes + k, sum.imag() / static_cast<double>(places));
  }
  return coefficients;
}

}  // namespace costate
