#include "costate/series/internal/ensemble_forecaster.h"

#include <cmath>
#include <utility>

namespace costate {
namespace {

/// Of the samples that a task asks for.
std::span<const double> times_of(const ForecastTask& task) {
  return std::span(task.trajectory->times).subspan(task.origin + 1, task.ahead);
}

/// What each member says of one cell of a task.
std::vector<double> answers_of(const std::vector<std::vector<ModelForecaster::Path>>& members, std::size_t task,
                               std::int64_t cell) {
  std::vector<double> answers;
  for (const auto& member : members) answers.push_back(member[task].ahead.at(cell));
  return answers;
}

}  // namespace

EnsembleForecaster::EnsembleForecaster(const Ensemble& ensemble) : ensemble_(ensemble) {
  for (const Member& member : ensemble.members()) members_.push_back(std::make_unique<ModelForecaster>(member.model));
}

EnsembleForecaster::MemberPaths EnsembleForecaster::member_paths(std::span<const ForecastTask> tasks) const {
  MemberPaths paths;
  for (const auto& member : members_) paths.push_back(member->paths(tasks));
  return paths;
}

std::vector<EnsembleForecaster::Path> EnsembleForecaster::paths(std::span<const ForecastTask> tasks) const {
  MemberPaths members = member_paths(tasks);
  std::vector<Path> paths;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Path& path = paths.emplace_back();
    std::vector<HostArray> ahead;
    for (auto& member : members) {
      path.starts.push_back(std::move(member[i].start));
      ahead.push_back(std::move(member[i].ahead));
    }
    path.ahead = ensemble_.banded(ahead, times_of(tasks[i]), tasks[i].trajectory->times[tasks[i].origin]);
  }
  return paths;
}

std::vector<HostArray> EnsembleForecaster::forecast(std::span<const ForecastTask> tasks) const {
  std::vector<HostArray> middles;
  for (Path& path : paths(tasks)) middles.push_back(std::move(path.ahead.middle));
  return middles;
}

std::vector<Miss> EnsembleForecaster::misses(std::span<const ForecastTask> tasks) const {
  const MemberPaths members = member_paths(tasks);
  std::vector<Miss> misses;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const HostArray& seen = tasks[i].trajectory->states;
    const std::span<const double> times = times_of(tasks[i]);
    const double now = tasks[i].trajectory->times[tasks[i].origin];
    const std::int64_t d = seen.shape()[1], first = static_cast<std::int64_t>(tasks[i].origin + 1) * d;
    for (std::int64_t cell = 0; cell < static_cast<std::int64_t>(tasks[i].ahead) * d; ++cell) {
      const auto [middle, variance] = ensemble_.spread(answers_of(members, i, cell));
      const double error = seen.at(first + cell) - middle;
      if (!std::isnan(error))
        misses.push_back(
            {static_cast<std::size_t>(cell % d), times[static_cast<std::size_t>(cell / d)] - now, error, variance});
    }
  }
  return misses;
}

}  // namespace costate
