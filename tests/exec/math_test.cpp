// Errors of the vectorized elementary functions in ulp, against the C library in a wider type. The bounds stand in
// costate/exec/kernels/math-inl.h, too.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/random.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

struct Interval {
  double low, high;
};

struct Row {
  Op op;
  long double (*exact)(long double);
  double f32_ulps, f64_ulps;
  std::vector<Interval> intervals;
};

long double exact_sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }
long double exact_softplus(long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {Op::kExp, [](long double x) { return std::exp(x); }, 2, 2, {{-80, 80}, {-1, 1}, {-1e-6, 1e-6}}},
      {Op::kLog, [](long double x) { return std::log(x); }, 2, 2, {{1e-30, 1e-20}, {0.01, 3}, {0.9, 1.1}, {1, 1e30}}},
      {Op::kLog1p, [](long double x) { return std::log1p(x); }, 3, 3, {{-0.99, 5}, {-1e-3, 1e-3}, {1, 1e20}}},
      {Op::kTanh, [](long double x) { return std::tanh(x); }, 5, 3, {{-12, 12}, {-1, 1}, {-1e-3, 1e-3}}},
      {Op::kExpm1, [](long double x) { return std::expm1(x); }, 3, 3, {{-40, 80}, {-1, 1}, {-1e-6, 1e-6}}},
      {Op::kErf, [](long double x) { return std::erf(x); }, 5, 2, {{-6, 6}, {-1, 1}, {-1e-3, 1e-3}}},
      {Op::kSigmoid, exact_sigmoid, 3, 3, {{-80, 40}, {-2, 2}}},
      {Op::kSoftplus, exact_softplus, 4, 4, {{-80, 80}, {-2, 2}}},
      {Op::kSin, [](long double x) { return std::sin(x); }, 2, 2, {{-3.2, 3.2}, {-1000, 1000}, {1e5, 1e6}}},
      {Op::kCos, [](long double x) { return std::cos(x); }, 2, 2, {{-3.2, 3.2}, {-1000, 1000}, {1e5, 1e6}}},
  };
  return all;
}

/// |value - exact| in units of the last place of the exact value.
template <class T>
double ulps(T value, long double exact) {
  const auto rounded = static_cast<T>(exact);
  if (std::isinf(rounded) || std::isnan(rounded))
    return value == rounded || (std::isnan(value) && std::isnan(rounded)) ? 0 : 1e9;
  const T magnitude = std::max(std::abs(rounded), std::numeric_limits<T>::min());
  const T next = std::nextafter(magnitude, std::numeric_limits<T>::infinity());
  return static_cast<double>(std::abs(static_cast<long double>(value) - exact) /
                             (static_cast<long double>(next) - magnitude));
}

/// Without vectors, multiply-adds round twice.
const double kUnfused = simd_lanes<float>() == 1 ? 1 : 0;

class Elementary : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Row& row() const { return rows()[GetParam()]; }

  template <class T>
  void check(double bound) const {
    constexpr std::size_t kCount = 40'000;
    const Random random(3);
    for (std::size_t k = 0; k < row().intervals.size(); ++k) {
      std::vector<T> x(kCount), y(kCount);
      for (std::size_t i = 0; i < kCount; ++i)
        x[i] = static_cast<T>(random.uniform(k, i, row().intervals[k].low, row().intervals[k].high));
      unary_kernel<T>(row().op)(x.data(), y.data(), kCount);
      double worst = 0;
      T where = 0;
      for (std::size_t i = 0; i < kCount; ++i) {
        const double error = ulps(y[i], row().exact(static_cast<long double>(x[i])));
        if (error > worst) where = x[i];
        worst = std::max(worst, error);
      }
      EXPECT_LE(worst, bound + kUnfused) << sizeof(T) << " bytes, interval " << k << ", worst at " << where;
    }
  }

  template <class T>
  void check_special() const {
    constexpr T kInf = std::numeric_limits<T>::infinity(), kNan = std::numeric_limits<T>::quiet_NaN();
    const std::vector<T> x = {T{0},
                              -T{0},
                              kInf,
                              -kInf,
                              kNan,
                              std::numeric_limits<T>::denorm_min(),
                              std::numeric_limits<T>::min(),
                              std::numeric_limits<T>::max(),
                              -std::numeric_limits<T>::max(),
                              T{1},
                              T{-1}};
    std::vector<T> y(x.size());
    unary_kernel<T>(row().op)(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expected = static_cast<T>(row().exact(static_cast<long double>(x[i])));
      if (std::isnan(expected))
        EXPECT_TRUE(std::isnan(y[i])) << x[i];
      else if (std::isinf(expected))
        EXPECT_EQ(y[i], expected) << x[i];
      else
        EXPECT_LE(ulps(y[i], row().exact(static_cast<long double>(x[i]))), 4) << x[i] << " gives " << y[i];
    }
  }
};

TEST_P(Elementary, StaysWithinItsBound) {
  check<float>(row().f32_ulps);
  check<double>(row().f64_ulps);
}

TEST_P(Elementary, TreatsSpecialValuesAsTheCLibraryDoes) {
  check_special<float>();
  check_special<double>();
}

/// atan2 of numbers beside each other.
template <class T>
std::vector<T> atan2_of(const std::vector<T>& y, const std::vector<T>& x) {
  std::vector<T> out(y.size());
  binary_kernel<T>(Op::kAtan2)({y.data(), Spread::kFull}, {x.data(), Spread::kFull}, out.data(), 1, y.size());
  return out;
}

/// The worst error over all quadrants, of points whose coordinates are of these sizes.
template <class T>
double worst_atan2(double y_size, double x_size) {
  constexpr std::size_t kCount = 40'000;
  const Random random(4);
  std::vector<T> y(kCount), x(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    y[i] = static_cast<T>(random.uniform(0, i, -y_size, y_size));
    x[i] = static_cast<T>(random.uniform(1, i, -x_size, x_size));
  }
  const std::vector<T> found = atan2_of(y, x);
  double worst = 0;
  for (std::size_t i = 0; i < kCount; ++i)
    worst = std::max(worst, ulps(found[i], std::atan2(static_cast<long double>(y[i]), static_cast<long double>(x[i]))));
  return worst;
}

template <class T>
void check_atan2() {
  for (const double y_size : {1e-30, 1e-3, 1.0, 1e25})
    for (const double x_size : {1e-28, 1.0, 2.5})
      EXPECT_LE((worst_atan2<T>(y_size, x_size)), 2 + kUnfused) << sizeof(T) << " bytes, " << y_size << ", " << x_size;
}

TEST(Atan2, StaysWithinItsBoundInAllQuadrants) {
  check_atan2<float>();
  check_atan2<double>();
}

/// Each pair of these, with the sign of zeros.
template <class T>
void check_special_atan2() {
  using Limits = std::numeric_limits<T>;
  const std::vector<T> values = {T{0},
                                 T{1},
                                 static_cast<T>(0.41421356237309503),  // where the reduction begins
                                 Limits::denorm_min(),
                                 2 * Limits::denorm_min(),
                                 Limits::min(),
                                 Limits::max() / 2,
                                 Limits::max(),
                                 Limits::infinity(),
                                 Limits::quiet_NaN()};
  std::vector<T> y, x;
  for (const T a : values)
    for (const T b : values)
      for (const int signs : {0, 1, 2, 3}) {
        y.push_back((signs & 1) != 0 ? -a : a);
        x.push_back((signs & 2) != 0 ? -b : b);
      }
  const std::vector<T> found = atan2_of(y, x);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const T expected = std::atan2(y[i], x[i]);  // what the interpreter computes in f64
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(found[i])) << y[i] << ", " << x[i];
      continue;
    }
    EXPECT_LE(ulps(found[i], std::atan2(static_cast<long double>(y[i]), static_cast<long double>(x[i]))), 2 + kUnfused)
        << y[i] << ", " << x[i] << " gives " << found[i];
    EXPECT_EQ(std::signbit(found[i]), std::signbit(expected)) << y[i] << ", " << x[i];
  }
}

TEST(Atan2, TreatsSpecialValuesAsTheCLibraryDoes) {
  check_special_atan2<float>();
  check_special_atan2<double>();
}

TEST(Atan2, DoesNotDependOnTheNumbersBeside) {
  const std::vector<double> y = {0.3, 0, -2, 1e300, 0.5, -0.0, 7, 1e-310, 3},
                            x = {-1, 0, 5, 1, 0.5, -0.0, -7, 1, 1e305};
  const std::vector<double> together = atan2_of(y, x);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(together[i], atan2_of<double>({y[i]}, {x[i]})[0]) << y[i];
}

INSTANTIATE_TEST_SUITE_P(Functions, Elementary, ::testing::Range<std::size_t>(0, rows().size()),
                         [](const auto& index) { return std::string(costate::info(rows()[index.param].op).name); });

}  // namespace
}  // namespace costate::internal
