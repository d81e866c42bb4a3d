// Doses: solved exactly, with right gradients; starts that are not measured.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/series/internal/event_path.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/internal/window_loss.h"
#include "costate/series/series.h"
#include "tests/series/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kRate = 0.4;

/// What one event leaves of itself in a compartment x' = -kRate x at a time; what comes in then is not yet there.
double left_of(const Event& event, double time) {
  if (time <= event.time) return 0;
  if (event.duration == 0) return event.amount * std::exp(-kRate * (time - event.time));
  const double end = std::min(time, event.time + event.duration);
  return event.amount / event.duration / kRate *
         (std::exp(-kRate * (time - end)) - std::exp(-kRate * (time - event.time)));
}

double compartment(double start, const std::vector<Event>& events, double first, double time) {
  double x = start * std::exp(-kRate * (time - first));
  for (const Event& event : events)
    if (event.time >= first) x += left_of(event, time);
  return x;
}

FitConfig dosed_config(const TimeSeries& series) {
  FitConfig config = config_of(series);
  config.model.columns.events = series.event_names;
  config.model.columns.covariates = series.covariate_names;
  config.model.hidden = {};
  config.model.context = 8;
  config.model.solve.rtol = 1e-9;
  config.model.solve.atol = 1e-11;
  return config;
}

TimeSeries dosed(std::vector<Event> events, const std::vector<double>& times, double start = 2) {
  std::vector<double> states;
  for (const double time : times) states.push_back(compartment(start, events, times.front(), time));
  TimeSeries series = series_of({trajectory(times, states)});
  series.event_names = {"dose"};
  series.trajectories[0].events = std::move(events);
  return series;
}

/// x' = -kRate x, of which a unit dose adds 1, in units that are none.
SeriesModel compartment_model(const TimeSeries& series) {
  const Normalization units{
      .state_offset = {0}, .state_scale = {1}, .event_scale = std::vector<double>(series.event_names.size(), 1.0)};
  SeriesModel model(dosed_config(series).model, series, units, 0);
  for (Parameter parameter : model.parameters()) {
    for (double& number : parameter.numbers()) number = 0;
    if (parameter.name() == "linear.0.weight") parameter.numbers()[0] = -kRate;
    if (parameter.name() == "event.weight") parameter.numbers()[0] = 1;
  }
  return model;
}

TEST(Events, AreSolvedExactly) {
  const std::vector<double> times = {0, 1, 2, 3.5, 5, 8};
  const std::vector<std::vector<Event>> cases = {
      {},                                                // none at all
      {{0.5, 0, 3}},                                     // between samples
      {{2, 0, 3}},                                       // at a sample, which is from before it
      {{0, 0, 3}},                                       // at the first sample
      {{-1, 0, 3}},                                      // before it: in the start
      {{0.5, 0, 3}, {0.5, 0, 1}, {1.5, 0, -2}},          // two at once, and one that takes away
      {{0.7, 0, 3, 2.1}},                                // an infusion
      {{0.7, 0, 3, 2.1}, {1.1, 0, 3, 50}, {2.2, 0, 1}},  // several at a time, beyond the end
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const SeriesModel model = compartment_model(dosed(cases[i], times));
    const auto states = model.predict({.start = {2}, .times = times, .events = cases[i]});
    for (std::size_t k = 0; k < times.size(); ++k)
      EXPECT_NEAR(states[k][0], compartment(2, cases[i], 0, times[k]), 1e-7) << "case " << i << " at " << times[k];
  }
}

TEST(Events, InfusionsThatRunAtAStartGoOn) {
  const std::vector<Event> events = {{0, 0, 3}, {1, 0, 6, 3}, {2, 0, 1}};
  const std::vector<Event> ahead = events_from(events, 2);
  ASSERT_EQ(ahead.size(), 2U);
  EXPECT_EQ(ahead[0], (Event{2, 0, 4, 2}));
  EXPECT_EQ(ahead[1], (Event{2, 0, 1}));
  const SeriesModel model = compartment_model(dosed(events, {0, 1, 9}));
  const std::vector<double> times = {2, 3, 6};
  const auto states = model.predict({.start = {2}, .times = times, .events = events});
  EXPECT_EQ(states, model.predict({.start = {2}, .times = times, .events = ahead}));
  for (std::size_t k = 0; k < times.size(); ++k) EXPECT_NEAR(states[k][0], compartment(2, ahead, 2, times[k]), 1e-7);
}

TEST(Events, WindowsOfAnyNumberOfThemAgreeWithPredictions) {
  TimeSeries series = dosed({{0.5, 0, 3}, {2, 0, 1}, {2.5, 0, 2, 1}}, {0, 1, 2, 3, 4, 5});
  series.trajectories.push_back(dosed({}, {0, 1, 2, 3}).trajectories[0]);
  const SeriesModel model = compartment_model(series);
  const std::vector<Stretch> stretches = {{&series.trajectories[0], 0, 6, 6}, {&series.trajectories[1], 0, 4, 4}};
  const WindowArrays arrays = window_arrays(model, stretches, 6);
  const Program program = compile(trace_list(window_arguments(model, arrays.shape()), [&](std::span<const Array> in) {
    return std::vector<Array>{solve_window(model, Loss::kMse, in).states};
  }));
  const HostArray states = program.run(window_inputs(model, arrays, HostArray(Shape{2, 1}))).outputs[0];
  for (std::size_t row = 0; row < 2; ++row)
    for (std::size_t i = 0; i < stretches[row].count; ++i)
      EXPECT_NEAR(states.at(static_cast<std::int64_t>(row * 6 + i)),
                  series.trajectories[row].states.at(static_cast<std::int64_t>(i)), 1e-7);
}

TEST(Events, GradientsMatchDifferences) {
  TimeSeries series = dosed({{0, 0, 1}, {0.5, 0, 3}, {2, 0, 1}, {2.5, 0, 2, 1}}, {0, 1, 2, 3, 4});
  series.covariate_names = {"weight", "sex"};
  series.trajectories[0].covariates = {1.5, -0.5};
  FitConfig config = dosed_config(series);
  config.model.memory = {1};
  config.model.hidden = {3};
  config.model.unmeasured_starts = series.state_names;
  series.trajectories[0].states.set(0, kNan);
  const Normalization units{.state_offset = {1},
                            .state_scale = {2},
                            .covariate_offset = {3, 0},
                            .covariate_scale = {1, 1},
                            .event_scale = {2},
                            .time_scale = 1.5};
  const SeriesModel model(config.model, series, units, 1);
  for (Parameter parameter : model.parameters())  // none may rest at 0, of which others' derivatives vanish
    for (std::size_t i = 0; i < parameter.numbers().size(); ++i)
      parameter.numbers()[i] += 0.1 * std::cos(static_cast<double>(i) + static_cast<double>(parameter.name().size()));
  const std::vector<Stretch> stretches = {{&series.trajectories[0], 0, 5, 5}};
  const WindowArrays arrays = window_arrays(model, stretches, 5);
  const Function loss = trace_list(window_arguments(model, arrays.shape()), [&](std::span<const Array> in) {
    return std::vector<Array>{solve_window(model, Loss::kMse, in).loss};
  });
  const auto run = [&](const Program& program) {
    return program.run(window_inputs(model, arrays, HostArray(Shape{1, 2})));
  };
  const Program plain = compile(loss);
  std::size_t checked = 0;
  for (std::size_t input = 0; input < loss.inputs().size(); ++input) {
    if (!loss.inputs()[input].parameter) continue;
    const Parameter parameter = *loss.inputs()[input].parameter;
    const std::size_t wrt[] = {input};
    const HostArray gradient = run(compile(value_and_grad(loss, wrt))).outputs[1];
    for (std::size_t i = 0; i < parameter.numbers().size(); ++i, ++checked) {
      const double before = parameter.numbers()[i], step = 1e-5;
      parameter.numbers()[i] = before + step;
      const double above = run(plain).outputs[0].at(0);
      parameter.numbers()[i] = before - step;
      const double below = run(plain).outputs[0].at(0);
      parameter.numbers()[i] = before;
      EXPECT_NEAR(gradient.at(static_cast<std::int64_t>(i)), (above - below) / (2 * step), 1e-5)
          << parameter.name() << " " << i;
    }
  }
  EXPECT_GT(checked, 20U);
}

TEST(Events, AFitFindsRateAndRise) {
  TimeSeries series;
  for (int i = 0; i < 4; ++i) {
    const double shift = 0.3 * i;
    std::vector<double> times;
    for (int k = 0; k < 12; ++k) times.push_back(k);
    const TimeSeries one = dosed({{1.5 + shift, 0, 2}, {4 + shift, 0, 3}, {6.2, 0, 4, 2}}, times, 1 + 0.2 * i);
    if (i == 0) series = one;
    if (i > 0) series.trajectories.push_back(one.trajectories[0]);
    series.trajectories.back().id = std::to_string(i);
  }
  FitConfig config = dosed_config(series);
  config.window = 12;
  config.epochs = 400;
  config.polish = 200;
  config.model.solve.rtol = 1e-7;
  config.model.solve.atol = 1e-9;
  const FitResult result = fit(series, config);
  ASSERT_TRUE(result.errors[0].relative.has_value());
  EXPECT_LT(*result.errors[0].relative, 1e-3);
  const auto states = result.model().predict({.start = {1}, .times = {0, 1, 2}, .events = {{1, 0, 5}}});
  EXPECT_NEAR(states[1][0], std::exp(-kRate), 2e-3);
  EXPECT_NEAR(states[2][0], 5 * std::exp(-kRate) + std::exp(-2 * kRate), 5e-3);
}

TEST(Events, AModelFileAndAForecastKeepThoseToCome) {
  TimeSeries series = dosed({{4, 0, 3}}, {0, 1, 2, 3, 4});
  SeriesModel model = compartment_model(series);
  model.set_last_states(
      {{.trajectory = "", .time = 4, .state = {1.5}, .events = events_from(series.trajectories[0].events, 4)}});
  const SeriesModel again = SeriesModel::from_file(model.to_file(), "a file");
  ForecastOptions options{.steps = 2};
  const HostArray alone = forecast(again, options).series.trajectories[0].states;
  EXPECT_NEAR(alone.at(1), 4.5 * std::exp(-kRate), 1e-7);
  options.drive = series;
  options.drive.trajectories[0].events = {{5.5, 0, 2}};
  const HostArray dosed_states = forecast(again, options).series.trajectories[0].states;
  EXPECT_EQ(dosed_states.at(1), alone.at(1));
  EXPECT_NEAR(dosed_states.at(2), alone.at(2) + 2 * std::exp(-0.5 * kRate), 1e-7);
  ArrayFile damaged = model.to_file();
  damaged.arrays.at("last.events") = HostArray::vector({1, 0, 4, 3, 0});
  EXPECT_ERROR(SeriesModel::from_file(damaged, "a file"), DataError,
               "'last.events' are none of its trajectories' events");
}

TEST(Events, AStartWithoutAValueIsLearnedFromCovariates) {
  TimeSeries series;
  for (int i = 0; i < 10; ++i) {
    const double weight = 1 + 0.1 * ((3 * i) % 10), level = 3 * weight;
    std::vector<double> times, states;
    for (int k = 0; k < 8; ++k) {
      times.push_back(k);
      states.push_back(k == 0 ? kNan : level * std::exp(-kRate * k));
    }
    Trajectory one = trajectory(times, states);
    one.id = std::to_string(i);
    one.covariates = {weight};
    if (i == 0) series = series_of({one});
    if (i > 0) series.trajectories.push_back(one);
  }
  series.covariate_names = {"weight"};
  FitConfig config = dosed_config(series);
  config.window = 8;
  config.epochs = 300;
  config.polish = 100;
  const FitResult result = fit(series, config);
  EXPECT_EQ(result.model().options().unmeasured_starts, series.state_names);
  EXPECT_LT(*result.errors[0].relative, 0.02);
  const auto states = result.model().predict({.start = {kNan}, .times = {0, 1}, .covariates = {1.5}});
  EXPECT_NEAR(states[0][0], 4.5, 0.1);
  EXPECT_NEAR(states[1][0], 4.5 * std::exp(-kRate), 0.1);
}

TEST(Events, WhatDoesNotFitIsRefused) {
  const TimeSeries series = dosed({{0.5, 0, 3}}, {0, 1, 2});
  const SeriesModel model = compartment_model(series);
  const auto predict = [&](const Event& event) { model.predict({.start = {1}, .times = {0, 1}, .events = {event}}); };
  EXPECT_ERROR(predict({0, 1, 1}), ShapeError, "1 kinds of events; got one of kind 1");
  EXPECT_ERROR(predict({0, 0, kNan}), DataError, "must be finite; got nan");
  EXPECT_ERROR(predict({0, 0, 1, -1}), DataError, "must last at least 0; got -1");
  TimeSeries wrong = series;
  wrong.trajectories[0].events = {{0.5, 0, kNan}};
  EXPECT_ERROR(check(wrong), DataError, "events 'dose' must have finite times and amounts; got nan at 0.5");
  wrong.trajectories[0].events = {{0.5, 0, 1}, {0.2, 0, 1}};
  EXPECT_ERROR(check(wrong), DataError, "0.5 is followed by 0.2");
  wrong.trajectories[0].events = {{0.5, 0, 1, -2}};
  EXPECT_ERROR(check(wrong), DataError, "a finite time of at least 0; got -2");
  wrong.trajectories[0].events = {{0.5, 3, 1}};
  EXPECT_ERROR(check(wrong), ShapeError, "got one of column 3");
  FitConfig delayed = dosed_config(series);
  delayed.model.delay = 1;
  EXPECT_ERROR(delayed.check(), InvalidArgument, "without --delay");
}

}  // namespace
}  // namespace costate
