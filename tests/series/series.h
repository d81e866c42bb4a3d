// Small time series, and fits of them that are quick.
#pragma once

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "costate/series/fit_config.h"

namespace costate {

inline const double kNan = std::numeric_limits<double>::quiet_NaN();

inline Trajectory trajectory(std::vector<double> times, std::vector<double> states, std::vector<double> inputs = {}) {
  const auto n = static_cast<std::int64_t>(times.size());
  const auto width = [&](const std::vector<double>& numbers) { return static_cast<std::int64_t>(numbers.size()) / n; };
  return {.id = "",
          .times = std::move(times),
          .states = HostArray(Shape{n, width(states)}, states),
          .inputs = HostArray(Shape{n, width(inputs)}, inputs)};
}

inline TimeSeries series_of(std::vector<Trajectory> trajectories) {
  TimeSeries series{.time_name = "t",
                    .time_scale = {},
                    .state_names = {},
                    .input_names = {},
                    .trajectories = std::move(trajectories)};
  for (std::int64_t k = 0; k < series.trajectories[0].states.shape()[1]; ++k)
    series.state_names.push_back(text::concat("z", k));
  for (std::int64_t k = 0; k < series.trajectories[0].inputs.shape()[1]; ++k)
    series.input_names.push_back(text::concat("u", k));
  return series;
}

inline FitConfig config_of(const TimeSeries& series) {
  FitConfig config;
  config.model.columns = {.time = "t", .states = series.state_names, .inputs = series.input_names};
  config.model.hidden = {8};
  config.model.memory = {0};
  config.clock = {"none"};
  config.epochs = 20;
  config.polish = 5;
  return config;
}

inline TimeSeries decay(std::size_t samples, double rate = 1) {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < samples; ++i) {
    times.push_back(0.1 * static_cast<double>(i));
    states.push_back(std::exp(-rate * times.back()));
  }
  return series_of({trajectory(times, states)});
}

}  // namespace costate
