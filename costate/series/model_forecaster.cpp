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

}  // namespace

ModelForecaster::ModelForecaster(const SeriesModel& model)
    : model_(model), estimator_(model, model.options().context) {}

Program ModelForecaster::program_of(std::int64_t length) const {
  const std::lock_guard lock(mutex_);
  if (program_ && length_ == length) return *program_;
  length_ = length;
  program_ = compile(trace_list(window_arguments(model_, length), [&](std::span<const Array> in) {
    return std::vector<Array>{solve_window(model_, Loss::kMse, in).states};
  }));
  return *program_;
}

ModelForecaster::Paths ModelForecaster::solve(std::span<const ForecastTask> tasks) const {
  const auto context = static_cast<std::size_t>(model_.options().context);
  const HostArray shifts =
      estimator_.estimate(window_arrays(model_, stretches_of(tasks, context, false), context));
  const std::vector<Stretch> stretches = stretches_of(tasks, context, true);
  std::size_t length = 0;
  Paths paths;
  for (const Stretch& stretch : stretches) {
    length = std::max(length, stretch.count);
    paths.known.push_back(stretch.known);
  }
  paths.states = program_of(static_cast<std::int64_t>(length)).run(window_inputs(window_arrays(model_, stretches, length), shifts)).outputs[0];
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
        forecast.set(i, units.state_offset[column] +
                            units.state_scale[column] * paths.states.at((begin + i / d) * all + i % d));
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
        state.push_back(column < units.state_offset.size() ? units.state_offset[column] + units.state_scale[column] * z : z);
      }
    }
  }
  return states;
}

}  // namespace costate
