#include "costate/series/internal/model_forecaster.h"

#include <algorithm>
#include <utility>

#include "costate/series/internal/window_loss.h"
#include "costate/series/windows.h"

namespace costate {
namespace {

constexpr std::size_t kAtOnce = 256;  // tasks of one run: their paths are kept until it ends

/// What is before a gap tells nothing of a start behind it: no solve finds its way over.
std::vector<Stretch> stretches_of(const SeriesModel& model, std::span<const ForecastTask> tasks, std::size_t context,
                                  bool with_ahead) {
  std::vector<Stretch> stretches;
  for (const ForecastTask& task : tasks) {
    const std::size_t since = count_since_gap(task.trajectory->times, task.origin, model.normalization().time_scale);
    const std::size_t known = std::min(context, since), ahead = with_ahead ? task.ahead : 0;
    const bool has_inputs = with_ahead && task.inputs.size() > 0;
    stretches.push_back(
        {task.trajectory, task.origin + 1 - known, known + ahead, known, has_inputs ? &task.inputs : nullptr});
  }
  return stretches;
}

std::size_t context_of(const SeriesModel& model) { return static_cast<std::size_t>(model.options().context); }

/// The last samples of a context.
std::size_t last_of(const SeriesModel& model, const Correction& correction) {
  return std::min(context_of(model), static_cast<std::size_t>(correction.samples));
}

Function paths_of(const SeriesModel& model, const WindowShape& shape) {
  return trace_list(window_arguments(model, shape), [&](std::span<const Array> in) {
    return std::vector<Array>{solve_window(model, Loss::kMse, in).states};
  });
}

Function starts_of(const SeriesModel& model, const WindowShape& shape) {
  return trace_list(window_arguments(model, shape), [&](std::span<const Array> in) {
    return std::vector<Array>{window_start(model, window_parts(model, in))};
  });
}

}  // namespace

ModelForecaster::ModelForecaster(const SeriesModel& model)
    : model_(model),
      estimator_(model),
      solves_(model, [&model](const WindowShape& shape) { return paths_of(model, shape); }),
      starts_(model, [&model](const WindowShape& shape) { return starts_of(model, shape); }) {}

/// [window, time, z]
HostArray ModelForecaster::solve_from(std::span<const Stretch> stretches, const HostArray& shifts) const {
  std::size_t length = 0;
  for (const Stretch& stretch : stretches) length = std::max(length, stretch.count);
  return solves_.run(window_arrays(model_, stretches, length), shifts).outputs[0];
}

/// From shifts at the start of the context to those at the start of the last samples.
HostArray ModelForecaster::corrected(std::span<const ForecastTask> tasks, const HostArray& shifts,
                                     const Correction& correction) const {
  const std::size_t last_samples = last_of(model_, correction);
  const std::vector<Stretch> contexts = stretches_of(model_, tasks, context_of(model_), false);
  const std::vector<Stretch> last = stretches_of(model_, tasks, last_samples, false);
  const WindowArrays arrays = window_arrays(model_, last, last_samples);
  const HostArray along = solve_from(contexts, shifts);
  const HostArray unmoved = starts_.run(arrays, HostArray(shifts.shape())).outputs[0];
  HostArray expected(shifts.shape());
  const std::int64_t size = shifts.shape()[1], length = along.shape()[1];
  for (std::size_t row = 0; row < tasks.size(); ++row) {
    const auto i = static_cast<std::int64_t>(row),
               at = static_cast<std::int64_t>(contexts[row].count - last[row].count);
    for (std::int64_t k = 0; k < size; ++k)
      expected.set(i * size + k, along.at((i * length + at) * size + k) - unmoved.at(i * size + k));
  }
  return estimator_.estimate(arrays, expected, correction.weight);
}

HostArray ModelForecaster::context_shifts(std::span<const ForecastTask> tasks) const {
  const std::size_t context = context_of(model_);
  return estimator_.estimate(window_arrays(model_, stretches_of(model_, tasks, context, false), context));
}

std::vector<ModelForecaster::Path> ModelForecaster::paths_from(std::span<const ForecastTask> tasks, HostArray shifts,
                                                               const Correction& correction) const {
  const bool corrects = correction.samples > 0;
  if (corrects) shifts = corrected(tasks, shifts, correction);
  const std::vector<Stretch> stretches =
      stretches_of(model_, tasks, corrects ? last_of(model_, correction) : context_of(model_), true);
  const HostArray states = solve_from(stretches, shifts);
  const std::int64_t length = states.shape()[1], all = states.shape()[2];
  const auto d = static_cast<std::int64_t>(model_.num_measured());
  std::vector<Path> paths;
  for (std::size_t row = 0; row < tasks.size(); ++row) {
    const std::int64_t origin =
        static_cast<std::int64_t>(row) * length + static_cast<std::int64_t>(stretches[row].known) - 1;
    const auto state_at = [&](std::int64_t sample) {
      const auto first = states.data<double>().begin() + sample * all;
      return model_.in_data_units({first, first + all});
    };
    Path& path = paths.emplace_back(state_at(origin), HostArray(Shape{static_cast<std::int64_t>(tasks[row].ahead), d}));
    for (std::int64_t i = 0; i < path.ahead.shape()[0]; ++i) {
      const std::vector<double> state = state_at(origin + 1 + i);
      std::copy_n(state.begin(), d, path.ahead.data<double>().begin() + i * d);
    }
  }
  return paths;
}

std::vector<ModelForecaster::Path> ModelForecaster::paths(std::span<const ForecastTask> tasks) const {
  std::vector<Path> paths;
  for (std::size_t first = 0; first < tasks.size(); first += kAtOnce) {
    const std::span<const ForecastTask> some = tasks.subspan(first, std::min(kAtOnce, tasks.size() - first));
    for (Path& path : paths_from(some, context_shifts(some), model_.options().correction))
      paths.push_back(std::move(path));
  }
  return paths;
}

std::vector<HostArray> ModelForecaster::forecast(std::span<const ForecastTask> tasks) const {
  std::vector<HostArray> forecasts;
  for (Path& path : paths(tasks)) forecasts.push_back(std::move(path.ahead));
  return forecasts;
}

}  // namespace costate
