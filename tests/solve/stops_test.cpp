// Steps end where inputs bend or jump, and slopes there are those of the step's own side.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "costate/base/log.h"
#include "costate/base/threads.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/internal/field_stops.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/internal/table_bends.h"
#include "costate/solve/solve.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

Array numbers(const std::vector<double>& values) { return constant(HostArray::vector(values)); }

Array table(const std::vector<double>& times, const std::vector<double>& values, const Array& t,
            Interpolation interpolation = Interpolation::kHold) {
  const auto n = static_cast<std::int64_t>(values.size());
  return interpolate(numbers(times), constant(HostArray(Shape{n, 1}, values)), t, interpolation);
}

/// y' = u(t), from 0.
VectorField integral_of(const std::function<Array(Array)>& input) {
  return vector_field({1}, [=](Array t, Array) { return input(t); });
}

double integrate(const VectorField& field, const std::vector<double>& times, const SolveOptions& options = {}) {
  const Solution solution = solve(field, HostArray(Shape{1, 1}, options.dtype), HostArray::vector(times), options);
  solution.check();
  return solution.states.at(static_cast<std::int64_t>(times.size()) - 1);
}

// An integral of a piecewise constant input, exact but for the rounding of some ten steps, and of a side of a stop.
constexpr double kExact = 1e-13, kExactF32 = 1e-5;

TEST(Stops, AShortPulseAfterALongRestIsSeen) {
  const VectorField field = integral_of([](Array t) { return table({0, 50, 51, 100}, {0, 1, 0, 0}, t); });
  for (const Method method : explicit_methods()) {
    if (!tableau(method).has_error_estimate()) continue;
    EXPECT_NEAR(integrate(field, {0, 100}, {.method = method}), 1, kExact) << name(method);
    EXPECT_NEAR(integrate(field, {100, 0}, {.method = method}), -1, kExact) << name(method);
    EXPECT_NEAR(integrate(field, {0, 50.5, 100}, {.method = method, .dtype = Dtype::kF32}), 1, kExactF32);
  }
}

TEST(Stops, FixedStepsOnTheGridOfTheirInputsAreExact) {
  std::vector<double> times(11), values(11);
  for (std::size_t i = 0; i < 11; ++i) {
    times[i] = 0.1 * static_cast<double>(i);  // sums of steps differ from these in the last bit
    values[i] = i % 2 == 0 ? 1 : 0;
  }
  const VectorField field = integral_of([&](Array t) { return table(times, values, t); });
  for (const Method method : explicit_methods()) {
    EXPECT_NEAR(integrate(field, times, {.method = method, .steps_per_interval = 1}), 0.5, kExact) << name(method);
    EXPECT_NEAR(integrate(field, {1, 0}, {.method = method, .step_size = 0.1}), -0.5, kExact) << name(method);
    EXPECT_NEAR(integrate(field, {0, 1}, {.method = method, .step_size = 0.1, .dtype = Dtype::kF32}), 0.5, kExactF32);
  }
}

TEST(Stops, QueriesOnALineInTimeAreFollowed) {
  // In seconds since 1970, with knots in minutes: (1.7e9 + 60 s) and so on.
  const double start = 1.7e9;
  const VectorField field = integral_of([&](Array t) {
    return table({0, 5, 6, 30}, {0, 1, 0, 0}, (t - start) / 60.0) +
           table({-30, -9, -8.5, 0}, {0, 2, 0, 0}, start / 60.0 - t / 60.0);
  });
  const std::vector<double> times = {start, start + 1800};
  // A side of a stop is within some ulps of 1.7e9 s, 2e-6 s.
  EXPECT_NEAR(integrate(field, times), 60 + 2 * 30, 1e-4);
  EXPECT_NEAR(integrate(field, {times[1], times[0]}), -120, 1e-4);
}

TEST(Stops, StopAtServesComparisonsWithTime) {
  const VectorField before = integral_of([](Array t) { return reshape(where(t < 3.1, 1.0, 0.0), {1}); });
  const VectorField until = integral_of([](Array t) { return reshape(where(t <= 3.1, 1.0, 0.0), {1}); });
  for (const VectorField& field : {before, until}) {
    EXPECT_NEAR(integrate(field, {0, 1000}, {.stop_at = {700, 3.1}}), 3.1, kExact);
    EXPECT_NEAR(integrate(field, {1000, 0}, {.stop_at = {3.1}}), -3.1, kExact);
    EXPECT_NEAR(integrate(field, {0, 1000}, {.stop_at = {3.1}, .dtype = Dtype::kF32}), 3.1, kExactF32);
  }
}

/// y(10) of y' = u, from 0, where u switches at 3.1: in closed form.
TEST(Stops, SwitchesInTimeAreFound) {
  const double at = 3.1;
  const auto one = [](const Array& x) { return reshape(x, {1}); };
  struct Case {
    std::function<Array(Array)> input;
    double integral;
  };
  const double before = at * at / 2, after = (10 - at) * (10 - at) / 2;
  const std::vector<Case> cases = {
      {[&](Array t) { return one(where(t < at, 1.0, 0.0)); }, at},
      {[&](Array t) { return one(where(at <= t, 0.0, 1.0)); }, at},
      {[&](Array t) { return one(where(stop_gradient(2.0 * t) < 2 * at, 1.0, 0.0)); }, at},
      {[&](Array t) { return one(sign(2.0 * (t - at))); }, 10 - 2 * at},
      {[&](Array t) { return one(abs(t - at)); }, before + after},
      {[&](Array t) { return one(max(t, 2 * at - t)); }, 2 * at * at - before + (50 - before)},
      {[&](Array t) { return one(relu(at - t)); }, before},
      {[&](Array t) { return one(min(t / 2.0, at / 2)); }, before / 2 + (10 - at) * at / 2},
      {[&](Array t) {
         return one(sum(where(broadcast_to(t, {3}) > numbers({at, 7, 5}), 1.0, 0.0)));
       },
       10 * 3 - at - 12},
      {[&](Array t) {
         return one(sum(abs(numbers({1, -2}) * t - numbers({at, -8}))));
       },
       before + after + 16 + 36},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const VectorField field = integral_of(cases[i].input);
    for (const Method method : {Method::kDopri5, Method::kVern9, Method::kRodas5p, Method::kRadau5}) {
      const double scale = std::abs(cases[i].integral);
      EXPECT_NEAR(integrate(field, {0, 10}, {.method = method}), cases[i].integral, 1e-12 * scale) << i << name(method);
      EXPECT_NEAR(integrate(field, {10, 4, 0}, {.method = method}), -cases[i].integral, 1e-12 * scale) << i;
      EXPECT_NEAR(integrate(field, {0, 10}, {.method = method, .dtype = Dtype::kF32}), cases[i].integral, 1e-5 * scale)
          << i << name(method);
    }
  }
}

TEST(Stops, SwitchesThatArgumentsMoveAreEachSamplesOwn) {
  const VectorField field = vector_field({1}, {{"T", {2}}, {"a", {}}}, [](Array t, Array, Array times, Array slope) {
    return reshape(sum(where(broadcast_to(t, {2}) < times, 1.0, 0.0)) + abs(slope * t - 1.0), {1});
  });
  const HostArray times = HostArray::vector({0, 1000});
  const HostArray lasts(Shape{3, 2}, std::vector<double>{700, 3.1, 0.25, 999, 5, 5});
  const HostArray slopes(Shape{3}, std::vector<double>{0.01, 0, -1});  // at rest, it switches never
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const std::vector<HostArray> arguments{lasts, slopes};
    const Solution solution = solve(field, HostArray(Shape{3, 1}, dtype), times, {.dtype = dtype}, arguments);
    solution.check();
    const double exact = dtype == Dtype::kF64 ? 1e-12 : 1e-5;
    const std::vector<double> expected = {703.1 + 50 + 4050, 999.25 + 1000, 10 + 1000 + 500000};
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_NEAR(solution.states.at(2 * i + 1), expected[static_cast<std::size_t>(i)],
                  exact * expected[static_cast<std::size_t>(i)]);
  }
}

TEST(Stops, NoStepIsLongerThanMaxStep) {
  const VectorField field = integral_of([](Array t) { return reshape(exp(-square(t - 50.0)), {1}); });
  const HostArray start(Shape{1, 1}), times = HostArray::vector({0, 100});
  EXPECT_NEAR(integrate(field, {0, 100}, {.max_step = 1}), std::sqrt(std::numbers::pi), 1e-6);
  for (const double longest : {0.7, 10.0, 0.1, 99.5}) {
    double reached = 0;
    for (const AcceptedStep& step : accepted_steps(field, start, times, {.max_step = longest})) {
      EXPECT_LE(step.size, longest * (1 + 1e-12));
      EXPECT_NEAR(step.t, reached, 1e-12);
      reached = step.t + step.size;
    }
    EXPECT_EQ(reached, 100);
  }
  const auto tenth = accepted_steps(integral_of([](Array t) { return reshape(0.0 * t, {1}); }), start,
                                    HostArray::vector({0, 1}), {.first_step = 0.1, .max_step = 0.1});
  EXPECT_EQ(tenth.size(), 10u);
}

TEST(Stops, OptionsAreChecked) {
  const VectorField field = integral_of([](Array t) { return reshape(t, {1}); });
  EXPECT_ERROR(integrate(field, {0, 1}, {.max_step = -1}), InvalidArgument, "max_step must be finite and at least 0");
  EXPECT_ERROR(integrate(field, {0, 1}, {.stop_at = {0.5, NAN}}), InvalidArgument, "stop_at must be finite; got nan");
  EXPECT_ERROR(integrate(field, {0, 1}, {.max_step = 1, .step_size = 0.1}), InvalidArgument,
               "max_step is for steps chosen by");
  EXPECT_ERROR(integrate(field, {0, 1}, {.method = Method::kRk4, .stop_at = {0.5}}), InvalidArgument,
               "stop_at is for steps chosen by the error; here they are fixed (rk4)");
  EXPECT_ERROR(integrate(field, {0, 1}, {.method = Method::kRk4, .rtols = {1e-6}}), InvalidArgument,
               "rtols is for steps chosen by the error; here they are fixed (rk4). Leave it out");
  EXPECT_ERROR(integrate(field, {0, 1}, {.atols = {1e-6}, .steps_per_interval = 3}), InvalidArgument,
               "atols is for steps chosen by the error; here they are fixed (dopri5)");
}

// Tables of each sample: knots and values.

constexpr std::int64_t kKnots = 6;

VectorField driven(Interpolation interpolation) {
  return vector_field(
      {2}, {{"times", {kKnots}}, {"values", {kKnots, 1}}}, [=](Array t, Array z, Array times, Array values) {
        const Array u = interpolate(times, values, 0.5 * t - 0.25, interpolation);
        return stack({z[1] + 0.1 * interpolate(times, values, t, interpolation)[0], u[0] - 1.7 * sin(z[0])});
      });
}

struct Inputs {
  HostArray z0, times;
  std::vector<HostArray> arguments;

  explicit Inputs(std::int64_t batch) : z0(Shape{batch, 2}), times(HostArray::vector({0, 0.9, 3.5})) {
    HostArray knots(Shape{batch, kKnots}), values(Shape{batch, kKnots, 1});
    for (std::int64_t b = 0; b < batch; ++b) {
      z0.set(2 * b, 0.3 * std::sin(static_cast<double>(b)));
      for (std::int64_t i = 0; i < kKnots; ++i) {
        const double wave = std::sin(static_cast<double>(7 * b + 3 * i));
        knots.set(kKnots * b + i,
                  0.6 * static_cast<double>(std::min<std::int64_t>(i, 3 + b % 3)) + (b % 4 == 1 ? 0.0 : 0.1));
        values.set(kKnots * b + i, b % 5 == 2 ? 0.0 : wave);
      }
    }
    arguments = {knots, values};
  }

  std::vector<double> row(const HostArray& all, std::int64_t b) const {
    const std::int64_t size = all.size() / z0.shape()[0];
    std::vector<double> values;
    for (std::int64_t i = 0; i < size; ++i) values.push_back(all.at(b * size + i));
    return values;
  }
  Inputs only(std::int64_t b) const {
    Inputs one(1);
    one.z0 = HostArray(Shape{1, 2}, row(z0, b));
    one.times = times;
    one.arguments = {HostArray(Shape{1, kKnots}, row(arguments[0], b)),
                     HostArray(Shape{1, kKnots, 1}, row(arguments[1], b))};
    return one;
  }
};

double held(const std::vector<double>& times, const std::vector<double>& values, double t) {
  std::size_t i = 0;
  while (i + 1 < times.size() && times[i + 1] <= t && times[i + 1] > times[i]) ++i;
  return values[i];
}

internal::ReferenceSolution reference(const Inputs& inputs, std::int64_t b, const SolveOptions& options) {
  const std::vector<double> knots = inputs.row(inputs.arguments[0], b), values = inputs.row(inputs.arguments[1], b);
  const auto rhs = [&](double t, std::span<const double> y, std::span<double> slope) {
    slope[0] = y[1] + 0.1 * held(knots, values, t);
    slope[1] = held(knots, values, 0.5 * t - 0.25) - 1.7 * std::sin(y[0]);
  };
  std::vector<internal::Stop> stops;
  std::vector<double> times;
  for (const double knot : knots) {
    const double on_line = (knot + 0.25) / 0.5;
    stops.push_back({knot, internal::StopKind{}.inside(knot)});
    stops.push_back({on_line, internal::StopKind{.offset = -0.5, .is_line = true}.inside(on_line)});
  }
  std::ranges::sort(stops, {}, &internal::Stop::time);
  for (std::int64_t i = 0; i < inputs.times.size(); ++i) times.push_back(inputs.times.at(i));
  const std::vector<double> y0 = inputs.row(inputs.z0, b);
  return internal::reference_solve(rhs, y0, times, options, {.stops = stops, .stop_scale = 0.5});
}

class StopsMethod : public ::testing::TestWithParam<Method> {
 protected:
  SolveOptions options() const {
    const bool adapts = tableau(GetParam()).has_error_estimate();
    return {.method = GetParam(), .max_step = adapts ? 0.4 : 0.0, .steps_per_interval = adapts ? 0 : 12};
  }
};

TEST_P(StopsMethod, LanesAgreeWithTheReference) {
  for (const bool backward : {false, true})
    for (const std::int64_t batch : {1, 7, 33}) {
      Inputs inputs(batch);
      if (backward) inputs.times = HostArray::vector({3.5, 0.9, 0.7, 0});
      const Solution solution =
          solve(driven(Interpolation::kHold), inputs.z0, inputs.times, options(), inputs.arguments);
      solution.check();
      for (std::int64_t b = 0; b < batch; ++b) {
        const internal::ReferenceSolution expected = reference(inputs, b, options());
        const auto sample = static_cast<std::size_t>(b);
        EXPECT_EQ(solution.accepted[sample], expected.accepted);
        EXPECT_EQ(solution.rejected[sample], expected.rejected);
        EXPECT_EQ(solution.nfe[sample], expected.nfe);
        for (std::int64_t i = 0; i < inputs.times.size(); ++i)
          for (std::int64_t k = 0; k < 2; ++k)
            EXPECT_NEAR(solution.states.at((b * inputs.times.size() + i) * 2 + k),
                        expected.states[static_cast<std::size_t>(i)][static_cast<std::size_t>(k)],
                        1e-2 * options().rtol);
      }
    }
}

TEST_P(StopsMethod, BitsDoNotDependOnMatesOrThreads) {
  const Inputs inputs(70);
  for (const Interpolation interpolation : {Interpolation::kHold, Interpolation::kLinear, Interpolation::kCubic})
    for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
      SolveOptions chosen = options();
      chosen.dtype = dtype;
      const VectorField field = driven(interpolation);
      set_num_threads(1);
      const Solution together = solve(field, inputs.z0, inputs.times, chosen, inputs.arguments);
      set_num_threads(3);
      EXPECT_TRUE(solve(field, inputs.z0, inputs.times, chosen, inputs.arguments).states.same_bits(together.states));
      set_num_threads(0);
      for (const std::int64_t b : {0, 31, 69}) {
        const Inputs one = inputs.only(b);
        const Solution alone = solve(field, one.z0, one.times, chosen, one.arguments);
        for (std::int64_t k = 0; k < 6; ++k) EXPECT_EQ(alone.states.at(k), together.states.at(b * 6 + k));
        EXPECT_EQ(alone.nfe[0], together.nfe[static_cast<std::size_t>(b)]);
      }
    }
}

TEST_P(StopsMethod, TheOrderIsFullAcrossKinks) {
  if (!tableau(GetParam()).has_error_estimate()) GTEST_SKIP() << "a fixed grid stays as it is";
  const std::vector<double> times = {0, 0.31, 0.77, 1.4, 2}, values = {0.5, -1, 2, 0, 1};
  const VectorField field =
      vector_field({1}, [&](Array t, Array y) { return table(times, values, t, Interpolation::kLinear) * cos(y) - y; });
  const HostArray start(Shape{1, 1}, std::vector<double>{0.4});
  const auto end_with = [&](const SolveOptions& options) {
    return solve(field, start, HostArray::vector({0, 2.2}), options).states.at(1);
  };
  const double truth = end_with({.method = Method::kDopri8, .rtol = 1e-13, .atol = 1e-14});
  // Steps of one length, but for those that are cut; the tolerance accepts all.
  const auto error_of = [&](double h) {
    return std::abs(end_with({.method = GetParam(), .rtol = 1e3, .first_step = h, .max_step = h}) - truth);
  };
  const int order = tableau(GetParam()).order;
  const double coarse = order >= 9 ? 0.3 : order == 8 ? 0.2 : order > 2 ? 0.05 : 0.005;
  // Of order 9, the finer one is near rounding.
  EXPECT_GT(std::log2(error_of(coarse) / error_of(coarse / 2)), order >= 9 ? order - 2 : order - 0.5);
}

INSTANTIATE_TEST_SUITE_P(Methods, StopsMethod,
                         ::testing::ValuesIn(explicit_methods().begin(), explicit_methods().end()),
                         [](const auto& row) { return std::string(name(row.param)); });

TEST(Stops, UnderJointControlEachSampleHasItsOwn) {
  const Inputs inputs(9);
  const VectorField field =
      vector_field({2}, {{"times", {kKnots}}, {"values", {kKnots, 1}}}, [](Array t, Array, Array times, Array values) {
        const Array u = interpolate(times, values, t, Interpolation::kHold);
        return concat({u, 2.0 * u});
      });
  const Solution solution = solve(field, inputs.z0, inputs.times, {.control = Control::kJoint}, inputs.arguments);
  solution.check();
  for (std::int64_t b = 0; b < 9; ++b) {
    const std::vector<double> knots = inputs.row(inputs.arguments[0], b), values = inputs.row(inputs.arguments[1], b);
    double sum = 0;
    constexpr int kCells = 35'000;  // whose ends are the knots
    for (int i = 0; i < kCells; ++i) sum += held(knots, values, 1e-4 * (i + 0.5)) * 1e-4;
    EXPECT_NEAR(solution.states.at(b * 6 + 4), inputs.z0.at(2 * b) + sum, 1e-9);
  }
}

TEST(Stops, TheSizePlannedBeforeACutIsTakenUpAgain) {
  const VectorField field = vector_field({1}, [](Array t, Array y) { return 0.1 * cos(0.1 * t) + 0.0 * y; });
  const HostArray start(Shape{1, 1}), times = HostArray::vector({0, 40});
  const auto count = [&](const std::vector<double>& stops) {
    return accepted_steps(field, start, times, {.stop_at = stops}).size();
  };
  // One more step each: none begins small again.
  EXPECT_EQ(count({20, 20.001}), count({20}) + 1);
}

TEST(Stops, OfConstantsAreWhereSomethingChanges) {
  const auto bends = [](Interpolation interpolation, std::vector<double> times, std::vector<double> values,
                        int order = 0) {
    std::vector<int> found;
    const std::vector<bool> all = internal::find_bends(interpolation, order, times, values);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i]) found.push_back(static_cast<int>(i));
    return found;
  };
  using List = std::vector<int>;
  EXPECT_EQ(bends(Interpolation::kHold, {0, 1, 2, 3}, {0, 0, 1, 1}), List({2}));
  EXPECT_EQ(bends(Interpolation::kHold, {0, 1, 2, 2}, {0, 0, 1, 7}), List({2}));
  EXPECT_EQ(bends(Interpolation::kHold, {0, 1}, {0, 1}, 1), List());
  EXPECT_EQ(bends(Interpolation::kHold, {0, 1, 2}, {0, 5, 0, 6, 0, 6}), List({1}));
  EXPECT_EQ(bends(Interpolation::kLinear, {0, 0.1, 0.3, 0.7, 1}, {0, 0.2, 0.6, 1.4, 2}), List({0, 4}));
  EXPECT_EQ(bends(Interpolation::kLinear, {0, 1, 2, 3, 4}, {5, 5, 5, 6, 6}), List({2, 3}));
  EXPECT_EQ(bends(Interpolation::kCubic, {0, 1, 2, 3, 4, 5, 6, 7}, {1, 1, 1, 1, 1, 1, 1, 2}), List({5, 6, 7}));
}

TEST(Stops, AreFoundInTheField) {
  const auto stops = internal::find_stops(
      vector_field({2}, {{"T", {3}}, {"shift", {}}}, [](Array t, Array z, Array times, Array shift) {
        const Array values = constant(HostArray(Shape{3, 2}, std::vector<double>{0, 0, 1, 0, 0, 0}));
        return z + interpolate(numbers({1, 2, 3}), values, 2.0 * t - 1.0, Interpolation::kHold) +
               interpolate(numbers({1, 2, 3}), values, t - shift, Interpolation::kHold) +
               interpolate(times, values, t, Interpolation::kHold) +
               interpolate(numbers({5, 6, 7}), values, z[0], Interpolation::kHold);
      }));
  ASSERT_EQ(stops.known.size(), 1u);
  EXPECT_EQ(stops.known[0].times, std::vector<double>({1.5, 2}));
  EXPECT_EQ(stops.known[0].kind.offset, -0.5);
  EXPECT_EQ(stops.known[0].kind.read, internal::ReadIn::kF64);
  EXPECT_TRUE(stops.unknown.empty());
  EXPECT_EQ(stops.of_arguments.outputs().size(), 4u);
  const auto has = [&](internal::ReadIn read) {
    return std::ranges::any_of(stops.argument_kinds, [&](const auto& kind) { return kind.read == read; });
  };
  EXPECT_TRUE(has(internal::ReadIn::kQueryInF32));
  EXPECT_TRUE(has(internal::ReadIn::kLookUpInF32));
}

TEST(Stops, KnotsThatCannotBeFollowedAreNamedOnce) {
  std::vector<std::string> said;
  set_log_sink([&](LogLevel, const std::string& message) { said.push_back(message); });
  const VectorField field = integral_of([](Array t) {
    return table({0, 50, 51, 100}, {0, 1, 0, 0}, square(t) / 100.0);
  });
  integrate(field, {0, 100});
  integrate(field, {0, 100}, {.stop_at = {std::sqrt(5000), std::sqrt(5100)}});
  set_log_sink({});
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("a hold table of 4 knots is not read at t or a t + b"), std::string::npos) << said[0];
}

}  // namespace
}  // namespace costate
