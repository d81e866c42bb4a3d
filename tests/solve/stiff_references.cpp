// The references of stiff_problems_test.cpp: six stiff problems of the literature, solved in long double by two methods
// that share nothing but the problems, and how far these are apart.
//
//   Radau IIA with 5 stages, of order 9, its error told from 4 stages of the same step
//   the linearly implicit Euler method, extrapolated (Deuflhard, Hairer and Zugck, Numer. Math. 51, 1987)
//
// usage: g++ -O2 -std=c++20 tests/solve/stiff_references.cpp -o references && ./references [PROBLEM]
//
// E5, HIRES, OREGO and POLLU are those of Mazzia and Magherini, Test Set for Initial Value Problem Solvers, 2008;
// Robertson's and van der Pol's, with the time in units of mu, those of Hairer and Wanner II, IV.10.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

using Real = long double;
using Vector = std::vector<Real>;
using Matrix = std::vector<Vector>;

/// A number and its derivative along one direction.
struct Dual {
  Dual(Real v = 0, Real d = 0) : value(v), slope(d) {}
  Real value, slope;
};
Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.value * b.slope + a.slope * b.value}; }

using Duals = std::vector<Dual>;

struct Problem {
  std::string name;
  std::function<Duals(const Duals&)> f;
  Vector start, times;
  Real least;  // numbers below it are as exact as it is
};

Vector slope_of(const Problem& problem, const Vector& y) {
  const Duals slopes = problem.f(Duals(y.begin(), y.end()));
  Vector values;
  for (const Dual& slope : slopes) values.push_back(slope.value);
  return values;
}

Matrix jacobian_of(const Problem& problem, const Vector& y) {
  Matrix jacobian(y.size(), Vector(y.size()));
  for (std::size_t j = 0; j < y.size(); ++j) {
    Duals moved(y.begin(), y.end());
    moved[j].slope = 1;
    const Duals slopes = problem.f(moved);
    for (std::size_t i = 0; i < y.size(); ++i) jacobian[i][j] = slopes[i].slope;
  }
  return jacobian;
}

/// LU with partial pivoting.
class Factors {
 public:
  explicit Factors(Matrix a) : a_(std::move(a)), order_(a_.size()) {
    const std::size_t n = a_.size();
    for (std::size_t i = 0; i < n; ++i) order_[i] = i;
    for (std::size_t k = 0; k < n; ++k) {
      std::size_t pivot = k;
      for (std::size_t i = k + 1; i < n; ++i)
        if (std::abs(a_[i][k]) > std::abs(a_[pivot][k])) pivot = i;
      std::swap(a_[k], a_[pivot]);
      std::swap(order_[k], order_[pivot]);
      for (std::size_t i = k + 1; i < n; ++i) {
        const Real factor = a_[i][k] /= a_[k][k];
        if (factor == 0) continue;
        for (std::size_t j = k + 1; j < n; ++j) a_[i][j] -= factor * a_[k][j];
      }
    }
  }

  Vector solve(const Vector& b) const {
    const std::size_t n = a_.size();
    Vector x(n);
    for (std::size_t i = 0; i < n; ++i) {
      x[i] = b[order_[i]];
      for (std::size_t j = 0; j < i; ++j) x[i] -= a_[i][j] * x[j];
    }
    for (std::size_t i = n; i-- > 0;) {
      for (std::size_t j = i + 1; j < n; ++j) x[i] -= a_[i][j] * x[j];
      x[i] /= a_[i][i];
    }
    return x;
  }

 private:
  Matrix a_;
  std::vector<std::size_t> order_;
};

/// The matrix and nodes of Radau IIA: zeros of P_s - P_{s-1} on (0, 1], by bisection between changes of sign.
struct Radau {
  explicit Radau(int stages) {
    const auto polynomial = [&](Real c) {
      const Real x = 2 * c - 1;
      Real before = 1, now = x;
      for (int k = 2; k <= stages; ++k) now = ((2 * k - 1) * x * now - (k - 1) * std::exchange(before, now)) / k;
      return now - before;
    };
    constexpr int kGrid = 20'000;
    for (int i = 0; i < kGrid; ++i) {
      Real low = Real(i) / kGrid, high = Real(i + 1) / kGrid;
      if (i + 1 == kGrid || polynomial(low) * polynomial(high) > 0) continue;
      for (int k = 0; k < 80; ++k) {
        const Real middle = (low + high) / 2;
        (polynomial(low) * polynomial(middle) > 0 ? low : high) = middle;
      }
      nodes.push_back((low + high) / 2);
    }
    nodes.push_back(1);
    const std::size_t s = nodes.size();
    a.assign(s, Vector(s));
    Matrix powers(s, Vector(s));  // sum_j a_ij c_j^k = c_i^(k+1) / (k+1)
    for (std::size_t k = 0; k < s; ++k)
      for (std::size_t j = 0; j < s; ++j) powers[k][j] = std::pow(nodes[j], Real(k));
    const Factors factors(powers);
    for (std::size_t i = 0; i < s; ++i) {
      Vector side(s);
      for (std::size_t k = 0; k < s; ++k) side[k] = std::pow(nodes[i], Real(k + 1)) / Real(k + 1);
      a[i] = factors.solve(side);
    }
  }
  Vector nodes;
  Matrix a;
};

Real norm(const Problem& problem, const Vector& error, const Vector& y, const Vector& end) {
  Real worst = 0;
  for (std::size_t i = 0; i < y.size(); ++i)
    worst = std::max(worst, std::abs(error[i]) / std::max({std::abs(y[i]), std::abs(end[i]), problem.least}));
  return worst;
}

/// y1 of a step; empty where Newton's method fails.
Vector step_radau(const Problem& problem, const Radau& method, const Vector& y, Real h, const Matrix& jacobian,
                  Real tolerance) {
  const std::size_t n = y.size(), s = method.nodes.size();
  Matrix w(n * s, Vector(n * s));
  for (std::size_t p = 0; p < s; ++p)
    for (std::size_t q = 0; q < s; ++q)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
          w[p * n + i][q * n + j] = (p == q && i == j ? 1 : 0) - h * method.a[p][q] * jacobian[i][j];
  const Factors factors(std::move(w));
  Vector z(n * s);
  Real before = 0;
  for (int iteration = 0; iteration < 40; ++iteration) {
    Matrix slopes;
    for (std::size_t p = 0; p < s; ++p) {
      Vector at = y;
      for (std::size_t i = 0; i < n; ++i) at[i] += z[p * n + i];
      slopes.push_back(slope_of(problem, at));
    }
    Vector side(n * s);
    for (std::size_t p = 0; p < s; ++p)
      for (std::size_t i = 0; i < n; ++i) {
        side[p * n + i] = -z[p * n + i];
        for (std::size_t q = 0; q < s; ++q) side[p * n + i] += h * method.a[p][q] * slopes[q][i];
      }
    const Vector moved = factors.solve(side);
    Real size = 0;
    for (std::size_t k = 0; k < z.size(); ++k) z[k] += moved[k];
    Vector end = y;
    for (std::size_t i = 0; i < n; ++i) end[i] += z[(s - 1) * n + i];
    for (std::size_t p = 0; p < s; ++p)
      size = std::max(
          size, norm(problem,
                     Vector(moved.begin() + static_cast<long>(p * n), moved.begin() + static_cast<long>((p + 1) * n)),
                     y, end));
    if (!std::isfinite(size)) return {};
    if (size < tolerance / 1000 || (iteration > 5 && size >= before && size < tolerance)) return end;
    before = size;
  }
  return {};
}

/// y1 and its error.
std::pair<Vector, Real> attempt_radau(const Problem& problem, const Vector& y, Real h, Real tolerance) {
  static const Radau five(5), four(4);
  const Matrix jacobian = jacobian_of(problem, y);
  const Vector end = step_radau(problem, five, y, h, jacobian, tolerance);
  const Vector other = end.empty() ? end : step_radau(problem, four, y, h, jacobian, tolerance);
  if (other.empty()) return {{}, 1e30L};
  Vector error(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) error[i] = end[i] - other[i];
  return {end, norm(problem, error, y, end)};
}

constexpr std::size_t kColumns = 9;

std::pair<Vector, Real> attempt_extrapolation(const Problem& problem, const Vector& y, Real h, Real) {
  const Matrix jacobian = jacobian_of(problem, y);
  const std::size_t n = y.size();
  std::vector<std::vector<Vector>> table(kColumns);
  for (std::size_t row = 0; row < kColumns; ++row) {
    const std::size_t count = row + 2;
    const Real part = h / Real(count);
    Matrix w(n, Vector(n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) w[i][j] = (i == j ? 1 : 0) - part * jacobian[i][j];
    const Factors factors(std::move(w));
    Vector at = y;
    for (std::size_t k = 0; k < count; ++k) {
      Vector side = slope_of(problem, at);
      for (Real& number : side) number *= part;
      const Vector moved = factors.solve(side);
      for (std::size_t i = 0; i < n; ++i) at[i] += moved[i];
    }
    table[row].push_back(at);
    for (std::size_t column = 1; column <= row; ++column) {
      const Real ratio = Real(count) / Real(row - column + 2);
      Vector better = table[row][column - 1];
      for (std::size_t i = 0; i < n; ++i)
        better[i] += (table[row][column - 1][i] - table[row - 1][column - 1][i]) / (ratio - 1);
      table[row].push_back(better);
    }
  }
  const Vector &end = table.back().back(), &other = table.back()[kColumns - 2];
  Vector error(n);
  for (std::size_t i = 0; i < n; ++i) error[i] = end[i] - other[i];
  const Real size = norm(problem, error, y, end);
  return {end, std::isfinite(size) ? size : 1e30L};
}

using Attempt = std::function<std::pair<Vector, Real>(const Problem&, const Vector&, Real, Real)>;

Matrix solve(const Problem& problem, const Attempt& attempt, int order, Real tolerance) {
  Matrix states;
  Vector y = problem.start;
  Real t = 0, h = 1e-12L;
  for (const Real end : problem.times)
    for (bool is_there = false; !is_there;) {
      is_there = t + h * 1.000001L >= end;
      const Real length = is_there ? end - t : h;
      const auto [next, error] = attempt(problem, y, length, tolerance);
      const Real factor = 0.8L * std::pow(tolerance / std::max(error, tolerance * 1e-6L), 1.0L / order);
      if (error <= tolerance) {
        y = next;
        t = is_there ? end : t + length;
        h = is_there ? std::max(h, length * std::min<Real>(factor, 4)) : length * std::min<Real>(factor, 4);
        if (is_there) states.push_back(y);
      } else {
        is_there = false;
        h = length * std::max<Real>(std::min<Real>(factor, 0.5L), 0.1L);
      }
    }
  return states;
}

std::vector<Problem> problems() {
  std::vector<Problem> all;
  all.push_back({"robertson",
                 [](const Duals& y) {
                   const Dual a = Dual(0.04L) * y[0], b = Dual(1e4L) * y[1] * y[2], c = Dual(3e7L) * y[1] * y[1];
                   return Duals{b - a, a - b - c, c};
                 },
                 {1, 0, 0},
                 {40, 1e4L, 1e11L},
                 1e-30L});
  all.push_back({"van_der_pol",
                 [](const Duals& y) {
                   return Duals{y[1], Dual(1e6L) * ((Dual(1) - y[0] * y[0]) * y[1] - y[0])};
                 },
                 {2, 0},
                 {0.5L, 2},
                 1e-3L});
  all.push_back({"hires",
                 [](const Duals& y) {
                   const Dual bound = Dual(280) * y[5] * y[7] - Dual(1.81L) * y[6];
                   return Duals{Dual(-1.71L) * y[0] + Dual(0.43L) * y[1] + Dual(8.32L) * y[2] + Dual(0.0007L),
                                Dual(1.71L) * y[0] - Dual(8.75L) * y[1],
                                Dual(-10.03L) * y[2] + Dual(0.43L) * y[3] + Dual(0.035L) * y[4],
                                Dual(8.32L) * y[1] + Dual(1.71L) * y[2] - Dual(1.12L) * y[3],
                                Dual(-1.745L) * y[4] + Dual(0.43L) * y[5] + Dual(0.43L) * y[6],
                                Dual(-280) * y[5] * y[7] + Dual(0.69L) * y[3] + Dual(1.71L) * y[4] -
                                    Dual(0.43L) * y[5] + Dual(0.69L) * y[6],
                                bound,
                                Dual(0) - bound};
                 },
                 {1, 0, 0, 0, 0, 0, 0, 0.0057L},
                 {10, 321.8122L},
                 1e-4L});
  all.push_back({"orego",
                 [](const Duals& y) {
                   return Duals{Dual(77.27L) * (y[1] + y[0] * (Dual(1) - Dual(8.375e-6L) * y[0] - y[1])),
                                (y[2] - (Dual(1) + y[0]) * y[1]) * Dual(1 / 77.27L), Dual(0.161L) * (y[0] - y[2])};
                 },
                 {1, 2, 3},
                 {30, 360},
                 1});
  // Its third number is the second less the fourth throughout, and is left out here: in the four equations as they are
  // rounding is more than 1e-9 of it beyond t = 1e5.
  all.push_back({"e5",
                 [](const Duals& y) {
                   const Dual a = Dual(7.89e-10L) * y[0], third = y[1] - y[2], b = Dual(1.1e7L) * y[0] * third,
                              c = Dual(1.13e9L) * y[1] * third, d = Dual(1.13e3L) * y[2];
                   return Duals{Dual(0) - a - b, a - c, b - d};
                 },
                 {1.76e-3L, 0, 0},
                 {10, 1e3L, 1e5L, 1e7L, 1e9L, 1e11L, 1e13L},
                 1e-26L});
  all.push_back({"pollu",
                 [](const Duals& y) {
                   struct Reaction {
                     Real rate;
                     std::vector<std::size_t> taken, made;
                   };
                   static const std::vector<Reaction> reactions = {
                       {0.35L, {1}, {2, 3}},        {0.266e2L, {2, 4}, {1}},      {0.123e5L, {5, 2}, {1, 6}},
                       {0.86e-3L, {7}, {5, 5, 8}},  {0.82e-3L, {7}, {8}},         {0.15e5L, {7, 6}, {5, 8}},
                       {0.13e-3L, {9}, {10, 5, 8}}, {0.24e5L, {9, 6}, {11}},      {0.165e5L, {11, 2}, {10, 12, 1}},
                       {0.9e4L, {11, 1}, {13}},     {0.22e-1L, {13}, {11, 1}},    {0.12e5L, {10, 2}, {14, 1}},
                       {0.188e1L, {14}, {7, 5}},    {0.163e5L, {1, 6}, {15}},     {0.48e7L, {3}, {4}},
                       {0.35e-3L, {4}, {16}},       {0.175e-1L, {4}, {3}},        {0.1e9L, {16}, {6, 6}},
                       {0.444e12L, {16}, {3}},      {0.124e4L, {17, 6}, {18, 5}}, {0.21e1L, {19}, {2}},
                       {0.578e1L, {19}, {1, 3}},    {0.474e-1L, {1, 4}, {19}},    {0.178e4L, {19, 1}, {20}},
                       {0.312e1L, {20}, {19, 1}}};
                   Duals slopes(20);
                   for (const Reaction& reaction : reactions) {
                     Dual speed = reaction.rate;
                     for (const std::size_t k : reaction.taken) speed = speed * y[k - 1];
                     for (const std::size_t k : reaction.taken) slopes[k - 1] = slopes[k - 1] - speed;
                     for (const std::size_t k : reaction.made) slopes[k - 1] = slopes[k - 1] + speed;
                   }
                   return slopes;
                 },
                 {0, 0.2L, 0, 0.04L, 0, 0, 0.1L, 0.3L, 0.01L, 0, 0, 0, 0, 0, 0, 0, 0.007L, 0, 0, 0},
                 {1, 60},
                 1e-10L});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  for (const Problem& problem : problems()) {
    if (argc > 1 && problem.name != argv[1]) continue;
    const Matrix radau = solve(problem, attempt_radau, 8, 1e-15L);
    const Matrix other = solve(problem, attempt_extrapolation, static_cast<int>(kColumns), 1e-14L);
    Real apart = 0;
    for (std::size_t k = 0; k < radau.size(); ++k)
      for (std::size_t i = 0; i < radau[k].size(); ++i)
        apart = std::max(apart, std::abs(radau[k][i] - other[k][i]) / std::max(std::abs(radau[k][i]), problem.least));
    std::printf("%s: apart by %.1Le\n", problem.name.c_str(), apart);
    for (std::size_t k = 0; k < radau.size(); ++k) {
      std::printf("  t = %Lg:", problem.times[k]);
      for (const Real number : radau[k]) std::printf(" %.14Le", number);
      std::printf("\n");
    }
    std::fflush(stdout);
  }
}
