// A SolveWatch that hears of the steps of a thread's lanes.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Tells a SolveWatch of the steps of lanes.
template <class T>
class HostWatch {
 public:
  HostWatch(const HostBatch& batch, const LaneProblem<T>& problem)
      : batch_(batch), lanes_(problem.lanes), attempts_(problem.lanes), state_(problem.state_size) {}

  void planned(const LaneSolver<T>& solver, std::span<const std::size_t> samples) {
    for (std::size_t lane = 0; lane < attempts_.size(); ++lane) {
      attempts_[lane].reset();
      if (!solver.is_attempted(lane)) continue;
      const StepTimes step = solver.times_of_step(lane);
      attempts_[lane] = StepView{
          .sample = static_cast<std::int64_t>(samples[lane]), .t = step.t, .h = step.h, .error = 0, .state = {}};
      tell(batch_.watch->on_step, solver, lane);
    }
  }

  void judged(const LaneSolver<T>& solver, std::span<const std::size_t> samples) {
    for (std::size_t lane = 0; lane < attempts_.size(); ++lane) {
      if (!attempts_[lane]) continue;
      attempts_[lane]->error = solver.error_of_attempt(lane);
      tell(solver.is_accepted(lane) ? batch_.watch->on_accept : batch_.watch->on_reject, solver, lane);
      if (solver.is_accepted(lane) && batch_.watch->on_progress) pass(samples[lane], attempts_[lane]->h);
    }
  }

 private:
  void tell(const std::function<void(const StepView&)>& call, const LaneSolver<T>& solver, std::size_t lane) {
    if (!call) return;
    for (std::size_t row = 0; row < state_.size(); ++row)
      state_[row] = static_cast<double>(solver.y()[row * lanes_ + lane]);
    attempts_[lane]->state = state_;
    call(*attempts_[lane]);
  }

  void pass(std::size_t sample, double h) {
    constexpr double kPercent = 0.01;
    const std::size_t first = batch_.sizes.times_are_shared ? 0 : sample * batch_.sizes.times;
    const double length = batch_.times.at(static_cast<std::int64_t>(first + batch_.sizes.times - 1)) -
                          batch_.times.at(static_cast<std::int64_t>(first));
    behind_ += h / length / static_cast<double>(batch_.sizes.batch);
    if (behind_ < told_ + kPercent || behind_ >= 1) return;
    told_ = behind_;
    batch_.watch->on_progress(behind_);
  }

  const HostBatch& batch_;
  const std::size_t lanes_;
  std::vector<std::optional<StepView>> attempts_;  // [lane]
  std::vector<double> state_;
  double behind_ = 0, told_ = 0;
};

}  // namespace costate::internal
