// Tells a SolveWatch of the steps of a tile's lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
class StepTeller {
 public:
  /// Of a batch that is watched.
  StepTeller(const LaneProblem<T>& problem, const HostBatch& batch)
      : batch_(batch), attempts_(problem.lanes), state_(problem.state_size) {}

  /// StepListener's, with the samples of the lanes.
  void planned(const LaneSolver<T>& solver, std::span<const std::size_t> samples) {
    for (std::size_t lane = 0; lane < attempts_.size(); ++lane) {
      attempts_[lane].reset();
      if (!solver.is_attempted(lane)) continue;
      const StepTimes step = solver.times_of_step(lane);
      attempts_[lane] = StepView{.sample = static_cast<std::int64_t>(samples[lane]), .t = step.t, .h = step.h};
      tell(batch_.watch->on_step, solver, lane);
    }
  }

  void judged(const LaneSolver<T>& solver, std::span<const std::size_t> samples) {
    const SolveWatch& watch = *batch_.watch;
    for (std::size_t lane = 0; lane < attempts_.size(); ++lane) {
      if (!attempts_[lane]) continue;
      attempts_[lane]->error = solver.error_of_attempt(lane);
      tell(solver.is_accepted(lane) ? watch.on_accept : watch.on_reject, solver, lane);
      if (solver.is_accepted(lane) && watch.on_progress) pass(samples[lane], attempts_[lane]->h);
    }
  }

 private:
  void tell(const std::function<void(const StepView&)>& call, const LaneSolver<T>& solver, std::size_t lane) {
    if (!call) return;
    for (std::size_t row = 0; row < state_.size(); ++row)
      state_[row] = static_cast<double>(solver.y()[row * attempts_.size() + lane]);
    attempts_[lane]->state = state_;
    call(*attempts_[lane]);
  }

  void pass(std::size_t sample, double h) {
    constexpr double kPercent = 0.01;
    const HostSizes& sizes = batch_.sizes;
    const std::size_t first = sizes.times_are_shared ? 0 : sample * sizes.times;
    const double length = batch_.times.at(static_cast<std::int64_t>(first + sizes.times - 1)) -
                          batch_.times.at(static_cast<std::int64_t>(first));
    behind_ += h / length / static_cast<double>(sizes.batch);
    if (behind_ < told_ + kPercent || behind_ >= 1) return;
    told_ = behind_;
    batch_.watch->on_progress(behind_);
  }

  const HostBatch& batch_;
  std::vector<std::optional<StepView>> attempts_;  // [lane]
  std::vector<double> state_;
  double behind_ = 0, told_ = 0;
};

}  // namespace costate::internal
