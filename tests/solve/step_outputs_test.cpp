// Outputs within steps: each sample's are those of a solve by itself, whether steps have few or many of them.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "costate/solve/solve.h"

namespace costate {
namespace {

/// `size` numbers that turn around each other, each sample at a pace of its own.
VectorField turning_numbers(std::int64_t size) {
  return vector_field({size}, [size](Array t, Array z) {
    std::vector<Array> slopes;
    for (std::int64_t i = 0; i < size; ++i) slopes.push_back(sin(z[(i + 1) % size]) - 0.2 * cos(t) * z[i]);
    return stack(slopes);
  });
}

HostArray turning_starts(std::int64_t batch, std::int64_t size) {
  HostArray z0(Shape{batch, size});
  for (std::int64_t i = 0; i < batch * size; ++i) z0.set(i, 2 * std::sin(static_cast<double>(i * i + 1)));
  return z0;
}

/// Times from `first` to `last`, closer and closer, with some of them twice.
HostArray uneven_times(double first, double last, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const double part = static_cast<double>(i) / (count - 1);
    times.push_back(first + (last - first) * part * (2 - part));
    if (i % 7 == 3) times.push_back(times.back());
  }
  return HostArray::vector(times);
}

class StepOutputs : public ::testing::TestWithParam<Dtype> {};

TEST_P(StepOutputs, AreThoseOfASampleByItself) {
  const std::int64_t batch = 37;
  for (const std::int64_t size : {1, 2, 3, 4, 5, 11}) {
    const VectorField field = turning_numbers(size);
    const HostArray z0 = turning_starts(batch, size);
    for (const int count : {5, 300})
      for (const double last : {6.0, -6.0}) {
        const HostArray times = uneven_times(0, last, count);
        const SolveOptions options{.method = Method::kDopri5, .rtol = 1e-4, .atol = 1e-4, .dtype = GetParam()};
        const Solution together = solve(field, z0, times, options);
        together.check();
        for (const std::int64_t sample : {std::int64_t{0}, std::int64_t{8}, batch - 1}) {
          const Solution alone = solve(field, z0.slice(sample, sample + 1), times, options);
          EXPECT_TRUE(alone.states[0].same_bits(together.states[sample])) << size << " " << count << " " << last;
        }
      }
  }
}

/// Of states by any method: the dense output of degree 3, and one with stages of its own.
TEST_P(StepOutputs, OfOtherDegreesLikewise) {
  const HostArray z0 = turning_starts(19, 2);
  for (const Method method : {Method::kBosh3, Method::kDopri8, Method::kTsit5})
    for (const int count : {4, 200}) {
      const HostArray times = uneven_times(0, 5, count);
      const SolveOptions options{.method = method, .rtol = 1e-4, .atol = 1e-4, .dtype = GetParam()};
      const Solution together = solve(turning_numbers(2), z0, times, options);
      const Solution alone = solve(turning_numbers(2), z0.slice(7, 8), times, options);
      EXPECT_TRUE(alone.states[0].same_bits(together.states[7])) << name(method) << " " << count;
      EXPECT_EQ(alone.nfe[0], together.nfe[7]) << name(method) << " " << count;
    }
}

/// Samples end where the root's operand is below 0: at 0.5, 1, 1.5 and so on.
TEST_P(StepOutputs, AreNanFromWhereASampleFails) {
  const VectorField field = vector_field({2}, {{"end", {}}}, [](Array t, Array, Array end) {
    return stack({sqrt(end - t), cos(t)});
  });
  const std::int64_t batch = 20, count = 200;
  HostArray ends(Shape{batch});
  for (std::int64_t i = 0; i < batch; ++i) ends.set(i, 0.5 * static_cast<double>(i + 1));
  std::vector<double> times;
  for (std::int64_t i = 0; i < count; ++i) times.push_back(0.05 * static_cast<double>(i));
  const Solution found = solve(field, HostArray(Shape{batch, 2}), HostArray::vector(times),
                               {.rtol = 1e-3, .atol = 1e-3, .dtype = GetParam()}, std::span(&ends, 1));
  for (std::int64_t sample = 0; sample < batch; ++sample) {
    const auto i = static_cast<std::size_t>(sample);
    EXPECT_EQ(found.status[i] == Status::kOk, ends.at(sample) >= times.back()) << sample;
    for (std::int64_t k = 0; k < count; ++k) {
      const bool is_there = found.status[i] == Status::kOk || times[static_cast<std::size_t>(k)] <= found.reached[i];
      EXPECT_EQ(std::isfinite(found.states(sample, k, 1)), is_there) << sample << " " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, StepOutputs, ::testing::Values(Dtype::kF32, Dtype::kF64),
                         [](const auto& info) { return info.param == Dtype::kF32 ? "f32" : "f64"; });

}  // namespace
}  // namespace costate
