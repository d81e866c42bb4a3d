// Events of solves of batches: closed forms, which crossings are events, and the reference.
#include "costate/solve/events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "costate/base/threads.h"
#include "costate/solve/internal/interpreted_field.h"
#include "costate/solve/solve.h"
#include "tests/solve/event_cases.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kGravity = 9.81, kBounce = 0.8;
// What rounding makes of a parabola's roots, which every method solves exactly: vern9's dense output has weights of
// some thousands.
constexpr double kRootRounding = 5e-12;

VectorField ball() {
  return vector_field({2}, [](Array, Array z) { return stack({z[1], constant(-kGravity)}); });
}

SolveEvent bounce_of(const VectorField& field) {
  return solve_event(
      field, [](Array, Array z) { return z[0]; },
      [](Array, Array z) {
        return stack({0.0 * z[0], -kBounce * z[1]});
      },
      {.direction = Crossing::kFalling});
}

/// Times of the bounces of a ball dropped from `height`, up to `end`.
std::vector<double> bounce_times(double height, double end) {
  std::vector<double> times;
  double t = std::sqrt(2 * height / kGravity), speed = kGravity * t;
  for (; t <= end; t += 2 * speed / kGravity) {
    times.push_back(t);
    speed *= kBounce;
  }
  return times;
}

TEST(Events, ABallBouncesAtItsTimes) {
  const VectorField field = ball();
  const SolveEvent bounce = bounce_of(field);
  for (const Method method : adaptive_methods()) {
    const Solution solution =
        solve(field, row_of({1, 0}), HostArray::vector({0, 2}), {.method = method}, {}, std::span(&bounce, 1));
    solution.check();
    const std::vector<double> expected = bounce_times(1, 2), found = event_times_of(solution, 0);
    ASSERT_EQ(found.size(), expected.size()) << name(method);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], kRootRounding) << name(method);
      EXPECT_NEAR(solution.events.states.at(static_cast<std::int64_t>(2 * i)), 0, 5 * kRootRounding);
    }
    const double since = 2 - expected.back();
    const double speed = kGravity * expected[0] * std::pow(kBounce, static_cast<double>(expected.size()));
    EXPECT_NEAR(solution.states.at(2), speed * since - kGravity / 2 * since * since, 10 * kRootRounding);
    EXPECT_NEAR(solution.states.at(3), speed - kGravity * since, 10 * kRootRounding);
  }
}

/// What is an event of x' = cos t, x = sin t - level.
std::vector<double> crossings(double level, const EventOptions& options, const std::vector<double>& times,
                              Method method = Method::kDopri8) {
  const VectorField field = vector_field({1}, [](Array t, Array) { return reshape(cos(t), {1}); });
  const SolveEvent crossing = solve_event(
      field, [&](Array, Array z) { return z[0] - level; }, options);
  const Solution solution = solve(field, row_of({std::sin(times.front())}), HostArray::vector(times),
                                  {.method = method, .rtol = 1e-10, .atol = 1e-12}, {}, std::span(&crossing, 1));
  solution.check();
  return event_times_of(solution, 0);
}

constexpr double kSine = 1e-9;  // of a sine at tolerance 1e-10

TEST(Events, DirectionsAndCounts) {
  using std::numbers::pi;
  const double up = std::asin(0.5), down = pi - up;
  const auto expect = [](const std::vector<double>& found, const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], kSine);
  };
  expect(crossings(0.5, {}, {0, 10}), {up, down, up + 2 * pi, down + 2 * pi});
  expect(crossings(0.5, {.direction = Crossing::kRising}, {0, 10}), {up, up + 2 * pi});
  expect(crossings(0.5, {.direction = Crossing::kFalling}, {0, 10}), {down, down + 2 * pi});
  expect(crossings(0.5, {.stop_after = 3}, {0, 10}), {up, down, up + 2 * pi});
  // Backward in time a falling flank is climbed.
  expect(crossings(0.5, {.direction = Crossing::kRising}, {10, 0}), {down + 2 * pi, down});
  // At the start the event is passed over, whatever the direction.
  expect(crossings(0, {}, {0, 4}), {pi});
  expect(crossings(0, {.direction = Crossing::kRising}, {0, 7}), {2 * pi});
  expect(crossings(2, {}, {0, 10}), {});
}

TEST(Events, ATerminalEventEndsTheSample) {
  const VectorField field = ball();
  const SolveEvent ground = solve_event(field, [](Array, Array z) { return z[0]; }, {.stop_after = 1});
  const HostArray z0(Shape{2, 2}, std::vector<double>{1, 0, 100, 0});
  const Solution solution = solve(field, z0, HostArray::vector({0, 0.2, 1, 2}), {}, {}, std::span(&ground, 1));
  solution.check();
  const double t = std::sqrt(2 / kGravity);
  EXPECT_NEAR(solution.reached[0], t, kRootRounding);
  EXPECT_NEAR(solution.states.at(2), 1 - kGravity / 2 * 0.04, kRootRounding);
  EXPECT_TRUE(std::isnan(solution.states.at(4)));
  EXPECT_TRUE(std::isnan(solution.states.at(6)));
  EXPECT_NEAR(solution.events.states.at(1), -kGravity * t, 10 * kRootRounding);
  EXPECT_EQ(solution.reached[1], 2);
  EXPECT_TRUE(event_times_of(solution, 1).empty());
}

TEST(Events, TwoCrossingsWithinAStepAndARootThatOnlyTouches) {
  // A parabola with its top at 2 + level, which one step of any method goes over.
  for (const Method method : adaptive_methods())
    for (const double level : {-0.01, 0.0, 0.01}) {
      const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], constant(-1.0)}); });
      const SolveEvent top = solve_event(field, [&](Array, Array z) { return z[0] - (2 + level); });
      const Solution solution = solve(field, row_of({0, 2}), HostArray::vector({0, 4}),
                                      {.method = method, .first_step = 4}, {}, std::span(&top, 1));
      const std::vector<double> found = event_times_of(solution, 0);
      if (level > 0) {
        EXPECT_TRUE(found.empty()) << name(method);
      }
      if (level < 0) {
        ASSERT_EQ(found.size(), 2u) << name(method);
        EXPECT_NEAR(found[0], 2 - std::sqrt(0.02), kRootRounding);
        EXPECT_NEAR(found[1], 2 + std::sqrt(0.02), kRootRounding);
      }
      if (level == 0) {  // rounding makes one root of it, or two
        ASSERT_GE(found.size(), 1u) << name(method);
        EXPECT_NEAR(found[0], 2, 1e-6) << name(method);
      }
    }
}

TEST(Events, AChangeOfSignAtAPoleIsOne) {
  // 1 / (t - 0.5371) has other signs on both sides of its pole, and no zero.
  const VectorField field = vector_field({1}, [](Array, Array z) { return ones({1}) + 0.0 * z; });
  for (const double pole : {0.5371, 0.25, 0.9}) {
    const SolveEvent event[] = {solve_event(field, [=](Array, Array z) { return 1.0 / (z[0] - pole); })};
    for (const Method method : adaptive_methods()) {
      const Solution solution =
          solve(field, HostArray(Shape{1, 1}), HostArray::vector({0, 1}), {.method = method}, {}, event);
      ASSERT_EQ(event_times_of(solution, 0).size(), 1u) << name(method) << ", " << pole;
      EXPECT_NEAR(event_times_of(solution, 0)[0], pole, 1e-12);
    }
  }
}

TEST(Events, SeveralAtTheSameTime) {
  // Two balls of one state, dropped together: each bounces, and all bounces coincide.
  const VectorField field = vector_field({4}, [](Array, Array z) {
    return stack({z[1], constant(-1.0), z[3], constant(-1.0)});
  });
  const auto bounce = [&](std::int64_t ball) {
    return solve_event(
        field, [=](Array, Array z) { return z[2 * ball]; },
        [=](Array, Array z) {
          return ball == 0 ? stack({0.0 * z[0], -1.0 * z[1], z[2], z[3]})
                           : stack({z[0], z[1], 0.0 * z[2], -1.0 * z[3]});
        },
        {.direction = Crossing::kFalling});
  };
  const std::vector<SolveEvent> events = {bounce(0), bounce(1)};
  const Solution solution =
      solve(field, row_of({0.5, 0, 0.5, 0}), HostArray::vector({0, 6}), {.rtol = 1e-9, .atol = 1e-12}, {}, events);
  solution.check();
  const std::vector<double> found = event_times_of(solution, 0);
  ASSERT_EQ(found.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(found[i], 1 + 2 * static_cast<double>(i / 2), 1e-12);
    EXPECT_EQ(solution.events.event[i], static_cast<std::int64_t>(i % 2));
  }
  for (const std::int64_t i : {4, 6}) EXPECT_NEAR(solution.states.at(i), 0.5, 1e-11);
}

TEST(Events, OfTwoAtOneTimeTheFirstMayMoveTheOtherAway) {
  const VectorField field = vector_field({1}, [](Array, Array) { return constant(HostArray::vector({1})); });
  const auto fall_to = [&](double level) {
    return solve_event(
        field, [](Array, Array z) { return z[0] - 1.0; }, [=](Array, Array z) { return 0.0 * z + level; });
  };
  const std::vector<SolveEvent> events = {fall_to(0), fall_to(0.5)};
  const Solution solution = solve(field, row_of({0}), HostArray::vector({0, 2.25}), {}, {}, events);
  solution.check();
  const std::vector<double> found = event_times_of(solution, 0);
  ASSERT_EQ(found.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(found[i], 1 + static_cast<double>(i), kRootRounding);
    EXPECT_EQ(solution.events.event[i], 0);
  }
  EXPECT_NEAR(solution.states.at(1), 0.25, kRootRounding);
}

TEST(Events, AnOutputAtAnEventIsTheStateBeforeIt) {
  const VectorField field = vector_field({1}, [](Array, Array) { return constant(HostArray::vector({1})); });
  const SolveEvent reset = solve_event(
      field, [](Array, Array z) { return z[0] - 1.0; }, [](Array, Array z) { return 0.0 * z; });
  // Outputs move no step, and so no event.
  const std::vector<double> found =
      event_times_of(solve(field, row_of({0}), HostArray::vector({0, 2.25}), {}, {}, std::span(&reset, 1)), 0);
  ASSERT_EQ(found.size(), 2u);
  const Solution solution =
      solve(field, row_of({0}), HostArray::vector({0, found[0], 1.5, found[1], 2.25}), {}, {}, std::span(&reset, 1));
  solution.check();
  ASSERT_EQ(event_times_of(solution, 0), found);
  const double expected[] = {0, 1, 0.5, 1, 0.25};
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_NEAR(solution.states.at(i), expected[i], kRootRounding) << i;
}

TEST(Events, DosesByArgumentsParametersAndTime) {
  // c' = -k c, and a dose whenever it falls below a level of the sample's own.
  const Parameter rate("rate", HostArray::vector({0.5}));
  const VectorField field =
      vector_field({1}, {{"dose", {}}, {"level", {}}}, [&](Array, Array c, Array, Array) { return -(rate * c); });
  const SolveEvent below = solve_event(
      field, [](Array, Array c, Array, Array level) { return c[0] - level; },
      [](Array, Array c, Array dose, Array) { return c + dose; }, {.direction = Crossing::kFalling});
  const std::int64_t batch = 19;
  HostArray z0(Shape{batch, 1}), dose(Shape{batch}), level(Shape{batch});
  for (std::int64_t i = 0; i < batch; ++i) {
    z0.set(i, 2);
    dose.set(i, 1 + 0.1 * static_cast<double>(i));
    level.set(i, 0.5 + 0.02 * static_cast<double>(i));
  }
  const std::vector<HostArray> arguments = {dose, level};
  const std::pair<Method, Dtype> ways[] = {{Method::kDopri5, Dtype::kF64},
                                           {Method::kDopri5, Dtype::kF32},
                                           {Method::kRodas5p, Dtype::kF64},
                                           {Method::kKvaerno5, Dtype::kF64}};
  for (const auto& [method, dtype] : ways) {
    const SolveOptions options{.method = method, .rtol = 1e-6, .atol = 1e-8, .dtype = dtype};
    const double tolerance = dtype == Dtype::kF32 ? 1e-3 : 4e-4;
    const Solution solution = solve(field, z0, HostArray::vector({0, 20}), options, arguments, std::span(&below, 1));
    solution.check();
    for (std::int64_t i = 0; i < batch; ++i) {
      const std::vector<double> found = event_times_of(solution, static_cast<std::size_t>(i));
      double t = std::log(2 / level.at(i)) / 0.5;
      ASSERT_GE(found.size(), 1u);
      for (const double time : found) {
        EXPECT_NEAR(time, t, tolerance) << name(method) << ", " << i;
        t += std::log((level.at(i) + dose.at(i)) / level.at(i)) / 0.5;
      }
      EXPECT_GT(t, 20 - 1e-3);
    }
  }
}

TEST(Events, ASolveAtRestEnds) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({-1.0 * z[0], -2.0 * z[1]}); });
  const SolveEvent rest = rest_event(field, 1e-3);
  const Solution solution = solve(field, row_of({1, 1}), HostArray::vector({0, 1000}), {.rtol = 1e-9, .atol = 1e-12},
                                  {}, std::span(&rest, 1));
  solution.check();
  // (e^-2t + 4 e^-4t) / 2 = 1e-6.
  const double square = (-1 + std::sqrt(1 + 32e-6)) / 8;
  EXPECT_NEAR(solution.reached[0], -0.5 * std::log(square), 1e-6);
}

TEST(Events, OfASystemWithAMassMatrix) {
  // x' = -y with 0 = y - x: x = exp(-t), which an event at 1/2 sets back to 1.
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({-1.0 * z[1], z[1] - z[0]}); });
  const SolveEvent half = solve_event(
      field, [](Array, Array z) { return z[0] - 0.5; }, [](Array, Array z) { return 2.0 * z; });
  for (const Method method : {Method::kRodas5p, Method::kRadau5}) {
    const Solution solution =
        solve(field, row_of({1, 1}), HostArray::vector({0, 2}),
              {.method = method, .rtol = 1e-9, .atol = 1e-11, .mass_matrix = {1, 0, 0, 0}}, {}, std::span(&half, 1));
    solution.check();
    const std::vector<double> found = event_times_of(solution, 0);
    ASSERT_EQ(found.size(), 2u) << name(method);
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_NEAR(found[i], static_cast<double>(i + 1) * std::numbers::ln2, 1e-7) << name(method);
    EXPECT_NEAR(solution.states.at(2), 4 * std::exp(-2.0), 1e-7);
  }
}

TEST(Events, NothingGoesWrongWithoutSamplesOrEvents) {
  const VectorField field = ball();
  const SolveEvent bounce = bounce_of(field);
  const Solution none = solve(field, HostArray(Shape{0, 2}), HostArray::vector({0, 1}), {}, {}, std::span(&bounce, 1));
  EXPECT_EQ(none.events.first, std::vector<std::int64_t>{0});
  const Solution still = solve(field, row_of({1, 0}), HostArray::vector({0, 0}), {}, {}, std::span(&bounce, 1));
  still.check();
  EXPECT_EQ(still.events.first, (std::vector<std::int64_t>{0, 0}));
  // Without an event the states are those of a solve that looks for none.
  const SolveEvent far = solve_event(field, [](Array, Array z) { return z[0] + 1e6; });
  const HostArray times = HostArray::vector({0, 0.5, 3});
  EXPECT_TRUE(solve(field, row_of({1, 0}), times, {}, {}, std::span(&far, 1))
                  .states.same_bits(solve(field, row_of({1, 0}), times).states));
}

TEST(Events, ANaNInAnEventFailsItsSample) {
  const VectorField field = vector_field({1}, [](Array, Array) { return constant(HostArray::vector({-1})); });
  const SolveEvent bad = solve_event(field, [](Array, Array z) { return sqrt(z[0]) - 0.5; });
  const HostArray z0(Shape{2, 1}, std::vector<double>{1, 5});
  const Solution solution = solve(field, z0, HostArray::vector({0, 2}), {.max_step = 0.3}, {}, std::span(&bad, 1));
  EXPECT_EQ(solution.status[0], Status::kNonFinite);
  EXPECT_EQ(solution.status[1], Status::kOk);
  ASSERT_EQ(event_times_of(solution, 0).size(), 1u);
  EXPECT_NEAR(event_times_of(solution, 0)[0], 0.75, kRootRounding);
  EXPECT_ERROR(solution.check(), SolveFailed, "sample 0 ended with non_finite");
}

TEST(Events, CallersMistakes) {
  const VectorField field = ball();
  const SolveEvent bounce = bounce_of(field);
  const std::span<const SolveEvent> events(&bounce, 1);
  const HostArray z0 = row_of({1, 0}), times = HostArray::vector({0, 1});
  EXPECT_ERROR(solve(field, z0, times, {.method = Method::kRk4}, {}, events), NotSupported,
               "an event takes steps that go by their error");
  EXPECT_ERROR(solve(field, z0, times, {.step_size = 0.1}, {}, events), NotSupported, "got fixed steps");
  EXPECT_ERROR(solve(field, z0, times, {.control = Control::kJoint}, {}, events), NotSupported, "control = joint");
  EXPECT_ERROR(solve_event(field, [](Array, Array z) { return z; }), ShapeError, "g must give one number");
  EXPECT_ERROR(solve_event(
                   field, [](Array, Array z) { return z[0]; }, [](Array, Array z) { return z[0]; }),
               ShapeError, "the reset must keep the shape");
  EXPECT_ERROR(solve_event(field, [](Array, Array z) { return z[0]; }, {.stop_after = -1}), InvalidArgument,
               "stop_after");
  EXPECT_ERROR(solve_event(field, [](Array, Array z, Array) { return z[0]; }), InvalidArgument,
               "1 arguments besides t and z");
  EXPECT_ERROR(rest_event(field, 0), InvalidArgument, "rate must be positive");
  EXPECT_ERROR(crossing_from_name("risin"), InvalidArgument, "rising");
  const VectorField other = vector_field({3}, [](Array, Array z) { return z; });
  EXPECT_ERROR(solve(other, row_of({1, 2, 3}), times, {}, {}, events), InvalidArgument, "event 0 was made for a field");
}

}  // namespace
}  // namespace costate
