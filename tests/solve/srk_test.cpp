// Roessler's coefficients against his order conditions.
#include "costate/solve/internal/srk.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace costate {
namespace {

// The order conditions of Roessler 2010, Theorems 5.1 and 6.1 (of c = A e).
TEST(Srk, MeetsItsOrderConditions) {
  using M = internal::Sriw1;
  const auto of = [](const double(&weights)[4], const std::function<double(std::size_t)>& x) {
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += weights[i] * x(i);
    return sum;
  };
  const auto row = [](const double(&matrix)[4][4], std::size_t i) {
    return matrix[i][0] + matrix[i][1] + matrix[i][2] + matrix[i][3];
  };
  const auto one = [](std::size_t) { return 1.0; };
  const auto a0 = [&](std::size_t i) { return row(M::a0, i); };
  const auto b0 = [&](std::size_t i) { return row(M::b0, i); };
  const auto a1 = [&](std::size_t i) { return row(M::a1, i); };
  const auto b1 = [&](std::size_t i) { return row(M::b1, i); };
  const auto b0_square = [&](std::size_t i) { return b0(i) * b0(i); };
  const auto b1_square = [&](std::size_t i) { return b1(i) * b1(i); };
  const auto b1_b1 = [&](std::size_t i) { return of(M::b1[i], b1); };
  const auto a1_b0 = [&](std::size_t i) { return of(M::a1[i], b0); };
  const auto expect = [&](const std::function<double(std::size_t)>& x, const std::vector<double>& values) {
    EXPECT_NEAR(of(M::beta1, x), values[0], 1e-14);
    EXPECT_NEAR(of(M::beta2, x), values[1], 1e-14);
    EXPECT_NEAR(of(M::beta3, x), values[2], 1e-14);
    EXPECT_NEAR(of(M::beta4, x), values[3], 1e-14);
  };
  EXPECT_NEAR(of(M::alpha, one), 1, 1e-15);
  EXPECT_NEAR(of(M::alpha, a0), 0.5, 1e-15);
  EXPECT_NEAR(of(M::alpha, b0), 1, 1e-15);
  EXPECT_NEAR(of(M::alpha, b0_square), 1.5, 1e-15);
  expect(one, {1, 0, 0, 0});
  expect(b1, {0, 1, 0, 0});
  expect(a1, {1, 0, -1, 0});
  expect(b1_square, {1, 0, -1, 2});
  expect(b1_b1, {0, 0, 0, 1});
  EXPECT_NEAR(of(M::beta1, a1_b0) / 2 + of(M::beta3, a1_b0) / 3, 0, 1e-14);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(M::c0[i], a0(i));
    EXPECT_EQ(M::c1[i], a1(i));
  }
  using A = internal::Sra1;
  const auto sum = [](const double(&x)[2], const double(&y)[2]) { return x[0] * y[0] + x[1] * y[1]; };
  constexpr double kOnes[2] = {1, 1};
  const double a[2] = {sum(A::a[0], kOnes), sum(A::a[1], kOnes)}, b[2] = {sum(A::b[0], kOnes), sum(A::b[1], kOnes)};
  const double b_square[2] = {b[0] * b[0], b[1] * b[1]};
  EXPECT_NEAR(sum(A::alpha, kOnes), 1, 1e-15);
  EXPECT_NEAR(sum(A::alpha, a), 0.5, 1e-15);
  EXPECT_NEAR(sum(A::alpha, b), 1, 1e-15);
  EXPECT_NEAR(sum(A::alpha, b_square), 1.5, 1e-15);
  EXPECT_EQ(sum(A::beta1, kOnes), 1);
  EXPECT_EQ(sum(A::beta2, kOnes), 0);
  EXPECT_EQ(sum(A::beta1, A::c1), 1);
  EXPECT_EQ(sum(A::beta2, A::c1), -1);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(A::c0[i], a[i]);
}

}  // namespace
}  // namespace costate
