// Losses of solves with events, and closed forms of what they are.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "costate/graph/trace.h"
#include "costate/solve/solve.h"

namespace costate {

/// A central difference, whose step leaves half of the digits.
inline double slope_of(const std::function<double(double)>& f, double x) {
  const double step = 1e-5 * std::max(1.0, std::abs(x));
  return (f(x + step) - f(x - step)) / (2 * step);
}
inline constexpr double kDifference = 1e-8;

/// A ball dropped from `height`, of which the loss is made of where it is at `end`, and of its third bounce.
struct Drop {
  double height = 1, gravity = 9.81, bounce = 0.8, end = 2;

  double loss() const {
    const double first = std::sqrt(2 * height / gravity);
    double t = first, speed = gravity * first, third = 0, third_speed = 0;
    for (int count = 1;; ++count) {
      if (count == 3) third = t, third_speed = speed;
      speed *= bounce;
      if (t + 2 * speed / gravity > end) break;
      t += 2 * speed / gravity;
    }
    return speed * (end - t) - gravity / 2 * (end - t) * (end - t) + third * third - 0.3 * third_speed;
  }

  /// By height, end, gravity and bounce.
  static std::vector<double> slopes() {
    const Drop drop;
    return {slope_of([&](double x) { return Drop{.height = x}.loss(); }, drop.height),
            slope_of([&](double x) { return Drop{.end = x}.loss(); }, drop.end),
            slope_of([&](double x) { return Drop{.gravity = x}.loss(); }, drop.gravity),
            slope_of([&](double x) { return Drop{.bounce = x}.loss(); }, drop.bounce)};
  }
};

/// The same, solved.
struct Ball {
  Parameter gravity{"gravity", HostArray::vector({9.81})}, bounce{"bounce", HostArray::vector({0.8})};

  VectorField field() const {
    return vector_field({2}, [&](Array, Array z) { return concat({z.slice(1, 2), -1.0 * Array(gravity)}); });
  }
  SolveEvent ground(const VectorField& field) const {
    return solve_event(
        field, [](Array, Array z) { return z[0]; },
        [&](Array, Array z) {
          return concat({0.0 * z.slice(0, 1), -1.0 * bounce * z.slice(1, 2)});
        },
        {.direction = Crossing::kFalling});
  }
  /// Inputs: height, end, gravity, bounce.
  Function loss(const SolveOptions& options) const {
    const VectorField falls = field();
    const SolveEvent bounces = ground(falls);
    return trace(
        [&](Array height, Array end) {
          const Array z0 = concat({reshape(height, {1}), zeros({1})});
          const Array times = concat({zeros({1}), 0.5 * reshape(end, {1}), reshape(end, {1})});
          const EventSolution solution =
              solve(falls, z0, times, options, {}, {.events = std::span(&bounces, 1), .max_events = 4});
          const Array third = solution.event_times[2];
          return solution.states[2][0] + third * third + 0.3 * solution.event_states[2][1];
        },
        {{"height", {}}, {"end", {}}});
  }
};

/// c' = -k c and a dose whenever c falls below a level: what is in the body at the end, and when the second dose is.
inline double dosed(double start, double rate, double dose, double level, double end) {
  const double first = std::log(start / level) / rate, period = std::log((level + dose) / level) / rate;
  const double doses = std::floor((end - first) / period);
  return (level + dose) * std::exp(-rate * (end - first - doses * period)) + 0.1 * (first + period);
}

/// The same to t = 9, solved.
struct Doses {
  Parameter rate{"rate", HostArray::vector({0.5})};

  /// Inputs: start, dose, level, rate. Dose and level are captured by the event, not declared by the field.
  Function loss(const SolveOptions& options) const {
    return trace(
        [&](Array from, Array amount, Array lowest) {
          const VectorField field = vector_field({1}, [&](Array, Array c) { return -(rate * c); });
          const SolveEvent below = solve_event(
              field, [&](Array, Array c) { return c[0] - lowest; }, [&](Array, Array c) { return c + amount; },
              {.direction = Crossing::kFalling});
          const EventSolution solution = solve(field, reshape(from, {1}), constant(HostArray::vector({0, 4, 9})),
                                               options, {}, {.events = std::span(&below, 1), .max_events = 2});
          return solution.states[2][0] + 0.1 * solution.event_times[1];
        },
        {{"start", {}}, {"dose", {}}, {"level", {}}});
  }

  static constexpr std::int64_t kBatch = 21;
  static std::vector<HostArray> inputs() {
    HostArray start(Shape{kBatch}), dose(Shape{kBatch}), level(Shape{kBatch});
    for (std::int64_t i = 0; i < kBatch; ++i) {
      start.set(i, 2 + 0.05 * static_cast<double>(i % 7));
      dose.set(i, 1 + 0.1 * static_cast<double>(i));
      level.set(i, 0.5 + 0.01 * static_cast<double>(i));
    }
    return {start, dose, level};
  }
};

/// A field whose events read all there is: time, state, arguments, Parameters; some move the state, some only look, one
/// ends the solve, and the event's own numbers are asked for.
struct Swing {
  Parameter friction{"friction", HostArray::vector({0.1})},
      level{"level", HostArray(Shape{}, std::vector<double>{0.3})};

  Function loss(const SolveOptions& options) const {
    return trace(
        [&](Array z0, Array push, Array times) {
          const VectorField field = vector_field({2}, {{"push", {}}}, [&](Array t, Array z, Array given) {
            return stack({z[1], -sin(z[0]) + given * cos(1.7 * t)}) - friction * z;
          });
          const std::vector<SolveEvent> events = {
              solve_event(
                  field, [&](Array t, Array z, Array) { return z[0] - level * sin(t); },
                  [&](Array t, Array z, Array given) {
                    return stack({z[0] + 0.01 * t, 0.7 * z[1] - given * level});
                  },
                  {.direction = Crossing::kRising}),
              solve_event(field, [](Array, Array z, Array) { return z[1]; }),
              solve_event(field, [](Array, Array z, Array given) { return z[0] + 1.5 * given; }, {.stop_after = 3})};
          const EventSolution solution =
              solve(field, z0, times, options, std::span(&push, 1), {.events = events, .max_events = 5});
          const Array last = where(is_there(solution.states[2]), solution.states[2], 0.1);
          return sum(square(solution.states[1])) + sum(last) +
                 sum(where(is_there(solution.event_times), sin(solution.event_times), 0.0)) +
                 sum(where(is_there(solution.event_states), cos(solution.event_states + 1.0), 0.0));
        },
        {{"z0", {2}}, {"push", {}}, {"times", {3}}});
  }
  /// 0 where an output is NaN.
  static Array is_there(const Array& x) { return x <= x; }

  static constexpr std::int64_t kBatch = 23;
  static std::vector<HostArray> inputs() {
    HostArray z0(Shape{kBatch, 2}), push(Shape{kBatch}), times(Shape{kBatch, 3});
    for (std::int64_t i = 0; i < kBatch; ++i) {
      z0.set(2 * i, std::sin(static_cast<double>(i)));
      z0.set(2 * i + 1, std::cos(static_cast<double>(3 * i)));
      push.set(i, 0.2 + 0.3 * std::cos(static_cast<double>(7 * i)));
      for (std::int64_t k = 0; k < 3; ++k)
        times.set(3 * i + k, 0.1 + 0.3 * static_cast<double>(k) * (10 + static_cast<double>(i) / 9));
    }
    return {z0, push, times};
  }
};

}  // namespace costate
