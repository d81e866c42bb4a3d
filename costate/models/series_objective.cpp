#include "costate/models/series_objective.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/array/take_rows.h"
#include "costate/diff/diff.h"
#include "costate/train/losses.h"

namespace costate {
namespace {

/// Loss and number of cells of one window. Inputs: start, times, targets, masks and, if the system has inputs, u.
Function window_loss(const SeriesModel& model, const WindowArrays& arrays) {
  const std::int64_t n = arrays.times.shape()[1], d = arrays.starts.shape()[1], m = arrays.inputs.shape()[2];
  std::vector<ArgumentSpec> arguments = {{"start", {d}}, {"times", {n}}, {"targets", {n, d}}, {"masks", {n, d}}};
  if (m > 0) arguments.push_back({"u", {n, m}});
  const VectorField field = model.field(n);
  return trace_list(arguments, [&](std::span<const Array> in) {
    std::vector<Array> drive;
    if (m > 0) drive = {in[1], in[4]};
    const Array states = solve(field, in[0], in[1], model.config().solve_options(), drive);
    // A sample whose solve failed is NaN from there on: it counts no cells.
    const Array mask = in[3] * equal(states, states);
    return std::vector<Array>{loss_sum(model.config().loss, states, in[2], mask), sum(mask)};
  });
}

Program compile_gradients(const SeriesModel& model, const WindowArrays& arrays) {
  const Function loss = window_loss(model, arrays);
  std::vector<std::size_t> wanted = {0};
  for (std::size_t i = 0; i < loss.inputs().size(); ++i)
    if (loss.inputs()[i].parameter) wanted.push_back(i);
  return compile(value_and_grad(loss, wanted));
}

/// What is held out, with the samples before it from which its forecast starts: the last window of a single trajectory.
std::vector<Window> extend_back(const std::vector<Window>& held, const std::vector<Window>& windows) {
  std::vector<Window> extended;
  for (const Window& window : held) {
    const std::size_t before = window.first == 0 ? 0 : windows.back().count;
    extended.push_back({window.trajectory, window.first - before, window.count + before});
  }
  return extended;
}

std::size_t longest(const std::vector<std::size_t>& ends) { return *std::max_element(ends.begin(), ends.end()); }

std::size_t window_length(const FitConfig& config, const Split& split) {
  const std::size_t most = longest(split.train_ends);
  // Half a trajectory shows the dynamics and still trains where a whole one gets stuck; beyond 50 samples solves only
  // grow longer.
  const std::size_t chosen = std::clamp<std::size_t>(most / 2, 5, 50);
  return std::min(config.window == 0 ? chosen : static_cast<std::size_t>(config.window), most);
}

}  // namespace

SeriesObjective::SeriesObjective(const SeriesModel& model, const TimeSeries& series, const Split& split)
    : model_(model),
      split_(split),
      windows_(cut_windows(split.train_ends, window_length(model.config(), split))),
      held_windows_(extend_back(split.held, windows_)),
      arrays_(window_arrays(series, windows_, model.normalization())),
      held_(window_arrays(series, held_windows_, model.normalization())),
      starts_("starts", arrays_.starts),
      loss_and_gradients_(compile_gradients(model, arrays_)) {
  if (split.held.empty()) return;
  held_loss_ = compile(window_loss(model, held_));
  // Only what is held out counts; of whole trajectories not the first sample, which is given.
  const std::int64_t n = held_.times.shape()[1], d = held_.starts.shape()[1];
  for (std::size_t row = 0; row < held_windows_.size(); ++row) {
    const std::size_t given = std::max<std::size_t>(1, held_windows_[row].count - split.held[row].count);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(given) * d; ++i)
      held_.masks.set(static_cast<std::int64_t>(row) * n * d + i, 0);
  }
}

Objective SeriesObjective::objective() const {
  Objective objective{.parameters = model_.net().parameters(),
                      .num_samples = windows_.size(),
                      .evaluate = [this](std::span<const std::size_t> samples) { return evaluate(samples); }};
  objective.parameters.push_back(starts_);
  if (held_loss_) objective.validate = [this] { return validate(); };
  return objective;
}

std::vector<HostArray> SeriesObjective::inputs_of(const WindowArrays& arrays, const HostArray& starts) const {
  std::vector<HostArray> inputs = {starts, arrays.times, arrays.targets, arrays.masks};
  if (!model_.input_names().empty()) inputs.push_back(arrays.inputs);
  return inputs;
}

Evaluation SeriesObjective::evaluate(std::span<const std::size_t> samples) const {
  std::vector<HostArray> inputs;
  for (const HostArray& array : inputs_of(arrays_, starts_.value())) inputs.push_back(take_rows(array, samples));
  RunResult result = loss_and_gradients_.run(inputs);
  double cells = 0, loss = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    loss += result.outputs[0].at(static_cast<std::int64_t>(i));
    cells += result.outputs[1].at(static_cast<std::int64_t>(i));
  }
  // No cell: every solve failed. The loss is NaN then, and the step is skipped.
  Evaluation evaluation{.loss = loss / cells, .gradients = {}, .report = std::move(result.report)};
  for (std::size_t i = 3; i < result.outputs.size(); ++i) evaluation.gradients.push_back(std::move(result.outputs[i]));
  const HostArray& by_start = result.outputs[2];
  HostArray by_starts(starts_.shape());
  const std::int64_t d = starts_.shape()[1];
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::int64_t k = 0; k < d; ++k)
      by_starts.set(static_cast<std::int64_t>(samples[i]) * d + k, by_start.at(static_cast<std::int64_t>(i) * d + k));
  evaluation.gradients.push_back(std::move(by_starts));
  for (HostArray& gradient : evaluation.gradients)
    for (double& number : gradient.data<double>()) number /= cells;
  return evaluation;
}

double SeriesObjective::validate() const {
  HostArray starts = held_.starts;
  const std::int64_t d = starts.shape()[1];
  for (std::size_t row = 0; row < held_windows_.size(); ++row)
    if (split_.held[row].first > 0)  // the forecast goes on from the last window
      for (std::int64_t k = 0; k < d; ++k)
        starts.set(static_cast<std::int64_t>(row) * d + k, starts_.value().at((arrays_.count() - 1) * d + k));
  const RunResult result = held_loss_->run(inputs_of(held_, starts));
  if (!result.report.failures.empty()) return std::numeric_limits<double>::quiet_NaN();
  double loss = 0, cells = 0;
  for (std::int64_t row = 0; row < held_.count(); ++row) {
    loss += result.outputs[0].at(row);
    cells += result.outputs[1].at(row);
  }
  return loss / cells;
}

std::vector<double> SeriesObjective::start_of(std::size_t window) const {
  const Normalization& units = model_.normalization();
  std::vector<double> state;
  for (std::size_t k = 0; k < units.state_offset.size(); ++k)
    state.push_back(units.state_offset[k] + units.state_scale[k] * starts_.value().at(static_cast<std::int64_t>(
                                                                       window * units.state_offset.size() + k)));
  return state;
}

std::vector<SeriesObjective::Forecast> SeriesObjective::forecasts() const {
  const Normalization& units = model_.normalization();
  std::vector<Forecast> forecasts;
  for (std::size_t row = 0; row < held_windows_.size(); ++row) {
    Forecast forecast{.samples = held_windows_[row], .held = split_.held[row].count, .start = {}};
    if (split_.held[row].first > 0) {
      forecast.start = start_of(windows_.size() - 1);
    } else {
      forecast.held = forecast.held - 1;
      for (std::size_t k = 0; k < units.state_offset.size(); ++k)
        forecast.start.push_back(units.state_offset[k] +
                                 units.state_scale[k] *
                                     held_.starts.at(static_cast<std::int64_t>(row * units.state_offset.size() + k)));
    }
    forecasts.push_back(std::move(forecast));
  }
  return forecasts;
}

}  // namespace costate
