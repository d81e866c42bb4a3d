#include "costate/solve/internal/chebyshev.h"

#include <cmath>
#include <numbers>

namespace costate::internal {

std::vector<double> chebyshev_points(int count) {
  std::vector<double> points;
  for (int i = 0; i < count; ++i) {
    const double sine = std::sin(std::numbers::pi * i / (2 * (count - 1)));
    points.push_back(i + 1 == count ? 1 : sine * sine);
  }
  return points;
}

/// The discrete cosine transform of the points: c_k = 2 / n sum_i x_i cos(pi k i / n), where the first and the last
/// term and coefficient count half (Trefethen, Approximation Theory and Approximation Practice, chapter 3).
HostArray chebyshev_matrix(int count) {
  const int n = count - 1;
  HostArray matrix(Shape{count, count});
  const auto half = [n](int i) { return i == 0 || i == n ? 0.5 : 1.0; };
  for (int k = 0; k < count; ++k)
    for (int i = 0; i < count; ++i) {
      const double sign = k % 2 == 0 ? 1 : -1;  // the points ascend, where cos(pi i / n) descends
      matrix.set({k, i}, sign * half(i) * half(k) * 2 / n * std::cos(std::numbers::pi * (k * i % (2 * n)) / n));
    }
  return matrix;
}

Array chebyshev_basis(const Array& place, int count) {
  const Array x = 2.0 * place - 1.0, twice = 2.0 * x;
  std::vector<Array> basis = {ones({}), x};
  while (static_cast<int>(basis.size()) < count)
    basis.push_back(twice * basis[basis.size() - 1] - basis[basis.size() - 2]);
  return stack(basis);
}

}  // namespace costate::internal
