// Six stiff problems of the literature and their solutions in long double (tests/solve/stiff_references.cpp, which says
// where they are from): of two methods, which agree to 10 digits or more.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "costate/solve/solve.h"

namespace costate::stiff_set {

struct StiffProblem {
  std::string name;
  VectorField field;
  std::vector<double> start, times;
  std::vector<std::vector<double>> truth;  // at each time
  double least;                            // numbers below it count as much as it does
  std::vector<double> atols;               // in units of rtol
};

inline StiffProblem robertson() {
  VectorField field = vector_field({3}, [](Array, Array y) {
    const Array a = 0.04 * y[0], b = 1e4 * y[1] * y[2], c = 3e7 * y[1] * y[1];
    return stack({b - a, a - b - c, c});
  });
  return {"robertson",
          std::move(field),
          {1, 0, 0},
          {40, 1e4, 1e11},
          {{0.71582706872, 9.1855347646e-6, 0.28416374575},
           {0.10730042854, 4.8001669726e-7, 0.89269909145},
           {2.0833401497e-8, 8.333360770e-14, 0.99999997917}},
          0,
          {1e-4, 1e-8, 1e-4}};
}

/// mu = 1000, with the time in units of mu: y'' = mu² ((1 - y²) y' - y).
inline StiffProblem van_der_pol() {
  VectorField field = vector_field({2}, [](Array, Array y) {
    return stack({y[1], 1e6 * ((1.0 - y[0] * y[0]) * y[1] - y[0])});
  });
  return {"van_der_pol",
          std::move(field),
          {2, 0},
          {0.5, 2},
          {{1.596768951053e+00, -1.030391187839e+00}, {1.706167732170e+00, -8.928097010249e-01}},
          1e-3,
          {1, 1}};
}

inline StiffProblem hires() {
  VectorField field = vector_field({8}, [](Array, Array y) {
    const Array bound = 280.0 * y[5] * y[7] - 1.81 * y[6];
    return stack({-1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007, 1.71 * y[0] - 8.75 * y[1],
                  -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4], 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
                  -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6],
                  -280.0 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6], bound, -bound});
  });
  return {"hires",
          std::move(field),
          {1, 0, 0, 0, 0, 0, 0, 0.0057},
          {10, 321.8122},
          {{8.324735469237e-03, 1.652672508001e-03, 1.410342659308e-03, 1.743322429745e-02, 1.857204640652e-01,
            7.494166221554e-01, 5.651253341825e-03, 4.874665817489e-05},
           {7.371312573326e-04, 1.442485726316e-04, 5.888729740967e-05, 1.175651343283e-03, 2.386356198831e-03,
            6.238968252742e-03, 2.849998395185e-03, 2.850001604815e-03}},
          1e-4,
          std::vector<double>(8, 1e-4)};
}

inline StiffProblem orego() {
  VectorField field = vector_field({3}, [](Array, Array y) {
    return stack({77.27 * (y[1] + y[0] * (1.0 - 8.375e-6 * y[0] - y[1])), (y[2] - (1.0 + y[0]) * y[1]) / 77.27,
                  0.161 * (y[0] - y[2])});
  });
  return {"orego",
          std::move(field),
          {1, 2, 3},
          {30, 360},
          {{1.000661467180e+00, 1.512778937348e+03, 1.035854312767e+04},
           {1.000814870319e+00, 1.228178521550e+03, 1.320554942847e+02}},
          1,
          {1, 1, 1}};
}

/// To t = 1e3: beyond 1e5 rounding is more than 1e-9 of it, since y[1] = y[2] + y[3] is the difference of rates 1e9
/// times as large. e5_to_its_end() goes on.
inline StiffProblem e5() {
  VectorField field = vector_field({4}, [](Array, Array y) {
    const Array a = 7.89e-10 * y[0], b = 1.1e7 * y[0] * y[2], c = 1.13e9 * y[1] * y[2], d = 1.13e3 * y[3];
    return stack({-a - b, a - c, a - b - c + d, b - d});
  });
  return {"e5",
          std::move(field),
          {1.76e-3, 0, 0, 0},
          {10, 1e3},
          {{1.75992594976779e-03, 1.38462815193765e-11, 7.63700385300739e-13, 1.30825811340758e-11},
           {1.61807699990729e-03, 1.38223703049838e-10, 8.25157350068384e-12, 1.29972129549154e-10}},
          0,
          {1e-4, 1e-11, 1e-12, 1e-11}};
}

/// E5 with y[1] - y[3] in place of y[2], to its usual end. From 1e9 on y[1]' is -1.13e9 y[1]², and little else is left.
inline StiffProblem e5_to_its_end() {
  VectorField field = vector_field({3}, [](Array, Array y) {
    const Array third = y[1] - y[2], a = 7.89e-10 * y[0], b = 1.1e7 * y[0] * third, c = 1.13e9 * y[1] * third;
    return stack({-a - b, a - c, b - 1.13e3 * y[2]});
  });
  return {"e5_to_its_end",
          std::move(field),
          {1.76e-3, 0, 0},
          {10, 1e3, 1e5, 1e7, 1e9, 1e11, 1e13},
          {{1.75992594976779e-03, 1.38462815193765e-11, 1.30825811340758e-11},
           {1.61807699990729e-03, 1.38223703049837e-10, 1.29972129549154e-10},
           {7.48132082242922e-06, 2.37347815612060e-12, 1.61119487162431e-13},
           {4.71503336304016e-10, 1.81888958608070e-14, 8.34840202963217e-20},
           {3.13171483293570e-14, 1.48409579528701e-16, 4.52437282797826e-26},
           {0, 1.01925825681427e-20, 0},
           {0, 8.86123352129108e-23, 0}},
          1e-22,
          std::vector<double>(3, 1e-22)};
}

/// POLLU's slope, 20 species of air pollution; each of the 25 rates times its factor, if there are `factors`.
inline Array pollu_slope(const Array& y, const std::optional<Array>& factors = std::nullopt) {
  struct Reaction {
    double rate;
    std::vector<std::int64_t> taken, made;  // species, from 1 on
  };
  static const std::vector<Reaction> reactions = {
      {0.35, {1}, {2, 3}},        {0.266e2, {2, 4}, {1}},      {0.123e5, {5, 2}, {1, 6}},
      {0.86e-3, {7}, {5, 5, 8}},  {0.82e-3, {7}, {8}},         {0.15e5, {7, 6}, {5, 8}},
      {0.13e-3, {9}, {10, 5, 8}}, {0.24e5, {9, 6}, {11}},      {0.165e5, {11, 2}, {10, 12, 1}},
      {0.9e4, {11, 1}, {13}},     {0.22e-1, {13}, {11, 1}},    {0.12e5, {10, 2}, {14, 1}},
      {0.188e1, {14}, {7, 5}},    {0.163e5, {1, 6}, {15}},     {0.48e7, {3}, {4}},
      {0.35e-3, {4}, {16}},       {0.175e-1, {4}, {3}},        {0.1e9, {16}, {6, 6}},
      {0.444e12, {16}, {3}},      {0.124e4, {17, 6}, {18, 5}}, {0.21e1, {19}, {2}},
      {0.578e1, {19}, {1, 3}},    {0.474e-1, {1, 4}, {19}},    {0.178e4, {19, 1}, {20}},
      {0.312e1, {20}, {19, 1}}};
  std::vector<Array> slopes(20, constant(0.0));
  for (std::size_t i = 0; i < reactions.size(); ++i) {
    const Reaction& reaction = reactions[i];
    Array speed = factors ? reaction.rate * (*factors)[static_cast<std::int64_t>(i)] : constant(reaction.rate);
    for (const std::int64_t species : reaction.taken) speed = speed * y[species - 1];
    for (const std::int64_t species : reaction.taken)
      slopes[static_cast<std::size_t>(species - 1)] = slopes[static_cast<std::size_t>(species - 1)] - speed;
    for (const std::int64_t species : reaction.made)
      slopes[static_cast<std::size_t>(species - 1)] = slopes[static_cast<std::size_t>(species - 1)] + speed;
  }
  return stack(slopes);
}

inline StiffProblem pollu() {
  VectorField field = vector_field({20}, [](Array, Array y) { return pollu_slope(y); });
  std::vector<double> start(20, 0.0);
  for (const auto& [species, value] :
       std::vector<std::pair<std::size_t, double>>{{1, 0.2}, {3, 0.04}, {6, 0.1}, {7, 0.3}, {8, 0.01}, {16, 0.007}})
    start[species] = value;
  return {"pollu",
          std::move(field),
          start,
          {1, 60},
          {{3.732630429886e-02, 1.625132541268e-01, 2.734438930611e-09, 3.299406575692e-03, 3.115161938725e-07,
            2.653491850166e-07, 9.942310366621e-02, 3.006173127757e-01, 9.926994938315e-03, 2.952960182660e-08,
            2.099490115465e-08, 6.571492956827e-05, 5.974296465387e-06, 2.785863950612e-05, 1.395946403207e-04,
            2.600297909239e-18, 6.997397465744e-03, 2.602534256434e-06, 3.817195450774e-07, 7.245459009255e-06},
           {5.646255480023e-02, 1.342484130422e-01, 4.139734331099e-09, 5.523140207484e-03, 2.018977262302e-07,
            1.464541863494e-07, 7.784249118998e-02, 3.245075353396e-01, 7.494013383880e-03, 1.622293157302e-08,
            1.135863833257e-08, 2.230505975721e-03, 2.087162882799e-04, 1.396921016840e-05, 8.964884856898e-03,
            4.352846369330e-18, 6.899219696263e-03, 1.007803037366e-04, 1.772146513970e-06, 5.682943292316e-05}},
          1e-10,
          std::vector<double>(20, 1e-9)};
}

inline std::vector<StiffProblem> all() { return {robertson(), van_der_pol(), hires(), orego(), e5(), pollu()}; }

/// The largest relative error of a number of the first sample at any of the times.
inline double worst_error(const StiffProblem& problem, const Solution& solution) {
  const auto n = static_cast<std::int64_t>(problem.start.size());
  double worst = 0;
  for (std::size_t i = 0; i < problem.times.size(); ++i)
    for (std::int64_t k = 0; k < n; ++k) {
      const double right = problem.truth[i][static_cast<std::size_t>(k)];
      const double value = solution.states.at((static_cast<std::int64_t>(i) + 1) * n + k);
      worst = std::max(worst, std::abs(value - right) / std::max(std::abs(right), problem.least));
    }
  return worst;
}

/// [number, state].
inline HostArray starts(const StiffProblem& problem, std::int64_t number) {
  const auto n = static_cast<std::int64_t>(problem.start.size());
  HostArray all(Shape{number, n});
  for (std::int64_t i = 0; i < all.size(); ++i) all.set(i, problem.start[static_cast<std::size_t>(i % n)]);
  return all;
}

/// From 0 through the problem's times.
inline HostArray times_of(const StiffProblem& problem) {
  std::vector<double> times = problem.times;
  times.insert(times.begin(), 0.0);
  return HostArray::vector(std::move(times));
}

}  // namespace costate::stiff_set
