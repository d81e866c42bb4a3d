#include "costate/series/verdict.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/series/internal/verdict_text.h"

namespace costate {
namespace {

constexpr double kMargin = 1.1;          // within which a model is as good as a rival
constexpr double kNothing = 1e-9;        // deviations: errors of rounding
constexpr double kMostNumber = 1e100;    // what is larger has blown up
constexpr std::size_t kFarthest = 1000;  // samples that are looked ahead from many origins
constexpr double kMostMissing = 0.5;     // of the answers, for an error to be given

/// Where a forecast may start and end: its first sample is an origin.
std::vector<Window> stretches_of(const TimeSeries& series, std::span<const Window> held, double time_unit) {
  std::vector<Window> stretches;
  for (const Window& window : held) {
    const std::size_t origin = origin_before(window);
    const Window range{window.trajectory, origin, window.first + window.count - origin};
    for (const Window& stretch : between_gaps(series, range, time_unit))
      if (stretch.count > 1) stretches.push_back(stretch);
  }
  if (!stretches.empty() || !std::isfinite(time_unit)) return stretches;
  return stretches_of(series, held, std::numeric_limits<double>::infinity());  // each sample stands behind a gap
}

/// As far as half of the longest stretch: further ahead all origins are neighbours, and tell of one forecast.
std::vector<std::size_t> usual_horizons(const TimeSeries& series, const std::vector<Window>& stretches,
                                        std::optional<double> period) {
  const std::size_t most = std::min(kFarthest, longest(stretches) / 2);
  std::vector<std::size_t> horizons;
  for (std::size_t samples = 1; samples <= most; samples *= 10) horizons.push_back(samples);
  std::vector<double> steps;
  for (const Window& stretch : stretches) {
    const std::vector<double>& times = series.trajectories[stretch.trajectory].times;
    for (std::size_t i = stretch.first + 1; i < stretch.first + stretch.count; ++i)
      steps.push_back(times[i] - times[i - 1]);
  }
  const double samples = period ? std::round(*period / median(std::move(steps))) : 0;
  if (samples >= 1 && samples <= static_cast<double>(most)) horizons.push_back(static_cast<std::size_t>(samples));
  std::sort(horizons.begin(), horizons.end());
  horizons.erase(std::unique(horizons.begin(), horizons.end()), horizons.end());
  if (longest(stretches) == 2) horizons.clear();  // the whole is one sample
  return horizons;
}

/// The forecasts of one horizon, spread over what is held out; of each sample that is compared something is measured.
std::vector<ForecastTask> tasks_of(const TimeSeries& series, const std::vector<Window>& stretches,
                                   const JudgeOptions& options, const Horizon& horizon) {
  std::vector<Window> origins;
  for (const Window& stretch : stretches) {
    if (horizon.is_whole) {
      origins.push_back(stretch);
      continue;
    }
    for (std::size_t i = stretch.first; i + horizon.samples < stretch.first + stretch.count; ++i)
      if (is_measured(series.trajectories[stretch.trajectory], i + horizon.samples))
        origins.push_back({stretch.trajectory, i, horizon.samples + 1});
  }
  std::vector<ForecastTask> tasks;
  for (const Window& origin : spread(std::move(origins), options.most_origins, 0))
    tasks.push_back(
        forecast_task(series.trajectories[origin.trajectory], origin.first, origin.count - 1, options.inputs));
  return tasks;
}

/// All answers to the tasks of a horizon, and what was measured instead.
class Comparison {
 public:
  Comparison(std::vector<ForecastTask> tasks, const Horizon& horizon, std::span<const Forecaster* const> forecasters)
      : tasks_(std::move(tasks)), is_whole_(horizon.is_whole), missing_(forecasters.size(), 0) {
    for (const Forecaster* forecaster : forecasters) answers_.push_back(forecaster->forecast(tasks_));
    std::size_t measured = 0;
    for_each_cell([&](std::size_t task, std::int64_t cell, double) {
      ++measured;
      for (std::size_t f = 0; f < answers_.size(); ++f)
        if (!is_said(f, task, cell)) ++missing_[f];
    });
    for (const std::size_t missing : missing_)
      is_counted_.push_back(static_cast<double>(missing) <= kMostMissing * static_cast<double>(measured));
  }

  /// Fills in the horizon's cells; one error a forecaster.
  std::vector<HorizonError> errors(const Normalization& units, Horizon& horizon) const {
    const std::size_t width = units.state_scale.size();
    std::vector<std::vector<double>> squares(answers_.size(), std::vector<double>(width, 0.0));
    horizon.cells.assign(width, 0);
    for_each_cell([&](std::size_t task, std::int64_t cell, double seen) {
      for (std::size_t f = 0; f < answers_.size(); ++f)
        if (is_counted_[f] && !is_said(f, task, cell)) return;
      const std::size_t state = static_cast<std::size_t>(cell) % width;
      ++horizon.cells[state];
      for (std::size_t f = 0; f < answers_.size(); ++f) {
        const double error = (answers_[f][task].at(cell) - seen) / units.state_scale[state];
        squares[f][state] += error * error;
      }
    });
    std::vector<HorizonError> errors;
    for (std::size_t f = 0; f < answers_.size(); ++f) errors.push_back(error_of(f, squares[f], units, horizon));
    return errors;
  }

 private:
  bool is_said(std::size_t forecaster, std::size_t task, std::int64_t cell) const {
    return std::abs(answers_[forecaster][task].at(cell)) < kMostNumber;
  }

  template <class Visit>  // (task, cell of its answer, what was measured)
  void for_each_cell(const Visit& visit) const {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const HostArray& states = tasks_[i].trajectory->states;
      const std::int64_t width = states.shape()[1], end = static_cast<std::int64_t>(tasks_[i].ahead) * width;
      const std::int64_t offset = static_cast<std::int64_t>(tasks_[i].origin + 1) * width;
      for (std::int64_t cell = is_whole_ ? 0 : end - width; cell < end; ++cell)
        if (const double seen = states.at(offset + cell); !std::isnan(seen)) visit(i, cell, seen);
    }
  }

  HorizonError error_of(std::size_t forecaster, const std::vector<double>& squares, const Normalization& units,
                        const Horizon& horizon) const {
    HorizonError error{.rmse = std::vector<std::optional<double>>(squares.size()), .missing = missing_[forecaster]};
    if (!is_counted_[forecaster]) return error;
    double sum = 0, count = 0;
    for (std::size_t k = 0; k < squares.size(); ++k) {
      if (horizon.cells[k] == 0) continue;
      const auto cells = static_cast<double>(horizon.cells[k]);
      error.rmse[k] = units.state_scale[k] * std::sqrt(squares[k] / cells);
      sum += squares[k];
      count += cells;
    }
    if (count > 0) error.relative = std::sqrt(sum / count);
    return error;
  }

  std::vector<ForecastTask> tasks_;
  bool is_whole_;
  std::vector<std::vector<HostArray>> answers_;  // [forecaster][task]
  std::vector<std::size_t> missing_;             // [forecaster]
  std::vector<bool> is_counted_;
};

double duration_of(const std::vector<ForecastTask>& tasks) {
  if (tasks.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> durations;
  for (const ForecastTask& task : tasks)
    durations.push_back(task.trajectory->times[task.origin + task.ahead] - task.trajectory->times[task.origin]);
  return median(std::move(durations));
}

std::optional<std::size_t> best_rival_of(const Verdict& verdict, std::size_t horizon) {
  std::optional<std::size_t> best;
  for (std::size_t f = verdict.has_model ? 1 : 0; f < verdict.forecasters.size(); ++f) {
    const std::optional<double>& error = verdict.errors[f][horizon].relative;
    if (error && (!best || *error < *verdict.errors[*best][horizon].relative)) best = f;
  }
  return best;
}

}  // namespace

bool Verdict::model_is_worse(std::size_t horizon) const {
  if (!has_model || !best_rival[horizon]) return false;
  const HorizonError& model = errors[0][horizon];
  return model.missing > 0 || *model.relative > kMargin * *errors[*best_rival[horizon]][horizon].relative + kNothing;
}

Verdict judge(const TimeSeries& series, std::span<const Window> held, const Normalization& units,
              const Forecaster* model, std::span<const Forecaster* const> rivals, const JudgeOptions& options) {
  Verdict verdict{.time_name = series.time_name,
                  .time_scale = series.time_scale,
                  .state_names = series.state_names,
                  .has_inputs = !series.input_names.empty(),
                  .inputs = options.inputs,
                  .has_model = model != nullptr};
  std::vector<const Forecaster*> forecasters(rivals.begin(), rivals.end());
  if (model != nullptr) forecasters.insert(forecasters.begin(), model);
  std::vector<std::vector<Advice>> advice;
  for (const Forecaster* forecaster : forecasters) {
    verdict.forecasters.push_back(forecaster->name());
    advice.push_back(forecaster->advice());
    std::erase_if(advice.back(), [&](const Advice& line) {
      return std::ranges::find(options.in_use, line.remedy) != options.in_use.end();
    });
  }
  verdict.errors.resize(forecasters.size());
  const std::vector<Window> stretches = stretches_of(series, held, units.time_scale);
  if (stretches.empty()) {
    verdict.sentences = internal::verdict_sentences(verdict, advice);
    return verdict;
  }
  const std::vector<std::size_t> horizons =
      options.horizons.empty() ? usual_horizons(series, stretches, options.period) : options.horizons;
  for (const std::size_t samples : horizons) verdict.horizons.push_back({.samples = samples});
  verdict.horizons.push_back({.samples = longest(stretches) - 1, .is_whole = true});
  for (Horizon& horizon : verdict.horizons) {
    std::vector<ForecastTask> tasks = tasks_of(series, stretches, options, horizon);
    horizon.origins = tasks.size();
    horizon.duration = duration_of(tasks);
    const Comparison comparison(std::move(tasks), horizon, forecasters);
    const std::vector<HorizonError> errors = comparison.errors(units, horizon);
    for (std::size_t f = 0; f < errors.size(); ++f) verdict.errors[f].push_back(errors[f]);
  }
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h) verdict.best_rival.push_back(best_rival_of(verdict, h));
  verdict.sentences = internal::verdict_sentences(verdict, advice);
  return verdict;
}

}  // namespace costate
