#include "costate/series/window_arrays.h"

#include <algorithm>
#include <cmath>

#include "costate/array/take_rows.h"

namespace costate {
namespace {

/// A state at the first sample: missing, it lies between the nearest known ones of the stretch.
double filled_cell(const Stretch& stretch, std::int64_t column, double mean) {
  const Trajectory& trajectory = *stretch.trajectory;
  const auto first = static_cast<std::int64_t>(stretch.first), end = first + static_cast<std::int64_t>(stretch.known);
  const auto cell = [&](std::int64_t i) { return trajectory.states.at(i * trajectory.states.shape()[1] + column); };
  std::int64_t after = first;
  while (after < end && std::isnan(cell(after))) ++after;
  return after < end ? cell(after) : mean;
}

void write_row(const SeriesModel& model, const Stretch& stretch, std::int64_t row, WindowArrays& arrays) {
  const Normalization& units = model.normalization();
  const Trajectory& trajectory = *stretch.trajectory;
  const std::int64_t w = arrays.times.shape()[1], d = arrays.starts.shape()[1], m = arrays.inputs.shape()[2];
  for (std::int64_t k = 0; k < d; ++k) {
    const auto column = static_cast<std::size_t>(k);
    const double mean = units.state_offset[column];
    arrays.starts.set(row * d + k, (filled_cell(stretch, k, mean) - mean) / units.state_scale[column]);
  }
  for (std::int64_t i = 0; i < w; ++i) {
    const std::size_t place = std::min(static_cast<std::size_t>(i), stretch.count - 1), sample = stretch.first + place;
    arrays.times.set(row * w + i, (trajectory.times[sample] - trajectory.times[stretch.first]) / units.time_scale);
    for (std::int64_t k = 0; k < d && static_cast<std::size_t>(i) < stretch.known; ++k) {
      const auto column = static_cast<std::size_t>(k);
      const double cell = trajectory.states.at(static_cast<std::int64_t>(sample) * d + k);
      if (std::isnan(cell)) continue;
      arrays.targets.set((row * w + i) * d + k, (cell - units.state_offset[column]) / units.state_scale[column]);
      // The squares of several measurements differ from as many of their mean by a constant.
      const bool is_repeated = trajectory.repeats.size() > 0;
      arrays.masks.set((row * w + i) * d + k,
                       is_repeated ? trajectory.repeats.at(static_cast<std::int64_t>(sample) * d + k) : 1);
    }
    const bool is_ahead = stretch.inputs_ahead != nullptr && place >= stretch.known;
    const HostArray& inputs = is_ahead ? *stretch.inputs_ahead : trajectory.inputs;
    const auto input_row = static_cast<std::int64_t>(is_ahead ? place - stretch.known : sample);
    for (std::int64_t k = 0; k < m; ++k) {
      const auto column = static_cast<std::size_t>(k);
      arrays.inputs.set((row * w + i) * m + k,
                        (inputs.at(input_row * m + k) - units.input_offset[column]) / units.input_scale[column]);
    }
  }
  const std::int64_t c = arrays.covariates.shape()[1], clocks = arrays.phases.shape()[1];
  for (std::int64_t k = 0; k < c; ++k) {
    const auto column = static_cast<std::size_t>(k);
    arrays.covariates.set(
        row * c + k, (trajectory.covariates[column] - units.covariate_offset[column]) / units.covariate_scale[column]);
  }
  const std::vector<double> phases = model.phases(trajectory.times[stretch.first]);
  for (std::int64_t k = 0; k < clocks; ++k) arrays.phases.set(row * clocks + k, phases[static_cast<std::size_t>(k)]);
}

}  // namespace

Stretch stretch_of(const TimeSeries& series, const Window& window) {
  return {&series.trajectories[window.trajectory], window.first, window.count, window.count};
}

WindowArrays window_arrays(const SeriesModel& model, std::span<const Stretch> stretches, std::size_t length) {
  const auto size = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  const std::int64_t n = size(stretches), w = static_cast<std::int64_t>(length), d = size(model.state_names());
  WindowArrays arrays{.starts = HostArray(Shape{n, d}),
                      .times = HostArray(Shape{n, w}),
                      .targets = HostArray(Shape{n, w, d}),
                      .masks = HostArray(Shape{n, w, d}),
                      .inputs = HostArray(Shape{n, w, size(model.input_names())}),
                      .covariates = HostArray(Shape{n, size(model.covariate_names())}),
                      .phases = HostArray(Shape{n, size(model.options().periods)})};
  for (std::int64_t row = 0; row < n; ++row) write_row(model, stretches[static_cast<std::size_t>(row)], row, arrays);
  return arrays;
}

WindowArrays take_windows(const WindowArrays& arrays, std::span<const std::size_t> rows) {
  return {.starts = take_rows(arrays.starts, rows),
          .times = take_rows(arrays.times, rows),
          .targets = take_rows(arrays.targets, rows),
          .masks = take_rows(arrays.masks, rows),
          .inputs = take_rows(arrays.inputs, rows),
          .covariates = take_rows(arrays.covariates, rows),
          .phases = take_rows(arrays.phases, rows)};
}

std::vector<ArgumentSpec> window_arguments(const SeriesModel& model, std::int64_t length) {
  const auto size = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  const std::int64_t d = size(model.state_names()), m = size(model.input_names());
  std::vector<ArgumentSpec> arguments = {{"shift", {static_cast<std::int64_t>(model.num_states())}},
                                         {"start", {d}},
                                         {"times", {length}},
                                         {"targets", {length, d}},
                                         {"masks", {length, d}}};
  if (m > 0) arguments.push_back({"u", {length, m}});
  if (!model.covariate_names().empty()) arguments.push_back({"c", {size(model.covariate_names())}});
  if (!model.options().periods.empty()) arguments.push_back({"phases", {size(model.options().periods)}});
  return arguments;
}

std::vector<HostArray> window_inputs(const WindowArrays& arrays, HostArray shifts) {
  std::vector<HostArray> inputs = {std::move(shifts), arrays.starts, arrays.times, arrays.targets, arrays.masks};
  if (arrays.inputs.shape()[2] > 0) inputs.push_back(arrays.inputs);
  if (arrays.covariates.shape()[1] > 0) inputs.push_back(arrays.covariates);
  if (arrays.phases.shape()[1] > 0) inputs.push_back(arrays.phases);
  return inputs;
}

}  // namespace costate
