#include "costate/models/series_objective.h"

#include <algorithm>

#include "costate/array/take_rows.h"
#include "costate/diff/diff.h"
#include "costate/models/window_loss.h"

namespace costate {
namespace {

Program compile_gradients(const SeriesModel& model, const WindowArrays& arrays) {
  const Function loss = trace_list(window_arguments(arrays), [&](std::span<const Array> in) {
    const WindowOutputs outputs = solve_window(model, in);
    return std::vector<Array>{outputs.loss, outputs.cells};
  });
  std::vector<std::size_t> wanted = {0};
  for (std::size_t i = 0; i < loss.inputs().size(); ++i)
    if (loss.inputs()[i].parameter) wanted.push_back(i);
  return compile(value_and_grad(loss, wanted));
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
