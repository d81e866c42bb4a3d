// Events of solves in lanes beside those of the reference, and their bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "costate/base/threads.h"
#include "costate/solve/events.h"
#include "costate/solve/internal/implicit_step.h"
#include "costate/solve/internal/interpreted_field.h"
#include "costate/solve/solve.h"
#include "tests/solve/event_cases.h"

namespace costate {
namespace {

// A field and an event that read all there is.
struct Swing {
  VectorField field = vector_field({2}, {{"push", {}}}, [](Array t, Array z, Array push) {
    return stack({z[1], -sin(z[0]) + push * cos(1.7 * t)});
  });
  std::vector<SolveEvent> events = {
      solve_event(
          field, [](Array t, Array z, Array) { return z[0] - 0.3 * sin(t); },
          [](Array, Array z, Array push) {
            return stack({z[0], 0.7 * z[1] - 0.1 * push});
          },
          {.direction = Crossing::kRising}),
      solve_event(field, [](Array, Array z, Array) { return z[1]; }),
      solve_event(field, [](Array, Array z, Array push) { return z[0] + 1.5 * push; }, {.stop_after = 3})};
  HostArray z0{Shape{kBatch, 2}}, push{Shape{kBatch}};

  static constexpr std::int64_t kBatch = 27;
  Swing() {
    for (std::int64_t i = 0; i < kBatch; ++i) {
      z0.set(2 * i, std::sin(static_cast<double>(i)));
      z0.set(2 * i + 1, std::cos(static_cast<double>(3 * i)));
      push.set(i, 0.2 + 0.3 * std::cos(static_cast<double>(7 * i)));
    }
  }
};

internal::ReferenceSolution reference_swing(const Swing& swing, std::int64_t i, const std::vector<double>& times,
                                            const SolveOptions& options) {
  const double push = swing.push.at(i);
  const internal::ReferenceEvents events{
      .rules = {{.direction = Crossing::kRising, .resets = true}, {}, {.stop_after = 3}},
      .watch =
          [=](double t, std::span<const double> y, std::span<const double> dy, std::span<double> g,
              std::span<double> rate) {
            g[0] = y[0] - 0.3 * std::sin(t);
            rate[0] = dy[0] - 0.3 * std::cos(t);
            g[1] = y[1];
            rate[1] = dy[1];
            g[2] = y[0] + 1.5 * push;
            rate[2] = dy[0];
          },
      .reset =
          [=](std::size_t, double, std::span<const double> y, std::span<double> after) {
            after[0] = y[0];
            after[1] = 0.7 * y[1] - 0.1 * push;
          }};
  const auto rhs = [=](double t, std::span<const double> y, std::span<double> slope) {
    slope[0] = y[1];
    slope[1] = -std::sin(y[0]) + push * std::cos(1.7 * t);
  };
  const double y0[] = {swing.z0.at(2 * i), swing.z0.at(2 * i + 1)};
  if (!tableau(options.method).is_implicit())
    return internal::reference_solve(rhs, y0, times, options, {.events = &events});
  const internal::StepFunction step = internal::step_function(swing.field, options, internal::StepUse::kForward);
  const std::vector<std::vector<double>> arguments = {{push}};
  internal::ReferenceContext context{
      .step = &step, .stepper = internal::interpreted_step(step, arguments), .events = &events};
  std::optional<internal::StepFunction> other;
  if (options.method == Method::kAuto) {
    other = internal::explicit_step(swing.field, options, internal::StepUse::kForward);
    context.explicit_step = &*other;
    context.explicit_stepper = internal::interpreted_step(*other, arguments);
  }
  return internal::reference_solve(rhs, y0, times, options, context);
}

TEST(EventsBesideTheReference, AgreeWithTheReferenceSolve) {
  const Swing swing;
  const std::vector<HostArray> arguments = {swing.push};
  for (const Method method : adaptive_methods())
    for (const std::vector<double>& times : {std::vector<double>{0, 1, 2, 9, 12}, std::vector<double>{3, 2.5, -8}}) {
      SCOPED_TRACE(name(method));
      const SolveOptions options{.method = method};
      const Solution solution =
          solve(swing.field, swing.z0, HostArray::vector(times), options, arguments, swing.events);
      solution.check();
      const auto count = static_cast<std::int64_t>(times.size());
      // An implicit step of the reference is interpreted, which takes time.
      const std::int64_t every = tableau(method).is_implicit() ? 9 : 1;
      for (std::int64_t i = 0; i < Swing::kBatch; i += every) {
        const internal::ReferenceSolution expected = reference_swing(swing, i, times, options);
        const auto sample = static_cast<std::size_t>(i);
        const std::vector<double> found = event_times_of(solution, sample);
        std::string listed;
        for (const internal::ReferenceEvent& event : expected.events)
          listed += std::to_string(event.event) + " at " + std::to_string(event.t) + ", ";
        ASSERT_EQ(found.size(), expected.events.size())
            << name(method) << ", sample " << i << ": " << ::testing::PrintToString(found) << " for " << listed;
        // An ulp of sin moves the steps, by far less than their own error.
        for (std::size_t k = 0; k < found.size(); ++k) {
          const auto at = static_cast<std::size_t>(solution.events.first[sample]) + k;
          EXPECT_NEAR(found[k], expected.events[k].t, 1e-7);
          EXPECT_EQ(solution.events.event[at], static_cast<std::int64_t>(expected.events[k].event));
        }
        EXPECT_NEAR(solution.reached[sample], expected.t, 1e-7);
        for (std::int64_t k = 0; k < 2 * count; ++k) {
          const double given = solution.states.at(2 * count * i + k);
          const double wanted = expected.states[static_cast<std::size_t>(k / 2)][static_cast<std::size_t>(k % 2)];
          EXPECT_EQ(std::isnan(given), std::isnan(wanted));
          if (!std::isnan(wanted)) {
            EXPECT_NEAR(given, wanted, 1e-7);
          }
        }
      }
    }
}

TEST(EventsBesideTheReference, AgreeWithTheReferenceSolveToTheBitWhereTheFieldDoes) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], -1.0 * z[0]}); });
  const std::vector<SolveEvent> events = {solve_event(
                                              field, [](Array, Array z) { return z[0] - 0.5; },
                                              [](Array, Array z) {
                                                return stack({z[0], 1.25 * z[1]});
                                              },
                                              {.direction = Crossing::kRising}),
                                          solve_event(field, [](Array, Array z) { return z[1]; })};
  const internal::ReferenceEvents plain{
      .rules = {{.direction = Crossing::kRising, .resets = true}, {}},
      .watch =
          [](double, std::span<const double> y, std::span<const double> dy, std::span<double> g,
             std::span<double> rate) {
            g[0] = y[0] - 0.5;
            g[1] = y[1];
            rate[0] = dy[0];
            rate[1] = dy[1];
          },
      .reset =
          [](std::size_t, double, std::span<const double> y, std::span<double> after) {
            after[0] = y[0];
            after[1] = 1.25 * y[1];
          }};
  const auto rhs = [](double, std::span<const double> y, std::span<double> slope) {
    slope[0] = y[1];
    slope[1] = -1.0 * y[0];
  };
  const std::vector<double> times = {0, 1, 5, 12};
  for (const Method method : adaptive_methods()) {
    if (tableau(method).is_implicit()) continue;  // the reference's are interpreted, and an ulp off
    for (const std::int64_t batch : {1, 2, 5, 16, 43}) {
      HostArray z0(Shape{batch, 2});
      for (std::int64_t i = 0; i < batch; ++i) z0.set(2 * i, -0.1 * static_cast<double>(i + 1));
      const SolveOptions options{.method = method};
      const Solution solution = solve(field, z0, HostArray::vector(times), options, {}, events);
      for (std::int64_t i = 0; i < batch; ++i) {
        const double y0[] = {z0.at(2 * i), 0};
        const internal::ReferenceSolution expected =
            internal::reference_solve(rhs, y0, times, options, {.events = &plain});
        const std::vector<double> found = event_times_of(solution, static_cast<std::size_t>(i));
        ASSERT_EQ(found.size(), expected.events.size()) << name(method);
        EXPECT_EQ(solution.nfe[static_cast<std::size_t>(i)], expected.nfe) << name(method);
        EXPECT_EQ(solution.accepted[static_cast<std::size_t>(i)], expected.accepted);
        for (std::size_t k = 0; k < found.size(); ++k) EXPECT_EQ(found[k], expected.events[k].t) << name(method);
        for (std::int64_t k = 0; k < 8; ++k)
          EXPECT_EQ(solution.states.at(8 * i + k),
                    expected.states[static_cast<std::size_t>(k / 2)][static_cast<std::size_t>(k % 2)]);
      }
    }
  }
}

TEST(EventsBesideTheReference, BitsDoNotDependOnBatchOrThreads) {
  const Swing swing;
  const std::vector<HostArray> arguments = {swing.push};
  const HostArray times = HostArray::vector({0, 2, 11});
  const std::pair<Method, Dtype> ways[] = {{Method::kDopri5, Dtype::kF64},
                                           {Method::kDopri5, Dtype::kF32},
                                           {Method::kRodas5p, Dtype::kF64},
                                           {Method::kRodas5p, Dtype::kF32},
                                           {Method::kKvaerno5, Dtype::kF64}};
  for (const auto& [method, dtype] : ways) {
    const SolveOptions options{.method = method, .dtype = dtype};
    set_num_threads(1);
    const Solution together = solve(swing.field, swing.z0, times, options, arguments, swing.events);
    set_num_threads(3);
    const Solution threads = solve(swing.field, swing.z0, times, options, arguments, swing.events);
    set_num_threads(0);
    EXPECT_TRUE(threads.states.same_bits(together.states));
    EXPECT_EQ(threads.events.times, together.events.times);
    EXPECT_EQ(threads.events.event, together.events.event);
    EXPECT_TRUE(threads.events.states.same_bits(together.events.states));
    for (const std::int64_t i : {0, 17, 26}) {
      const std::vector<HostArray> one = {HostArray(Shape{1}, std::vector<double>{swing.push.at(i)})};
      const Solution alone =
          solve(swing.field, row_of({swing.z0.at(2 * i), swing.z0.at(2 * i + 1)}), times, options, one, swing.events);
      EXPECT_EQ(event_times_of(alone, 0), event_times_of(together, static_cast<std::size_t>(i)));
      for (std::int64_t k = 0; k < 6; ++k) {
        const double a = alone.states.at(k), b = together.states.at(6 * i + k);
        EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b)));
      }
    }
  }
}

}  // namespace
}  // namespace costate
