#include "costate/series/internal/window_arrays.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "costate/array/take_rows.h"
#include "costate/series/internal/event_path.h"

namespace costate {
namespace {

/// The limit that a state is known by at a sample, and its side (WindowArrays::sides); 0 for none.
struct Limit {
  double value = 0, side = 0;
};

Limit limit_at(const Trajectory& trajectory, std::int64_t place) {
  if (trajectory.below.size() > 0 && !std::isnan(trajectory.below.at(place))) return {trajectory.below.at(place), -1};
  if (trajectory.above.size() > 0 && !std::isnan(trajectory.above.at(place))) return {trajectory.above.at(place), 1};
  return {};
}

bool has_limits(const Stretch& stretch) {
  return stretch.trajectory->below.size() + stretch.trajectory->above.size() > 0;
}

/// A state at the first sample: a limit, if it is known by that alone; missing, it is the next known one of the
/// stretch.
double filled_cell(const Stretch& stretch, std::int64_t column, double mean) {
  const Trajectory& trajectory = *stretch.trajectory;
  const Limit limit =
      limit_at(trajectory, static_cast<std::int64_t>(stretch.first) * trajectory.states.shape()[1] + column);
  if (limit.side != 0) return limit.value;
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
    if (stretch.first == 0 && std::isnan(trajectory.states.at(k)) && limit_at(trajectory, k).side == 0 &&
        model.may_be_unmeasured(column)) {
      arrays.unmeasured.set(row * d + k, 1);
      continue;
    }
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

/// Limits become targets, which stay outside of the masks.
void write_limits(const SeriesModel& model, const Stretch& stretch, std::int64_t row, WindowArrays& arrays) {
  const Normalization& units = model.normalization();
  const std::int64_t w = arrays.times.shape()[1], d = arrays.starts.shape()[1];
  const auto known = std::min(static_cast<std::int64_t>(stretch.known), w);
  for (std::int64_t i = 0; i < known * d; ++i) {
    const auto column = static_cast<std::size_t>(i % d);
    const Limit limit = limit_at(*stretch.trajectory, static_cast<std::int64_t>(stretch.first) * d + i);
    if (limit.side == 0) continue;
    arrays.sides.set(row * w * d + i, limit.side);
    arrays.targets.set(row * w * d + i, (limit.value - units.state_offset[column]) / units.state_scale[column]);
  }
}

/// The times of a stretch in the data's units, `length` of them.
std::vector<double> times_of(const Stretch& stretch, std::size_t length) {
  const auto first = stretch.trajectory->times.begin() + static_cast<std::ptrdiff_t>(stretch.first);
  std::vector<double> times(first, first + static_cast<std::ptrdiff_t>(stretch.count));
  times.resize(length, times.back());
  return times;
}

void write_events(const SeriesModel& model, std::span<const Stretch> stretches, WindowArrays& arrays) {
  const std::int64_t n = std::ssize(stretches), length = arrays.times.shape()[1], e = std::ssize(model.event_names());
  std::vector<EventPath> paths;
  std::size_t most = 1;
  for (const Stretch& stretch : stretches) {
    const std::vector<double> times = times_of(stretch, stretch.count);
    paths.push_back(event_path(stretch.trajectory->events, model.normalization(), times.front(), times.back()));
    most = std::max(most, paths.back().times.size());
  }
  const auto k = static_cast<std::int64_t>(std::bit_ceil(most));  // few shapes to compile for
  arrays.event_times = HostArray(Shape{n, k});
  arrays.amounts = arrays.rates = HostArray(Shape{n, k, e});
  arrays.before = HostArray(Shape{n, length, e});
  for (std::int64_t row = 0; row < n; ++row) {
    const Stretch& stretch = stretches[static_cast<std::size_t>(row)];
    const EventPath& path = paths[static_cast<std::size_t>(row)];
    for (std::int64_t i = 0; i < k * e; ++i) {
      const std::int64_t at = std::min(i / e, std::ssize(path.times) - 1);
      arrays.event_times.set(row * k + i / e, path.times[static_cast<std::size_t>(at)]);
      arrays.amounts.set(row * k * e + i, path.amounts[static_cast<std::size_t>(at * e + i % e)]);
      arrays.rates.set(row * k * e + i, path.rates[static_cast<std::size_t>(at * e + i % e)]);
    }
    const std::vector<double> times = times_of(stretch, static_cast<std::size_t>(length));
    const std::vector<double> before =
        amounts_before(stretch.trajectory->events, model.normalization(), times.front(), times);
    for (std::int64_t i = 0; i < length * e; ++i)
      arrays.before.set(row * length * e + i, before[static_cast<std::size_t>(i)]);
  }
}

}  // namespace

Stretch stretch_of(const TimeSeries& series, const Window& window) {
  return {&series.trajectories[window.trajectory], window.first, window.count, window.count};
}

WindowArrays window_arrays(const SeriesModel& model, std::span<const Stretch> stretches, std::size_t length) {
  const std::int64_t n = std::ssize(stretches), w = static_cast<std::int64_t>(length),
                     d = std::ssize(model.state_names());
  WindowArrays arrays{.starts = HostArray(Shape{n, d}),
                      .times = HostArray(Shape{n, w}),
                      .targets = HostArray(Shape{n, w, d}),
                      .masks = HostArray(Shape{n, w, d}),
                      .inputs = HostArray(Shape{n, w, std::ssize(model.input_names())}),
                      .covariates = HostArray(Shape{n, std::ssize(model.covariate_names())}),
                      .phases = HostArray(Shape{n, std::ssize(model.options().periods)}),
                      .unmeasured = HostArray(Shape{n, d}),
                      .event_times = HostArray(Shape{n, 0}),
                      .amounts = {},
                      .rates = {},
                      .before = {},
                      .sides = HostArray(Shape{n, 0, d})};
  for (std::int64_t row = 0; row < n; ++row) write_row(model, stretches[static_cast<std::size_t>(row)], row, arrays);
  if (model.has_events()) write_events(model, stretches, arrays);
  if (std::ranges::any_of(stretches, has_limits)) {
    arrays.sides = HostArray(Shape{n, w, d});
    for (std::int64_t row = 0; row < n; ++row)
      if (has_limits(stretches[static_cast<std::size_t>(row)]))
        write_limits(model, stretches[static_cast<std::size_t>(row)], row, arrays);
  }
  return arrays;
}

WindowArrays take_windows(const WindowArrays& arrays, std::span<const std::size_t> rows) {
  const bool has_events = arrays.amounts.size() > 0;
  const auto of_events = [&](const HostArray& array) { return has_events ? take_rows(array, rows) : HostArray(); };
  return {.starts = take_rows(arrays.starts, rows),
          .times = take_rows(arrays.times, rows),
          .targets = take_rows(arrays.targets, rows),
          .masks = take_rows(arrays.masks, rows),
          .inputs = take_rows(arrays.inputs, rows),
          .covariates = take_rows(arrays.covariates, rows),
          .phases = take_rows(arrays.phases, rows),
          .unmeasured = take_rows(arrays.unmeasured, rows),
          .event_times = take_rows(arrays.event_times, rows),
          .amounts = of_events(arrays.amounts),
          .rates = of_events(arrays.rates),
          .before = of_events(arrays.before),
          .sides = take_rows(arrays.sides, rows)};
}

std::vector<ArgumentSpec> window_arguments(const SeriesModel& model, const WindowShape& shape) {
  const std::int64_t d = std::ssize(model.state_names()), m = std::ssize(model.input_names()),
                     e = std::ssize(model.event_names());
  const std::int64_t length = shape.times, k = shape.event_times;
  std::vector<ArgumentSpec> arguments = {{"shift", {static_cast<std::int64_t>(model.num_states())}},
                                         {"start", {d}},
                                         {"times", {length}},
                                         {"targets", {length, d}},
                                         {"masks", {length, d}}};
  if (model.knows_unmeasured_starts()) arguments.push_back({"unmeasured", {d}});
  if (m > 0) arguments.push_back({"u", {length, m}});
  if (e > 0) {
    arguments.push_back({"e_times", {k}});
    arguments.push_back({"e_amounts", {k, e}});
    arguments.push_back({"e_rates", {k, e}});
    arguments.push_back({"e_before", {length, e}});
  }
  if (!model.covariate_names().empty()) arguments.push_back({"c", {std::ssize(model.covariate_names())}});
  if (!model.options().periods.empty()) arguments.push_back({"phases", {std::ssize(model.options().periods)}});
  if (shape.has_limits) arguments.push_back({"sides", {length, d}});
  return arguments;
}

WindowParts window_parts(const SeriesModel& model, std::span<const Array> arguments) {
  std::size_t next = 0;
  const auto take = [&](bool is_there) { return is_there ? arguments[next++] : Array(); };
  WindowParts parts;
  for (Array* part : {&parts.shift, &parts.start, &parts.times, &parts.targets, &parts.masks}) *part = take(true);
  parts.unmeasured = take(model.knows_unmeasured_starts());
  parts.inputs = take(!model.input_names().empty());
  for (Array* part : {&parts.event_times, &parts.amounts, &parts.rates, &parts.before})
    *part = take(model.has_events());
  parts.covariates = take(!model.covariate_names().empty());
  parts.phases = take(!model.options().periods.empty());
  parts.sides = take(next < arguments.size());
  return parts;
}

std::vector<HostArray> window_inputs(const SeriesModel& model, const WindowArrays& arrays, HostArray shifts) {
  std::vector<HostArray> inputs = {std::move(shifts), arrays.starts, arrays.times, arrays.targets, arrays.masks};
  if (model.knows_unmeasured_starts()) inputs.push_back(arrays.unmeasured);
  if (arrays.inputs.shape()[2] > 0) inputs.push_back(arrays.inputs);
  if (model.has_events())
    for (const HostArray* array : {&arrays.event_times, &arrays.amounts, &arrays.rates, &arrays.before})
      inputs.push_back(*array);
  if (arrays.covariates.shape()[1] > 0) inputs.push_back(arrays.covariates);
  if (arrays.phases.shape()[1] > 0) inputs.push_back(arrays.phases);
  if (arrays.sides.size() > 0) inputs.push_back(arrays.sides);
  return inputs;
}

RunResult WindowProgram::run(const WindowArrays& arrays, HostArray shifts) const {
  return program_for(arrays.shape()).run(window_inputs(model_, arrays, std::move(shifts)));
}

Program WindowProgram::program_for(const WindowShape& shape) const {
  const std::lock_guard lock(mutex_);
  const auto found = programs_.find(shape);
  return found != programs_.end() ? found->second : programs_.emplace(shape, compile(trace_(shape))).first->second;
}

}  // namespace costate
