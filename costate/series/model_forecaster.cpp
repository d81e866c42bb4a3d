#include "costate/series/model_forecaster.h"

#include <algorithm>
#include <utility>

#include "costate/series/window_loss.h"

namespace costate {
namespace {

constexpr std::size_t kAtOnce = 256;  // tasks of one run: their paths are kept until it ends

std::vector<Stretch> stretches_of(std::span<const ForecastTask> tasks, std::size_t context, bool with_ahead) {
  std::vector<Stretch> stretches;
  for (const ForecastTask& task : tasks) {
    const std::size_t known = std::min(context, task.origin + 1), ahead = with_ahead ? task.ahead : 0;
    const bool has_inputs = with_ahead && task.inputs.size() > 0;
    stretches.push_back(
        {task.trajectory, task.origin + 1 - known, known + ahead, known, has_inputs ? &task.inputs : nullptr});
  }
  return stretches;
}

std::size_t context_of(const SeriesModel& model) { return static_cast<std::size_t>(model.options().context); }

std::size_t last_of(const SeriesModel& model) {
  return std::min(context_of(model), static_cast<std::size_t>(model.options().correction.samples));
}

Function paths_of(const SeriesModel& model, const WindowShape& shape) {
  return trace_list(window_arguments(model, shape), [&](std::span<const Array> in) {
    return std::vector<Array>{solve_window(model, Loss::kMse, in).states};
  });
}

}  // namespace

ModelForecaster::ModelForecaster(const SeriesModel& model)
    : model_(model),
      estimator_(model),
      paths_(model, [&model](const WindowShape& shape) { return paths_of(model, shape); }) {
  if (model.options().correction.samples > 0) corrector_.emplace(model);
}

/// [window, time, z]
HostArray ModelForecaster::solve_from(std::span<const Stretch> stretches, const HostArray& shifts) const {
  std::size_t length = 0;
  for (const Stretch& stretch : stretches) length = std::max(length, stretch.count);
  return paths_.run(window_arrays(model_, stretches, length), shifts).outputs[0];
}

/// From shifts at the start of the context to those at the start of the last samples.
HostArray ModelForecaster::corrected_shifts(std::span<const ForecastTask> tasks, const HostArray& shifts) const {
  const Correction& correction = model_.options().correction;
  const std::vector<Stretch> contexts = stretches_of(tasks, context_of(model_), false);
  const std::vector<Stretch> last = stretches_of(tasks, last_of(model_), false);
  const HostArray along = solve_from(contexts, shifts), unmoved = solve_from(last, HostArray(shifts.shape()));
  HostArray expected(shifts.shape());
  const std::int64_t size = shifts.shape()[1], length = along.shape()[1], last_length = unmoved.shape()[1];
  for (std::size_t row = 0; row < tasks.size(); ++row) {
    const auto i = static_cast<std::int64_t>(row),
               at = static_cast<std::int64_t>(contexts[row].count - last[row].count);
    for (std::int64_t k = 0; k < size; ++k)
      expected.set(i * size + k, along.at((i * length + at) * size + k) - unmoved.at(i * last_length * size + k));
  }
  return corrector_->estimate(window_arrays(model_, last, last_of(model_)), expected, correction.weight);
}

ModelForecaster::Paths ModelForecaster::solve(std::span<const ForecastTask> tasks) const {
  const std::size_t context = context_of(model_);
  HostArray shifts = estimator_.estimate(window_arrays(model_, stretches_of(tasks, context, false), context));
  if (corrector_) shifts = corrected_shifts(tasks, shifts);
  const std::vector<Stretch> stretches = stretches_of(tasks, corrector_ ? last_of(model_) : context, true);
  Paths paths{.states = solve_from(stretches, shifts), .known = {}};
  for (const Stretch& stretch : stretches) paths.known.push_back(stretch.known);
  return paths;
}

std::vector<HostArray> ModelForecaster::forecast(std::span<const ForecastTask> tasks) const {
  const Normalization& units = model_.normalization();
  const auto d = static_cast<std::int64_t>(model_.num_measured());
  std::vector<HostArray> forecasts;
  for (std::size_t first = 0; first < tasks.size(); first += kAtOnce) {
    const auto some = tasks.subspan(first, std::min(kAtOnce, tasks.size() - first));
    const Paths paths = solve(some);
    const std::int64_t length = paths.states.shape()[1], all = paths.states.shape()[2];
    for (std::size_t row = 0; row < some.size(); ++row) {
      HostArray& forecast = forecasts.emplace_back(Shape{static_cast<std::int64_t>(some[row].ahead), d});
      const std::int64_t begin = static_cast<std::int64_t>(row) * length + static_cast<std::int64_t>(paths.known[row]);
      for (std::int64_t i = 0; i < forecast.size(); ++i) {
        const auto column = static_cast<std::size_t>(i % d);
        forecast.set(
            i, units.state_offset[column] + units.state_scale[column] * paths.states.at((begin + i / d) * all + i % d));
      }
    }
  }
  return forecasts;
}

std::vector<std::vector<double>> ModelForecaster::states_at(std::span<const ForecastTask> tasks) const {
  const Normalization& units = model_.normalization();
  std::vector<std::vector<double>> states;
  for (std::size_t first = 0; first < tasks.size(); first += kAtOnce) {
    const auto some = tasks.subspan(first, std::min(kAtOnce, tasks.size() - first));
    const Paths paths = solve(some);
    const std::int64_t length = paths.states.shape()[1], all = paths.states.shape()[2];
    for (std::size_t row = 0; row < some.size(); ++row) {
      const std::int64_t at = static_cast<std::int64_t>(row) * length + static_cast<std::int64_t>(paths.known[row]) - 1;
      std::vector<double>& state = states.emplace_back();
      for (std::int64_t k = 0; k < all; ++k) {
        const auto column = static_cast<std::size_t>(k);
        const double z = paths.states.at(at * all + k);
        state.push_back(column < units.state_offset.size() ? units.state_offset[column] + units.state_scale[column] * z
                                                           : z);
      }
    }
  }
  return states;
}

}  // namespace costate
