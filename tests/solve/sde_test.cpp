// SDEs against closed forms on the same paths: strong and weak orders, laws, bits; and what is refused.
#include "costate/solve/sde.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <functional>

#include "../support/expect_error.h"
#include "costate/base/threads.h"

namespace costate {
namespace {

/// An SDE whose solution at t is known given W(t) [channels].
struct KnownSde {
  StochasticField field;
  std::vector<double> z0;
  double end;
  std::function<std::vector<double>(double t, const std::vector<double>& w)> solution;
};

/// dz = a z dt + b z dW, a number of a and b a component; Stratonovich's of the same where `is_ito` is false.
KnownSde geometric(bool is_ito) {
  const std::vector<double> a = {0.6, -0.4}, b = {0.5, 0.8};
  return {.field = stochastic_field(
              {2}, {},
              [=](Array, Array z, auto) {
                return std::pair{constant(HostArray::vector(a)) * z, constant(HostArray::vector(b)) * z};
              }),
          .z0 = {1, 0.7},
          .end = 1,
          .solution = [=](double t, const std::vector<double>& w) {
            std::vector<double> z = {1, 0.7};
            for (std::size_t i = 0; i < 2; ++i)
              z[i] *= std::exp((a[i] - (is_ito ? b[i] * b[i] / 2 : 0)) * t + b[i] * w[i]);
            return z;
          }};
}

/// dz = (z / 2 + sqrt(z^2 + 1)) dt + sqrt(z^2 + 1) dW has the solution sinh(t + W + asinh(z0)) (Kloeden and Platen
/// 1992, 4.4).
KnownSde hyperbolic() {
  return {.field = stochastic_field({1}, {},
                                    [](Array, Array z, auto) {
                                      const Array root = sqrt(z * z + 1.0);
                                      return std::pair{0.5 * z + root, root};
                                    }),
          .z0 = {0.3},
          .end = 1,
          .solution = [](double t, const std::vector<double>& w) {
            return std::vector<double>{std::sinh(t + w[0] + std::asinh(0.3))};
          }};
}

/// dz = (beta / sqrt(1 + t) - z / (2 (1 + t))) dt + alpha beta / sqrt(1 + t) dW has the solution (z0 + beta (t + alpha
/// W)) / sqrt(1 + t) (Kloeden and Platen 1992, 4.4); two channels of noise drive two components.
KnownSde additive() {
  return {
      .field = stochastic_field({2}, {},
                                [](Array t, Array z, auto) {
                                  const Array root = sqrt(1.0 + t);
                                  const Array g = reshape(constant(HostArray::vector({0.3, 0.1, -0.2, 0.4})), {2, 2});
                                  return std::pair{0.5 / root - 0.5 * z / (1.0 + t), g / root};
                                }),
      .z0 = {1, -1},
      .end = 2,
      .solution = [](double t, const std::vector<double>& w) {
        const double root = std::sqrt(1 + t);
        return std::vector<double>{(1 + 0.5 * t + 0.3 * w[0] + 0.1 * w[1]) / root,
                                   (-1 + 0.5 * t - 0.2 * w[0] + 0.4 * w[1]) / root};
      }};
}

/// dz = A z dt + sum_k B_k z dW_k, where all matrices are x + y J, J being a quarter turn: numbers of the complex
/// plane.
KnownSde turning(bool is_ito) {
  const auto matrix = [](double x, double y) { return std::vector<double>{x, -y, y, x}; };
  return {
      .field = stochastic_field(
          {2}, {},
          [=](Array, Array z, auto) {
            const auto times = [&](double x, double y) {
              return matmul(constant(HostArray(Shape{2, 2}, matrix(x, y))), z);
            };
            return std::pair{times(-0.2, 1.1), transpose(stack({times(0.3, 0.2), times(0.0, 0.5), times(-0.1, 0.3)}))};
          }),
      .z0 = {1, 0},
      .end = 1,
      .solution = [=](double t, const std::vector<double>& w) {
        const std::complex<double> b[3] = {{0.3, 0.2}, {0, 0.5}, {-0.1, 0.3}};
        std::complex<double> exponent = std::complex<double>(-0.2, 1.1) * t;
        for (std::size_t k = 0; k < 3; ++k) exponent += b[k] * w[k] - (is_ito ? 0.5 * t : 0.0) * b[k] * b[k];
        const auto z = std::exp(exponent);
        return std::vector<double>{z.real(), z.imag()};
      }};
}

HostArray repeated(const std::vector<double>& z0, std::int64_t batch) {
  HostArray all(Shape{batch, static_cast<std::int64_t>(z0.size())});
  for (std::int64_t i = 0; i < all.size(); ++i) all.set(i, z0[static_cast<std::size_t>(i) % z0.size()]);
  return all;
}

/// The mean over samples of |z - solution| at the end.
double strong_error(const KnownSde& sde, SdeMethod method, int steps, std::int64_t batch = 400) {
  const HostArray times = HostArray::vector({0, sde.end}), paths = path_names(batch, 3);
  const Solution found = solve_sde(sde.field, repeated(sde.z0, batch), times,
                                   {.method = method, .seed = 11, .steps_per_interval = steps}, paths);
  found.check();
  const HostArray w = brownian_path(times, sde.field.channels(), 11, paths);
  double sum = 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    std::vector<double> at_end;
    for (std::int64_t k = 0; k < sde.field.channels(); ++k) at_end.push_back(w(i, 1, k));
    const std::vector<double> truth = sde.solution(sde.end, at_end);
    double square = 0;
    for (std::size_t k = 0; k < truth.size(); ++k)
      square += std::pow(found.states(i, 1, static_cast<std::int64_t>(k)) - truth[k], 2);
    sum += std::sqrt(square);
  }
  return sum / static_cast<double>(batch);
}

/// The slope of log error over log h of four step sizes, by least squares.
double slope(const std::function<double(int)>& error, int first) {
  double sum = 0;
  for (int i = 0; i < 4; ++i) sum += (1.5 - i) * std::log2(error(first << i));
  return sum / 5;
}

struct OrderCase {
  const char* name;
  std::function<KnownSde()> sde;
  SdeMethod method;
  double order;
};

// A mean over 400 samples moves a slope by some hundredths.
TEST(SolveSde, HasItsStrongOrder) {
  using enum SdeMethod;
  const std::vector<OrderCase> cases = {
      {"geometric", [] { return geometric(true); }, kEulerMaruyama, 0.5},
      {"geometric", [] { return geometric(true); }, kMilstein, 1},
      {"geometric", [] { return geometric(true); }, kSrk, 1.5},
      {"geometric", [] { return geometric(false); }, kHeunStratonovich, 1},
      {"hyperbolic", hyperbolic, kEulerMaruyama, 0.5},
      {"hyperbolic", hyperbolic, kMilstein, 1},
      {"hyperbolic", hyperbolic, kSrk, 1.5},
      {"additive", additive, kEulerMaruyama, 1},
      {"additive", additive, kMilstein, 1},
      {"turning", [] { return turning(true); }, kEulerMaruyama, 0.5},
      {"turning", [] { return turning(false); }, kHeunStratonovich, 1},
  };
  for (const OrderCase& one : cases) {
    const KnownSde sde = one.sde();
    const double found = slope([&](int steps) { return strong_error(sde, one.method, steps); }, 32);
    EXPECT_NEAR(found, one.order, 0.15) << one.name << ", " << name(one.method);
  }
}

// Linear additive SDEs as the one above gain half an order; this one is nonlinear, beside its own steps that are 16
// times shorter.
TEST(SolveSde, SrkHasStrongOrderThreeHalvesOfAdditiveNoise) {
  const auto field = stochastic_field({1}, {}, [](Array t, Array z, auto) {
    return std::pair{3.0 * sin(2.0 * z), reshape(0.8 + 0.2 * cos(t), {1})};
  });
  constexpr std::int64_t kSamples = 200;
  const HostArray times = HostArray::vector({0, 1}), paths = path_names(kSamples), z0 = repeated({0.3}, kSamples);
  const auto at_end = [&](int steps) {
    return solve_sde(field, z0, times, {.method = SdeMethod::kSrk, .steps_per_interval = steps}, paths).states;
  };
  const HostArray truth = at_end(2048 * 8);
  const auto error = [&](int steps) {
    const HostArray found = at_end(steps);
    double sum = 0;
    for (std::int64_t i = 0; i < kSamples; ++i) sum += std::abs(found(i, 1, 0) - truth(i, 1, 0));
    return sum / kSamples;
  };
  EXPECT_NEAR(slope(error, 256), 1.5, 0.15);
}

// E z(T) of Euler and Maruyama's steps is known: (1 + a h)^N z0. All sample paths share their noise with the solution.
TEST(SolveSde, EulerMaruyamaHasWeakOrderOne) {
  const auto field = stochastic_field({1}, {}, [](Array, Array z, auto) { return std::pair{1.5 * z, 0.1 * z}; });
  constexpr std::int64_t kSamples = 20000;
  const HostArray times = HostArray::vector({0, 1}), paths = path_names(kSamples);
  const HostArray w = brownian_path(times, 1, 4, paths), z0 = repeated({1}, kSamples);
  for (const int steps : {4, 8, 16}) {
    const Solution found = solve_sde(field, z0, times, {.seed = 4, .steps_per_interval = steps}, paths);
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < kSamples; ++i) {
      const double error = found.states(i, 1, 0) - std::exp((1.5 - 0.005) + 0.1 * w(i, 1, 0));
      sum += error;
      squares += error * error;
    }
    const double mean = sum / kSamples, deviation = std::sqrt(squares / kSamples - mean * mean);
    EXPECT_NEAR(mean, std::pow(1 + 1.5 / steps, steps) - std::exp(1.5), 5 * deviation / std::sqrt(kSamples));
    EXPECT_LT(5 * deviation / std::sqrt(kSamples), 0.05 * std::abs(mean)) << "tells the order";
  }
}

// Of dz = -theta z dt + sigma dW from z0: mean z0 e^(-theta t), variance sigma^2 (1 - e^(-2 theta t)) / (2 theta).
TEST(SolveSde, HasTheLawOfOrnsteinAndUhlenbeck) {
  const auto field = stochastic_field({1}, {}, [](Array, Array z, auto) {
    return std::pair{-2.0 * z, full({1}, 0.6)};
  });
  constexpr std::int64_t kSamples = 20000;
  const HostArray times = HostArray::vector({0, 0.3, 1});
  const Solution found = solve_sde(field, repeated({1.5}, kSamples), times,
                                   {.method = SdeMethod::kSrk, .steps_per_interval = 50}, path_names(kSamples));
  for (std::int64_t at = 1; at < 3; ++at) {
    const double t = times.at(at), mean = 1.5 * std::exp(-2 * t), variance = 0.36 * (1 - std::exp(-4 * t)) / 4;
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < kSamples; ++i) {
      const double z = found.states(i, at, 0) - mean;
      sum += z;
      squares += z * z;
    }
    EXPECT_NEAR(sum / kSamples, 0, 5 * std::sqrt(variance / kSamples));
    EXPECT_NEAR(squares / kSamples, variance, 5 * variance * std::sqrt(2.0 / kSamples));
  }
}

// With f = 0 and g = 1 every method gives the path itself, at every step and whatever the steps.
TEST(SolveSde, StepsDoNotChooseThePath) {
  const auto field = stochastic_field({2}, {}, [](Array, Array z, auto) { return std::pair{0.0 * z, full({2}, 1.0)}; });
  const HostArray times = HostArray::vector({1, 1.3, 1.3, 2.5, 3}), paths = path_names(5, 9);
  const HostArray w = brownian_path(times, 2, 8, paths);
  for (const SdeMethod method :
       {SdeMethod::kEulerMaruyama, SdeMethod::kMilstein, SdeMethod::kSrk, SdeMethod::kHeunStratonovich})
    for (const double step : {0.0, 0.1, 0.007}) {
      const Solution found =
          solve_sde(field, HostArray(Shape{5, 2}), times, {.method = method, .seed = 8, .step_size = step}, paths);
      for (std::int64_t i = 0; i < w.size(); ++i) EXPECT_NEAR(found.states.at(i), w.at(i), 1e-12);
    }
  // A subset of the times, between the same ends, has the same path there.
  const HostArray fewer = brownian_path(HostArray::vector({1, 2.5, 3}), 2, 8, paths);
  EXPECT_EQ(fewer(3, 1, 1), w(3, 3, 1));
}

TEST(SolveSde, SampleBitsDoNotDependOnBatchOrThreads) {
  const KnownSde sde = hyperbolic();
  const HostArray times = HostArray::vector({0, 0.4, 1});
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const SdeOptions options{.method = SdeMethod::kSrk, .seed = 3, .steps_per_interval = 12, .dtype = dtype};
    const HostArray z0 = repeated({0.3}, 70), paths = path_names(70, 1);
    set_num_threads(1);
    const Solution together = solve_sde(sde.field, z0, times, options, paths);
    for (const int threads : {2, 7}) {
      set_num_threads(threads);
      EXPECT_TRUE(solve_sde(sde.field, z0, times, options, paths).states.same_bits(together.states));
    }
    set_num_threads(0);
    for (const std::int64_t row : {0, 33, 69}) {
      const Solution alone = solve_sde(sde.field, z0.slice(row, row + 1), times, options, paths.slice(row, row + 1));
      EXPECT_TRUE(alone.states[0].same_bits(together.states[row]));
    }
    EXPECT_EQ(together.nfe[0], 2 * 24);
  }
}

TEST(SolveSde, F32MeetsTheSamePath) {
  const KnownSde sde = geometric(true);
  const HostArray times = HostArray::vector({0, 1}), z0 = repeated(sde.z0, 20);
  SdeOptions options{.method = SdeMethod::kMilstein, .steps_per_interval = 64};
  const Solution exact = solve_sde(sde.field, z0, times, options, path_names(20));
  options.dtype = Dtype::kF32;
  const Solution rounded = solve_sde(sde.field, z0, times, options, path_names(20));
  for (std::int64_t i = 0; i < exact.states.size(); ++i)
    EXPECT_NEAR(rounded.states.at(i), exact.states.at(i), 64 * 6e-8 * (1 + exact.states.at(i)));
}

TEST(SolveSde, SamplesOfEqualNamesMeetTheSameNoise) {
  const KnownSde sde = geometric(true);
  HostArray paths = path_names(3);
  paths.set({2, 1}, 0);
  const Solution found =
      solve_sde(sde.field, repeated(sde.z0, 3), HostArray::vector({0, 1}), {.steps_per_interval = 8}, paths);
  EXPECT_TRUE(found.states[0].same_bits(found.states[2]));
  EXPECT_NE(found.states(0, 1, 0), found.states(1, 1, 0));
}

TEST(SolveSde, NoTimePassesInAnIntervalOfNoLength) {
  const KnownSde sde = geometric(true);
  for (const HostArray& times : {HostArray::vector({2}), HostArray::vector({2, 2, 2})}) {
    const Solution found = solve_sde(sde.field, repeated(sde.z0, 2), times, {.steps_per_interval = 3}, path_names(2));
    found.check();
    for (std::int64_t i = 0; i < times.size(); ++i) EXPECT_EQ(found.states(1, i, 1), 0.7);
  }
  EXPECT_EQ(solve_sde(sde.field, HostArray(Shape{0, 2}), HostArray::vector({0, 1}), {}, path_names(0)).status.size(),
            0u);
}

TEST(SolveSde, NansNameSampleTimeAndStep) {
  for (const bool in_f : {true, false}) {
    const auto field = stochastic_field({1}, {}, [=](Array t, Array z, auto) {
      const Array bad = where(t < 0.49, z, sqrt(1.5 - z));  // NaN from t = 1/2 on, above 3/2
      return std::pair{in_f ? bad : 0.0 * z, in_f ? full({1}, 0.0) : 1e-9 * bad};
    });
    const Solution found = solve_sde(field, HostArray(Shape{2, 1}, std::vector<double>{0.1, 2}),
                                     HostArray::vector({0, 1}), {.steps_per_interval = 4}, path_names(2));
    EXPECT_EQ(found.status[0], Status::kOk);
    EXPECT_EQ(found.status[1], Status::kNonFinite);
    EXPECT_ERROR(found.check(), SolveFailed, "sample 1 ended with non_finite at t = 0.5 with step 0.25");
    EXPECT_TRUE(std::isnan(found.states(1, 1, 0)));
  }
}

TEST(SolveSde, RefusesWhatItCannotDo) {
  const KnownSde known = geometric(true);
  const StochasticField& sde = known.field;
  const HostArray z0 = repeated(known.z0, 2), times = HostArray::vector({0, 1}), paths = path_names(2);
  EXPECT_ERROR(solve_sde(sde, z0, HostArray::vector({1, 0}), {}, paths), InvalidArgument, "times must not descend");
  EXPECT_ERROR(solve_sde(sde, z0, HostArray::vector({0, 2, 1}), {}, paths), InvalidArgument, "must not turn back");
  EXPECT_ERROR(solve_sde(sde, z0, HostArray(Shape{2, 2}), {}, paths), ShapeError, "times must have shape [time]");
  EXPECT_ERROR(solve_sde(sde, z0, times, {.steps_per_interval = 2, .step_size = 0.1}, paths), InvalidArgument,
               "at most one of steps_per_interval and step_size");
  EXPECT_ERROR(solve_sde(sde, z0, times, {.step_size = -1}, paths), InvalidArgument, "at least 0");
  EXPECT_ERROR(solve_sde(sde, z0, HostArray::vector({0, 1e-9, 1}), {}, paths), InvalidArgument,
               "must not be shorter than 2^-20");
  EXPECT_ERROR(solve_sde(sde, z0, times, {.step_size = 1e-7}, paths), InvalidArgument, "got one of 1e-07 behind t = 0");
  EXPECT_ERROR(solve_sde(sde, HostArray(Shape{2, 3}), times, {}, paths), ShapeError,
               "z0 must have shape [batch] + [2]");
  EXPECT_ERROR(solve_sde(sde, z0, times, {}, path_names(3)), ShapeError, "paths must have shape [2, 2]");
  EXPECT_ERROR(solve_sde(sde, z0, times, {}, path_names(2, -1)), InvalidArgument, "row 0 of paths has -1");
  EXPECT_ERROR(sde_method_from_name("milstien"), InvalidArgument, "did you mean 'milstein'");
  const auto shaped = [](Shape f, Shape g) {
    return stochastic_field({2}, {}, [=](Array, Array, auto) { return std::pair{zeros(f), zeros(g)}; });
  };
  EXPECT_ERROR(shaped({3}, {2}), ShapeError, "f must have the state's shape [2]; got [3]");
  EXPECT_ERROR(shaped({2}, {3, 2}), ShapeError, "one axis more");
}

// Where numbers of g read others of z, or channels mix, these methods would lack terms, and with them their order.
TEST(SolveSde, RefusesMethodsThatAreNotForTheNoise) {
  const HostArray z0(Shape{1, 2}), times = HostArray::vector({0, 1}), paths = path_names(1);
  const auto mixed = stochastic_field({2}, {}, [](Array, Array z, auto) {
    return std::pair{z, stack({z[0], z[0] * z[1]})};
  });
  const KnownSde general = turning(true);
  for (const SdeMethod method : {SdeMethod::kMilstein, SdeMethod::kSrk}) {
    EXPECT_ERROR(solve_sde(mixed, z0, times, {.method = method}, paths), InvalidArgument, "got g[1] that reads z[0]");
    EXPECT_ERROR(solve_sde(general.field, z0, times, {.method = method}, paths), InvalidArgument,
                 "got a g of shape [2, 3] that reads z");
  }
}

}  // namespace
}  // namespace costate
