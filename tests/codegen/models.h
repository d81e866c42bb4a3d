// Models of every form, and what drives them.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "costate/series/series.h"
#include "tests/series/series.h"

namespace costate::test {

inline constexpr std::int64_t kRows = 40;

/// Two states over 40 samples, driven by one input, with a covariate and two doses.
inline TimeSeries driven() {
  std::vector<double> times, states, inputs;
  for (std::int64_t i = 0; i < kRows; ++i) {
    const double t = 3 + 0.25 * static_cast<double>(i);
    times.push_back(t);
    states.insert(states.end(), {std::sin(t), 20 + 5 * std::cos(0.7 * t)});
    inputs.push_back(std::cos(3 * t) + (i % 7 == 0 ? 1 : 0));
  }
  TimeSeries series = series_of({trajectory(times, states, inputs)});
  series.covariate_names = {"weight"};
  series.trajectories[0].covariates = {70};
  series.event_names = {"dose"};
  series.trajectories[0].events = {{4, 0, 2, 0}, {5.1, 0, 3, 1.5}};
  return series;
}

struct Form {
  bool has_inputs = false, has_covariates = false, has_events = false;
  std::vector<double> periods = {};
  std::int64_t hidden_states = 0;
  Interpolation interpolation = Interpolation::kLinear;
  Method method = Method::kDopri5;
  Activation activation = Activation::kTanh;
  std::vector<std::string> unmeasured = {};
};

/// A model of such a form whose numbers are all drawn: nothing in it is 0.
inline SeriesModel model_of(const Form& form, TimeSeries series = driven()) {
  if (!form.has_inputs) {
    series.input_names.clear();
    series.trajectories[0].inputs = HostArray(Shape{series.trajectories[0].states.shape()[0], 0});
  }
  if (!form.has_covariates) series.covariate_names.clear(), series.trajectories[0].covariates.clear();
  if (!form.has_events) series.event_names.clear(), series.trajectories[0].events.clear();
  FitConfig config = config_of(series);
  SeriesModelOptions options = config.model;
  options.columns.covariates = series.covariate_names;
  options.columns.events = series.event_names;
  options.hidden = {12, 12};
  options.memory = {form.hidden_states};
  options.periods = form.periods;
  options.interpolation = form.interpolation;
  options.activation = form.activation;
  options.unmeasured_starts = form.unmeasured;
  options.solve.method = form.method;
  Normalization units = measure(series);
  if (form.has_covariates) units.covariate_offset = {60}, units.covariate_scale = {12};
  SeriesModel model(options, series, units, 0);
  std::mt19937_64 random(11);
  std::normal_distribution<double> draw(0, 0.4);
  for (Parameter parameter : model.parameters())
    for (double& number : parameter.numbers()) number = draw(random);
  return model;
}

inline SeriesModel::Query query_of(const Form& form) {
  const TimeSeries series = driven();
  SeriesModel::Query query{.start = {0.4, 21}, .times = {3.1, 3.15, 4, 4.9, 5.2, 7, 7, 9.5}};
  if (form.has_inputs) {
    query.input_times = series.trajectories[0].times;
    query.inputs = series.trajectories[0].inputs;
  }
  if (form.has_covariates) query.covariates = {80};
  if (form.has_events) query.events = {{2, 0, 1, 0}, {3.1, 0, 1, 0}, {4, 0, 2, 0}, {5.1, 0, 3, 1.5}, {8.9, 0, -1, 4}};
  return query;
}

}  // namespace costate::test
