#include "costate/series/series_objective.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "costate/array/take_rows.h"
#include "costate/diff/diff.h"
#include "costate/series/window_loss.h"

namespace costate {
namespace {

/// Which inputs of a function of windows are trained.
std::vector<std::size_t> starts_and_parameters(const Function& function) {
  std::vector<std::size_t> wanted = {0};
  for (std::size_t i = 0; i < function.inputs().size(); ++i)
    if (function.inputs()[i].parameter) wanted.push_back(i);
  return wanted;
}

/// The root of the sum of all squares.
double size_of(std::span<const HostArray> arrays) {
  double squares = 0;
  for (const HostArray& array : arrays)
    for (std::int64_t i = 0; i < array.size(); ++i) squares += array.at(i) * array.at(i);
  return std::sqrt(squares);
}

Program compile_gradients(const SeriesModel& model, const WindowArrays& arrays) {
  const Function loss = trace_list(window_arguments(arrays), [&](std::span<const Array> in) {
    const WindowOutputs outputs = solve_window(model, in);
    return std::vector<Array>{outputs.loss, outputs.cells};
  });
  return compile(value_and_grad(loss, starts_and_parameters(loss)));
}

std::vector<Window> training_windows(const SeriesModel& model, const TimeSeries& series, const Split& split) {
  std::vector<Window> stretches;
  for (std::size_t i = 0; i < split.train_ends.size(); ++i) {
    if (split.train_ends[i] == 0) continue;
    const auto more = between_gaps(series, {i, 0, split.train_ends[i]}, model.normalization().time_scale);
    stretches.insert(stretches.end(), more.begin(), more.end());
  }
  const std::size_t most = longest(stretches);
  // Half a trajectory shows the dynamics and still trains where a whole one gets stuck; beyond 50 samples solves only
  // grow longer.
  const std::size_t chosen = std::clamp<std::size_t>(most / 2, 5, 50);
  const auto wanted = static_cast<std::size_t>(model.config().window);
  return cut_windows(stretches, std::min(wanted == 0 ? chosen : wanted, most));
}

}  // namespace

SeriesObjective::SeriesObjective(const SeriesModel& model, const TimeSeries& series, const Split& split)
    : SeriesObjective(model, series, split, training_windows(model, series, split)) {}

SeriesObjective::SeriesObjective(const SeriesModel& model, const TimeSeries& series, const Split& split,
                                 std::vector<Window> windows)
    : model_(model),
      num_windows_(windows.size()),
      windows_(spread(std::move(windows), static_cast<std::size_t>(model.config().max_windows), model.config().seed)),
      arrays_(window_arrays(series, windows_, model.normalization(), longest(windows_))),
      starts_("starts", arrays_.starts),
      loss_and_gradients_(compile_gradients(model, arrays_)) {
  if (!split.held.empty()) held_.emplace(model, series, split, windows_.back());
}

Objective SeriesObjective::objective() const {
  Objective objective{.parameters = model_.net().parameters(),
                      .num_samples = windows_.size(),
                      .evaluate = [this](std::span<const std::size_t> samples) { return evaluate(samples); }};
  objective.parameters.push_back(starts_);
  if (held_) objective.validate = [this] { return held_->loss(last_start()); };
  return objective;
}

Evaluation SeriesObjective::evaluate(std::span<const std::size_t> samples) const {
  RunResult result =
      loss_and_gradients_.run(window_inputs(take_windows(arrays_, samples), take_rows(starts_.value(), samples)));
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
  const Function projected = trace_list(window_arguments(arrays_), [&](std::span<const Array> in) {
    return std::vector<Array>{sum(solve_window(model_, in).states * in[2])};
  });
  const std::vector<std::size_t> wrt = starts_and_parameters(projected);
  const RunResult result = compile(value_and_grad(projected, wrt, {.gradient_error = true}))
                               .run(window_inputs(std::move(windows), take_rows(starts_.value(), rows)));
  const std::span gradients(result.outputs.begin() + 1, wrt.size()), errors(gradients.end(), wrt.size());
  return std::max(size_of(errors.first(1)) / size_of(gradients.first(1)),
                  size_of(errors.subspan(1)) / size_of(gradients.subspan(1)));
}

std::span<const double> SeriesObjective::last_start() const {
  const auto d = static_cast<std::size_t>(starts_.shape()[1]);
  return starts_.value().data<double>().last(d);
}

std::vector<double> SeriesObjective::start_of(std::size_t window) const {
  const Normalization& units = model_.normalization();
  std::vector<double> state;
  for (std::size_t k = 0; k < units.state_offset.size(); ++k)
    state.push_back(units.state_offset[k] + units.state_scale[k] * starts_.value().at(static_cast<std::int64_t>(
                                                                       window * units.state_offset.size() + k)));
  return state;
}

std::vector<StatePath> SeriesObjective::predict_held() const { return held_->predict(last_start()); }

}  // namespace costate
