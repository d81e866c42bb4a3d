// Gradients through steps that end at stops, against closed forms of linear equations with held inputs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kDecay = 0.1;
constexpr std::int64_t kKnots = 11;

/// y' = -y / 10 + u(t), u held between knots. What a change of u_i does to y(end), from y(start).
double response(const std::vector<double>& knots, std::size_t i, double start, double end) {
  const double low = std::min(start, end), high = std::max(start, end), sign = end > start ? 1 : -1;
  const double from = std::clamp(i == 0 ? low : knots[i], low, high);
  const double to = std::clamp(i + 1 == knots.size() ? high : knots[i + 1], low, high);
  return sign * (std::exp(-kDecay * (end - to)) - std::exp(-kDecay * (end - from))) / kDecay;
}

std::vector<double> unit_knots() {
  std::vector<double> knots;
  for (std::int64_t i = 0; i < kKnots; ++i) knots.push_back(static_cast<double>(i));
  return knots;
}

std::vector<SolveOptions> all_ways() {
  std::vector<SolveOptions> ways;
  for (const Method method : {Method::kDopri5, Method::kBosh3, Method::kDopri8})
    for (const Adjoint adjoint : test::kAdjoints)
      ways.push_back({.method = method, .rtol = 1e-9, .atol = 1e-11, .adjoint = adjoint});
  ways.push_back({.method = Method::kDopri5, .rtol = 1e-9, .atol = 1e-11, .memory_budget = 1});  // no frames
  ways.push_back({.method = Method::kRk4, .step_size = 0.125});
  ways.push_back({.method = Method::kRk4, .step_size = 0.125, .adjoint = Adjoint::kBacksolve});
  return ways;
}

// At rest nothing but the knots bounds a step: h = 1, and the method's own error is (h / 10)^(order + 1) / (order +
// 1)!.
TEST(StopsAdjoint, AnInputThatIsZeroHasItsGradient) {
  const Parameter u("u", HostArray(Shape{kKnots, 1}));
  for (const std::vector<double>& times :
       {std::vector<double>{0, 10}, std::vector<double>{10, 0}, std::vector<double>{0.5, 3, 9.25}})
    for (const SolveOptions& options : all_ways()) {
      const VectorField field = vector_field({1}, [&](Array t, Array y) {
        return interpolate(constant(HostArray::vector(unit_knots())), u, t, Interpolation::kHold) - kDecay * y;
      });
      const Function loss = trace(
          [&](Array y0) {
            return sum(solve(field, y0, constant(HostArray::vector(times)), options)
                           .slice(-1, static_cast<std::int64_t>(times.size())));
          },
          {{"y0", {1}}});
      const HostArray start(Shape{1, 1});
      for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
        const HostArray gradient = compile(value_and_grad(loss), {.dtype = dtype}).run({start}).outputs[2];
        for (std::int64_t i = 0; i < kKnots; ++i)
          EXPECT_NEAR(gradient.at(i), response(unit_knots(), static_cast<std::size_t>(i), times.front(), times.back()),
                      dtype == Dtype::kF32 || options.method == Method::kBosh3 ? 3e-4 : 1e-7)
              << name(options.method) << ", " << name(options.adjoint) << ", u" << i;
      }
    }
}

// A batch whose samples have knots, values and times of their own, many lanes of it.

constexpr std::int64_t kBatch = 37;

struct Batch {
  HostArray z0{Shape{kBatch, 1}}, times{Shape{kBatch, 4}}, knots{Shape{kBatch, kKnots}},
      values{Shape{kBatch, kKnots, 1}};

  Batch() {
    for (std::int64_t b = 0; b < kBatch; ++b) {
      z0.set(b, std::cos(static_cast<double>(b)));
      for (std::int64_t i = 0; i < kKnots; ++i) {
        knots.set(b * kKnots + i, static_cast<double>(i) + 0.3 * std::sin(static_cast<double>(b + 2 * i)));
        values.set(b * kKnots + i, b % 6 == 3 ? 0.0 : std::sin(static_cast<double>(3 * b + i)));
      }
      const bool falls = b % 5 == 4;
      for (std::int64_t i = 0; i < 4; ++i)
        times.set(4 * b + (falls ? 3 - i : i), 0.25 + 0.01 * static_cast<double>(b) + 2.5 * static_cast<double>(i));
      times.set(4 * b + 2, knots.at(b * kKnots + (falls ? 4 : 5)));  // an output at a knot
      if (b % 7 == 2) times.set(4 * b, knots.at(b * kKnots + (falls ? 8 : 1)));
    }
  }
  std::vector<double> knots_of(std::int64_t b) const {
    std::vector<double> row;
    for (std::int64_t i = 0; i < kKnots; ++i) row.push_back(knots.at(b * kKnots + i));
    return row;
  }
  /// y(end) from y(times[0]) = z0, by the closed form.
  double state(std::int64_t b, double start, double end, double y) const {
    y *= std::exp(-kDecay * (end - start));
    for (std::int64_t i = 0; i < kKnots; ++i)
      y += values.at(b * kKnots + i) * response(knots_of(b), static_cast<std::size_t>(i), start, end);
    return y;
  }
  double loss(std::int64_t b, const std::vector<double>& t, double y) const {
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += std::cos(1.0 + 2 * static_cast<double>(i)) * state(b, t[0], t[i], y);
    return sum;
  }
};

const std::vector<std::size_t> kWanted = {0, 1, 3};  // z0, times, values: knots have no derivative

/// `width`: of a layer that makes an evaluation dear, so that the last lanes of a tile are handed over.
Function loss_of(const SolveOptions& options, std::int64_t width = 0) {
  const VectorField field = vector_field(
      {1}, {{"knots", {kKnots}}, {"values", {kKnots, 1}}}, [&](Array t, Array y, Array knots, Array values) {
        const Array slope = interpolate(knots, values, t, Interpolation::kHold) - kDecay * y;
        if (width == 0) return slope;
        return slope +
               0.01 * sum(tanh(matmul(constant(HostArray(Shape{width, 1},
                                                         std::vector<double>(static_cast<std::size_t>(width), 0.7))),
                                      y)));
      });
  return trace(
      [&](Array z0, Array times, Array knots, Array values) {
        const Array arguments[] = {knots, values};
        std::vector<double> weights;
        for (int i = 0; i < 4; ++i) weights.push_back(std::cos(1.0 + 2 * i));
        return sum(solve(field, z0, times, options, arguments) * constant(HostArray(Shape{4, 1}, weights)));
      },
      {{"z0", {1}}, {"times", {4}}, {"knots", {kKnots}}, {"values", {kKnots, 1}}});
}

TEST(StopsAdjoint, EachSampleHasItsOwnKnots) {
  const Batch batch;
  for (const SolveOptions& options : all_ways()) {
    if (options.step_size > 0) continue;  // the grid ignores the knots
    const std::string what = text::concat(name(options.method), ", ", name(options.adjoint));
    const RunResult result =
        compile(value_and_grad(loss_of(options), kWanted)).run({batch.z0, batch.times, batch.knots, batch.values});
    for (std::int64_t b = 0; b < kBatch; ++b) {
      std::vector<double> t;
      for (std::int64_t i = 0; i < 4; ++i) t.push_back(batch.times.at(4 * b + i));
      const double y = batch.z0.at(b);
      EXPECT_NEAR(result.outputs[0].at(b), batch.loss(b, t, y), 1e-7) << what;
      EXPECT_NEAR(result.outputs[1].at(b), batch.loss(b, t, 1) - batch.loss(b, t, 0), 1e-7) << what;
      for (std::int64_t i = 0; i < kKnots; ++i) {
        double truth = 0;
        for (std::size_t k = 0; k < 4; ++k)
          truth += std::cos(1.0 + 2 * static_cast<double>(k)) *
                   response(batch.knots_of(b), static_cast<std::size_t>(i), t[0], t[k]);
        EXPECT_NEAR(result.outputs[3].at(b * kKnots + i), truth, 1e-7) << what << ", sample " << b << ", value " << i;
      }
      for (std::size_t i = 0; i < 4; ++i) {  // one-sided: from within the solve
        const double h = 1e-6 * (t[3] > t[0] ? 1 : -1) * (i == 0 ? 1 : -1);
        std::vector<double> moved = t;
        moved[i] += h;
        EXPECT_NEAR(result.outputs[2].at(4 * b + static_cast<std::int64_t>(i)),
                    (batch.loss(b, moved, y) - batch.loss(b, t, y)) / h, 2e-6)
            << what << ", sample " << b << ", time " << i;
      }
    }
  }
}

TEST(StopsAdjoint, BitsDependNeitherOnMatesNorOnTheBudget) {
  const Batch batch;
  const std::vector<HostArray> inputs = {batch.z0, batch.times, batch.knots, batch.values};
  const auto row_of = [](const HostArray& all, std::int64_t b) {
    std::vector<std::int64_t> axes = all.shape().axes();
    const std::int64_t size = all.size() / axes[0];
    axes[0] = 1;
    std::vector<double> numbers;
    for (std::int64_t i = 0; i < size; ++i) numbers.push_back(all.at(b * size + i));
    return HostArray(Shape(axes), numbers);
  };
  for (const auto& [adjoint, width] :
       {std::pair{Adjoint::kDiscrete, 0}, {Adjoint::kDiscrete, 200}, {Adjoint::kBacksolve, 0}}) {
    const SolveOptions options{.adjoint = adjoint};
    const RunResult together = compile(value_and_grad(loss_of(options, width), kWanted)).run(inputs);
    for (const std::size_t budget : {std::size_t{1}, std::size_t{1} << 14}) {
      SolveOptions small = options;
      small.memory_budget = budget;
      const Program program = compile(value_and_grad(loss_of(small, width), kWanted));
      for (const std::int64_t b : {4, 36}) {
        std::vector<HostArray> one;
        for (const HostArray& input : inputs) one.push_back(row_of(input, b));
        const RunResult alone = program.run(one);
        for (std::size_t i = 0; i < together.outputs.size(); ++i)
          EXPECT_TRUE(alone.outputs[i].same_bits(row_of(together.outputs[i], b)))
              << name(adjoint) << " " << budget << " " << b << " " << i;
      }
    }
  }
}

// Times since 1970, in f32: neighbours that f32 holds, 128 s apart at least.
TEST(StopsAdjoint, GradientsInF32KeepTheDigitsOfTime) {
  constexpr double kEpoch = 1.7e9, kRate = 1e-6;
  const Parameter rate("rate", HostArray(Shape{}, std::vector<double>{kRate}));
  for (const SolveOptions& options : {SolveOptions{}, SolveOptions{.adjoint = Adjoint::kBacksolve},
                                      SolveOptions{.method = Method::kRk4, .steps_per_interval = 30}}) {
    const double jump = options.method == Method::kRk4 ? 0 : 1e-7;  // a fixed grid steps over it
    const VectorField field = vector_field({1}, [&](Array t, Array y) {
      return 0.0 * y + 1e-6 * rate * cos(rate * (t - kEpoch)) / kRate +
             jump * interpolate(constant(HostArray::vector({kEpoch + 1e6, kEpoch + 1.5e6})),
                                constant(HostArray(Shape{2, 1}, std::vector<double>{0, 1})), t, Interpolation::kHold);
    });
    const Function loss =
        trace([&](Array y0, Array times) { return sum(solve(field, y0, times, options).slice(1, 2)); },
              {{"y0", {1}}, {"times", {2}}});
    const double start = 128.0 * 1000, end = 128.0 * 20'000;
    const HostArray times(Shape{1, 2}, std::vector<double>{kEpoch + start, kEpoch + end});
    const RunResult result = compile(value_and_grad(loss), {.dtype = Dtype::kF32}).run({HostArray(Shape{1, 1}), times});
    const auto input = [&](double t) { return t < 1.5e6 ? 0 : jump; };
    EXPECT_NEAR(result.outputs[0].at(0), std::sin(kRate * end) - std::sin(kRate * start) + jump * (end - 1.5e6), 2e-5);
    EXPECT_NEAR(result.outputs[2].at(0) * 1e6, -std::cos(kRate * start) - 1e6 * input(start), 1e-4);
    EXPECT_NEAR(result.outputs[2].at(1) * 1e6, std::cos(kRate * end) + 1e6 * input(end), 1e-4);
    EXPECT_NEAR(result.outputs[3].at(0) * kRate,
                kRate * (end * std::cos(kRate * end) - start * std::cos(kRate * start)), 1e-4);
  }
}

TEST(StopsAdjoint, ProgramsInF32KeepConstantTimes) {
  const VectorField field = vector_field({1}, [](Array, Array y) { return -0.01 * y; });
  const Function loss = trace(
      [&](Array y) {
        return sum(solve(field, y, constant(HostArray::vector({1.7e9, 1.7e9 + 600})))[1]);
      },
      {{"y", {1}}});
  const RunResult result =
      compile(value_and_grad(loss), {.dtype = Dtype::kF32}).run({HostArray(Shape{1, 1}, std::vector<double>{1})});
  for (const HostArray& output : result.outputs) EXPECT_NEAR(output.at(0), std::exp(-6.0), 1e-5 * std::exp(-6.0));
}

// z' = -0.01 z by the hour of 1.7e9 seconds, whose f32 numbers are 128 s apart. The first sample has no second time:
// its tile is summed again without it, and the others keep their times.
TEST(StopsAdjoint, ProgramsInF32KeepTheTimesOfTheirInputs) {
  const Parameter rate("rate", HostArray::vector({-0.01}));
  const VectorField field = vector_field({1}, [&](Array, Array y) { return Array(rate) * y; });
  const Function loss = trace(
      [&](Array y, Array times, Array shared) {
        const Array late = times.slice(1, 3);
        return sum(solve(field, y, late)[1]) + sum(solve(field, y, shared)[1]);
      },
      {{"y", {1}}, {"times", {3}}, {.name = "shared", .shape = {2}, .kind = InputKind::kShared}});
  const double start = 1.7e9;
  const HostArray times(Shape{3, 3}, std::vector<double>{0, start, std::nan(""),  //
                                                         0, start, start + 600,   //
                                                         0, start + 30, start + 70});
  const RunResult result =
      compile(value_and_grad(loss, std::vector<Parameter>{rate}), {.dtype = Dtype::kF32})
          .run({HostArray(Shape{3, 1}, std::vector<double>{1, 1, 1}), times, HostArray::vector({start, start + 100})});
  ASSERT_EQ(result.report.failures.size(), 1u);
  EXPECT_EQ(result.report.failures[0].reason, "invalid_times");
  const double both = std::exp(-1.0);
  EXPECT_NEAR(result.outputs[0].at(1), std::exp(-6.0) + both, 1e-5);
  EXPECT_NEAR(result.outputs[0].at(2), std::exp(-0.4) + both, 1e-5);
  EXPECT_NEAR(result.outputs[1].at(0), 600 * std::exp(-6.0) + 40 * std::exp(-0.4) + 2 * 100 * both, 2e-3);
}

TEST(StopsAdjoint, TimesThatF32HasComputedMustBeApart) {
  const VectorField field = vector_field({1}, [](Array, Array y) { return -0.01 * y; });
  const Function loss =
      trace([&](Array y, Array hours) { return sum(solve(field, y, 3600 * hours)[-1]); }, {{"y", {1}}, {"hours", {3}}});
  const double start = 472222;
  const HostArray hours(Shape{2, 3}, std::vector<double>{0, 1e-6, 0.5, start, start + 0.1, start + 0.2});
  const RunResult result =
      compile(loss, {.dtype = Dtype::kF32}).run({HostArray(Shape{2, 1}, std::vector<double>{1, 1}), hours});
  EXPECT_NEAR(result.outputs[0].at(0), std::exp(-18.0), 1e-7);
  ASSERT_EQ(result.report.failures.size(), 1u);
  EXPECT_EQ(result.report.failures[0].sample, 1);
  EXPECT_EQ(result.report.failures[0].reason, "coarse_times");
}

TEST(StopsAdjoint, TimesThatF32CannotTellApartFailTheirSample) {
  const VectorField field = vector_field({1}, [](Array t, Array y) { return y * t; });
  const Function loss =
      trace([&](Array y0, Array times) { return sum(solve(field, y0, times)); }, {{"y0", {1}}, {"times", {2}}});
  const HostArray times(Shape{2, 2}, std::vector<double>{0, 0.5, 1.7e9, 1.7e9 + 1024});
  const RunResult result =
      compile(loss, {.dtype = Dtype::kF32}).run({HostArray(Shape{2, 1}, std::vector<double>{1, 1}), times});
  ASSERT_EQ(result.report.failures.size(), 1u);
  EXPECT_EQ(result.report.failures[0].sample, 1);
  EXPECT_EQ(result.report.failures[0].reason, "coarse_times");
  EXPECT_NE(result.report.failures[0].advice.find("subtract times[0]"), std::string::npos);
}

}  // namespace
}  // namespace costate
