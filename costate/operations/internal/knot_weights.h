// The value of a table at a time, and its derivatives, as a sum of at most four of its values with weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "costate/operations/interpolate.h"

namespace costate::internal {

/// Weights of the values first, first + 1, …, first + 3; those outside of [0, n) are 0.
struct Weights {
  std::int64_t first = 0;
  double weight[4] = {0, 0, 0, 0};

  void add(std::int64_t index, double w) { weight[index - first] += w; }
};

/// Times of one sample: element i at data[i * stride].
template <class T>
struct Times {
  const T* data;
  std::size_t stride;
  std::int64_t count;

  double operator[](std::int64_t i) const { return static_cast<double>(data[static_cast<std::size_t>(i) * stride]); }
};

/// The k-th derivative with respect to x of a cubic c_0 + c_1 x + c_2 x^2 + c_3 x^3.
inline double cubic_derivative(const double (&c)[4], int k, double x) {
  double sum = 0;
  for (int power = 3; power >= k; --power) {
    double factor = c[power];
    for (int i = 0; i < k; ++i) factor *= power - i;
    sum = sum * x + factor;
  }
  return sum;
}

/// Adds scale times the slope at knot i, as weights of its neighbours: the derivative there of the parabola through
/// three knots.
template <class T>
void add_slope(const Times<T>& times, std::int64_t n, std::int64_t i, double scale, Weights& weights) {
  const auto add_secant = [&](std::int64_t j, double w) {  // (v_j+1 - v_j) / (t_j+1 - t_j)
    const double h = times[j + 1] - times[j];
    weights.add(j + 1, w / h);
    weights.add(j, -w / h);
  };
  if (n == 2) return add_secant(0, scale);
  const std::int64_t left = std::clamp<std::int64_t>(i - 1, 0, n - 3);  // the parabola's first knot
  const double h0 = times[left + 1] - times[left], h1 = times[left + 2] - times[left + 1];
  // slope at t = s_0 + (s_1 - s_0) (2 t - t_0 - t_1) / (t_2 - t_0)
  const double share = (2 * times[i] - times[left] - times[left + 1]) / (h0 + h1);
  add_secant(left, scale * (1 - share));
  add_secant(left + 1, scale * share);
}

/// The last of n knots that is at or before t; 0 if none is.
template <class T>
std::int64_t find_knot(const Times<T>& times, std::int64_t n, double t) {
  std::int64_t low = 0, high = n;  // times[low] <= t < times[high]
  if (n > 2) {                     // knots are evenly spaced more often than not: look there first
    const double share = (t - times[0]) / (times[n - 1] - times[0]);
    const double within = share > 0 ? std::min(share, 1.0) : 0.0;  // NaN is 0
    const auto guess = static_cast<std::int64_t>(within * static_cast<double>(n - 1));
    low = std::max<std::int64_t>(guess - 1, 0);
    high = std::min(guess + 2, n);
    if (times[low] > t) low = 0;
    if (high < n && times[high] <= t) high = n;
  }
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (times[middle] <= t ? low : high) = middle;
  }
  return low;
}

/// Of the derivative of this order in time. At no time, NaN, it is NaN, where the value is held, too.
template <class T>
Weights find_weights(Interpolation interpolation, int order, const Times<T>& times, double t) {
  if (std::isnan(t)) return {.first = 0, .weight = {t, 0, 0, 0}};
  std::int64_t n = times.count;
  while (n > 1 && times[n - 1] <= times[n - 2]) --n;  // padding
  const std::int64_t low = find_knot(times, n, t);
  Weights weights{.first = low - 1};
  const bool is_outside = t < times[0] || low == n - 1;
  if (is_outside || interpolation == Interpolation::kHold) {
    weights.add(low, order == 0 ? 1 : 0);
    return weights;
  }
  const double h = times[low + 1] - times[low], x = (t - times[low]) / h;
  const double scale = order == 0 ? 1.0 : std::pow(h, -order);
  if (interpolation == Interpolation::kLinear) {
    weights.add(low, scale * cubic_derivative({1, -1, 0, 0}, order, x));
    weights.add(low + 1, scale * cubic_derivative({0, 1, 0, 0}, order, x));
    return weights;
  }
  weights.add(low, scale * cubic_derivative({1, 0, -3, 2}, order, x));
  weights.add(low + 1, scale * cubic_derivative({0, 0, 3, -2}, order, x));
  add_slope(times, n, low, scale * h * cubic_derivative({0, 1, -2, 1}, order, x), weights);
  add_slope(times, n, low + 1, scale * h * cubic_derivative({0, 0, -1, 1}, order, x), weights);
  return weights;
}

}  // namespace costate::internal
