#include "costate/series/internal/series_objective.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "costate/array/take_rows.h"
#include "costate/diff/diff.h"
#include "costate/series/internal/start_estimate.h"
#include "costate/series/internal/window_loss.h"

namespace costate {
namespace {

/// Which inputs of a function of windows are trained: the shifts, then the Parameters in the model's order.
std::vector<std::size_t> shifts_and_parameters(const Function& function, const SeriesModel& model) {
  std::vector<std::size_t> wanted = {0};
  const std::vector<Input>& inputs = function.inputs();
  for (const Parameter& parameter : model.parameters()) {
    const auto found = std::ranges::find_if(
        inputs, [&](const Input& input) { return input.parameter && *input.parameter == parameter; });
    wanted.push_back(static_cast<std::size_t>(found - inputs.begin()));
  }
  return wanted;
}

/// The root of the sum of all squares.
double size_of(std::span<const HostArray> arrays) {
  double squares = 0;
  for (const HostArray& array : arrays)
    for (std::int64_t i = 0; i < array.size(); ++i) squares += array.at(i) * array.at(i);
  return std::sqrt(squares);
}

Program compile_gradients(const SeriesModel& model, const ObjectiveOptions& options, const WindowShape& shape) {
  const Function loss = trace_list(window_arguments(model, shape), [&](std::span<const Array> in) {
    const WindowOutputs outputs = solve_window(model, options.loss, in);
    return std::vector<Array>{outputs.loss, outputs.cells};
  });
  return compile(value_and_grad(loss, shifts_and_parameters(loss, model)), {.device = options.device});
}

Program compile_starts(const SeriesModel& model, const WindowShape& shape) {
  return compile(trace_list(window_arguments(model, shape), [&](std::span<const Array> in) {
    return std::vector<Array>{window_start(model, window_parts(model, in))};
  }));
}

std::vector<Window> training_windows(const SeriesModel& model, const TimeSeries& series) {
  std::vector<Window> stretches;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    const Window whole{i, 0, series.trajectories[i].times.size()};
    const auto more = between_gaps(series, whole, model.normalization().time_scale);
    stretches.insert(stretches.end(), more.begin(), more.end());
  }
  return cut_windows(stretches, static_cast<std::size_t>(model.options().context));
}

WindowArrays arrays_of(const SeriesModel& model, const TimeSeries& series, const std::vector<Window>& windows) {
  std::vector<Stretch> stretches;
  for (const Window& window : windows) stretches.push_back(stretch_of(series, window));
  return window_arrays(model, stretches, longest(windows));
}

}  // namespace

SeriesObjective::SeriesObjective(const SeriesModel& model, const TimeSeries& series, const ObjectiveOptions& options)
    : SeriesObjective(model, series, options, training_windows(model, series)) {}

SeriesObjective::SeriesObjective(const SeriesModel& model, const TimeSeries& series, const ObjectiveOptions& options,
                                 std::vector<Window> windows)
    : model_(model),
      num_windows_(windows.size()),
      windows_(spread(std::move(windows), static_cast<std::size_t>(options.max_windows), options.seed)),
      arrays_(arrays_of(model, series, windows_)),
      shifts_("shifts", HostArray(Shape{arrays_.count(), static_cast<std::int64_t>(model.num_states())})),
      loss_and_gradients_(compile_gradients(model, options, arrays_.shape())),
      start_states_(compile_starts(model, arrays_.shape())) {}

Objective SeriesObjective::objective() const {
  Objective objective{.parameters = model_.parameters(),
                      .num_samples = windows_.size(),
                      .evaluate = [this](const Batch& batch) { return evaluate(batch.samples); }};
  objective.parameters.push_back(shifts_);
  return objective;
}

void SeriesObjective::estimate_starts() { shifts_.set_value(StartEstimator(model_).estimate(arrays_)); }

Evaluation SeriesObjective::evaluate(std::span<const std::size_t> samples) const {
  RunResult result = loss_and_gradients_.run(
      window_inputs(model_, take_windows(arrays_, samples), take_rows(shifts_.value(), samples)));
  double cells = 0, loss = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    loss += result.outputs[0].at(static_cast<std::int64_t>(i));
    cells += result.outputs[1].at(static_cast<std::int64_t>(i));
  }
  // No cell: every solve failed. The loss is NaN then, and the step is skipped.
  Evaluation evaluation{.loss = loss / cells, .report = std::move(result.report)};
  for (std::size_t i = 3; i < result.outputs.size(); ++i) evaluation.gradients.push_back(std::move(result.outputs[i]));
  const HostArray& by_shift = result.outputs[2];
  HostArray by_shifts(shifts_.shape());
  const std::int64_t d = shifts_.shape()[1];
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::int64_t k = 0; k < d; ++k)
      by_shifts.set(static_cast<std::int64_t>(samples[i]) * d + k, by_shift.at(static_cast<std::int64_t>(i) * d + k));
  evaluation.gradients.push_back(std::move(by_shifts));
  for (HostArray& gradient : evaluation.gradients)
    for (double& number : gradient.data<double>()) number /= cells;
  return evaluation;
}

double SeriesObjective::gradient_error() const {
  constexpr std::size_t kMostWindows = 8;
  constexpr std::uint64_t kSeed = 0x6572726f72;
  std::vector<std::size_t> rows(windows_.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  rows = spread(std::move(rows), kMostWindows, kSeed);
  WindowArrays windows = take_windows(arrays_, rows);
  const Random random(kSeed);
  for (std::int64_t i = 0; i < windows.targets.size(); ++i)  // now cotangents of the states
    windows.targets.set(i, random.uniform(0, static_cast<std::uint64_t>(i), -1, 1));
  const auto arguments = window_arguments(model_, arrays_.shape());
  const Function projected = trace_list(arguments, [&](std::span<const Array> in) {
    const Array states = solve_window(model_, Loss::kMse, in).states;
    return std::vector<Array>{sum(measured_part(model_, states) * in[3])};
  });
  const std::vector<std::size_t> wrt = shifts_and_parameters(projected, model_);
  const RunResult result = compile(value_and_grad(projected, wrt, {.gradient_error = true}))
                               .run(window_inputs(model_, windows, take_rows(shifts_.value(), rows)));
  const std::span gradients(result.outputs.begin() + 1, wrt.size()), errors(gradients.end(), wrt.size());
  return std::max(size_of(errors.first(1)) / size_of(gradients.first(1)),
                  size_of(errors.subspan(1)) / size_of(gradients.subspan(1)));
}

std::vector<std::vector<double>> SeriesObjective::starts() const {
  const HostArray z = start_states_.run(window_inputs(model_, arrays_, shifts_.value())).outputs[0];
  std::vector<std::vector<double>> states;
  for (std::int64_t i = 0; i < arrays_.count(); ++i) states.push_back(model_.in_data_units(z.row(i)));
  return states;
}

}  // namespace costate
