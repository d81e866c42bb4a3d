#include "costate/series/rivals.h"

#include <algorithm>
#include <cmath>

#include "costate/base/text.h"
#include "costate/series/internal/arx.h"
#include "costate/series/internal/even_grid.h"
#include "costate/series/internal/linear_ode.h"
#include "costate/series/internal/rival.h"
#include "costate/series/period.h"
#include "costate/series/windows.h"

namespace costate {
namespace {

using internal::Level;
using internal::measured_at;
using internal::Outside;
using internal::Rival;

class Mean : public Rival {
 public:
  explicit Mean(Level level) : Rival(std::move(level), "mean") {}

 private:
  void forecast_one(const ForecastTask&, std::span<double> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = level().units.state_offset[i % num_states()];
  }
};

class LastValue : public Rival {
 public:
  explicit LastValue(Level level) : Rival(std::move(level), "last value") {}

 private:
  void forecast_one(const ForecastTask& task, std::span<double> out) const override {
    const double now = task.trajectory->times[task.origin];
    for (std::size_t k = 0; k < num_states(); ++k) {
      const double last = measured_at(*task.trajectory, k, task.origin, now, Outside::kNearest);
      for (std::size_t i = k; i < out.size(); i += num_states()) out[i] = last;
    }
  }
};

/// Months differ in length and times are rounded, so that a sample one period before lies a little beside that time: it
/// is taken as it is where it does by less than a quarter of a step.
class OnePeriodAgo : public Rival {
 public:
  OnePeriodAgo(Level level, double period, double step, const TimeScale& scale)
      : Rival(std::move(level), text::concat("one period ago (", duration_text(period, scale), ")")),
        period_(period),
        near_(std::min(kNear * step, 0.5 * period)),
        advice_({Remedy::kClock,
                 text::concat("--clock ", duration_text(period, scale) == "1 day" ? "day" : text::number(period, 6)),
                 text::concat("it repeats itself after ", duration_text(period, scale))}) {}

  std::vector<Advice> advice() const override { return {advice_}; }

 private:
  void forecast_one(const ForecastTask& task, std::span<double> out) const override {
    const Trajectory& trajectory = *task.trajectory;
    const double now = trajectory.times[task.origin];
    for (std::size_t i = 0; i < task.ahead; ++i) {
      const double time = trajectory.times[task.origin + 1 + i];
      const double before =
          at_sample(trajectory, task.origin, time - period_ * std::max(1.0, std::ceil((time - now - near_) / period_)));
      for (std::size_t k = 0; k < num_states(); ++k)
        out[i * num_states() + k] = measured_at(trajectory, k, task.origin, before, Outside::kNearest);
    }
  }

  /// The time of the sample next to `time` among those up to `last`, if it is near; else `time`.
  double at_sample(const Trajectory& trajectory, std::size_t last, double time) const {
    const auto begin = trajectory.times.begin(), end = begin + static_cast<std::ptrdiff_t>(last) + 1;
    auto next = std::lower_bound(begin, end, time);
    if (next == end || (next != begin && time - *(next - 1) < *next - time)) --next;
    return std::abs(*next - time) <= near_ ? *next : time;
  }

  static constexpr double kNear = 0.25;

  double period_;
  double near_;
  Advice advice_;
};

/// The mean of all training trajectories that were measured around a time since the start; the last such mean later.
class MeanCurve : public Rival {
 public:
  MeanCurve(Level level, const TimeSeries& training) : Rival(std::move(level), "mean curve of the others") {
    std::vector<double> times;
    for (const Trajectory& trajectory : training.trajectories)
      for (const double time : trajectory.times) times.push_back(time - trajectory.times.front());
    std::sort(times.begin(), times.end());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    curve_.times = spread(std::move(times), kMostTimes, 0);
    curve_.states =
        HostArray(Shape{static_cast<std::int64_t>(curve_.times.size()), static_cast<std::int64_t>(num_states())});
    for (std::size_t i = 0; i < curve_.times.size(); ++i)
      for (std::size_t k = 0; k < num_states(); ++k)
        curve_.states.set(static_cast<std::int64_t>(i * num_states() + k), mean_at(training, k, curve_.times[i]));
  }

  std::vector<Advice> advice() const override {
    const std::string reason = "the time since the start tells more than the state";
    return {{Remedy::kMemory, "--memory auto", reason},
            {Remedy::kTimeAsClock, "the time as a clock (--clock time)", reason},
            {Remedy::kCovariates, "what the trajectories differ in as --covariate", reason}};
  }

 private:
  static constexpr std::size_t kMostTimes = 5000;

  static double mean_at(const TimeSeries& training, std::size_t state, double since) {
    double sum = 0, count = 0;
    for (const Trajectory& trajectory : training.trajectories) {
      const double value =
          measured_at(trajectory, state, trajectory.times.size() - 1, trajectory.times.front() + since, Outside::kNan);
      if (std::isnan(value)) continue;
      sum += value;
      count += 1;
    }
    return sum / count;
  }

  void forecast_one(const ForecastTask& task, std::span<double> out) const override {
    const std::vector<double>& times = task.trajectory->times;
    for (std::size_t i = 0; i < task.ahead; ++i)
      for (std::size_t k = 0; k < num_states(); ++k)
        out[i * num_states() + k] = measured_at(curve_, k, curve_.times.size() - 1,
                                                times[task.origin + 1 + i] - times.front(), Outside::kNearest);
  }

  Trajectory curve_;  // over the time since the start
};

}  // namespace

std::vector<std::unique_ptr<Forecaster>> fit_rivals(const TimeSeries& training, std::optional<double> period) {
  const Level level = internal::level_of(training);
  std::vector<std::unique_ptr<Forecaster>> rivals;
  const auto add = [&](std::unique_ptr<Forecaster> rival) {
    if (rival) rivals.push_back(std::move(rival));
  };
  add(std::make_unique<LastValue>(level));
  add(std::make_unique<Mean>(level));
  if (period) {
    const double step = internal::median_step(training).value_or(0);
    add(std::make_unique<OnePeriodAgo>(level, *period, step, training.time_scale));
  }
  for (auto& arx : internal::fit_arx(training)) add(std::move(arx));
  add(internal::fit_linear_ode(training));
  if (training.trajectories.size() > 1) add(std::make_unique<MeanCurve>(level, training));
  return rivals;
}

}  // namespace costate
