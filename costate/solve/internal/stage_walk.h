// Recorded steps, gone through again stage by stage: each stage where the solver evaluated it, to the bit.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/stage_times.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// One step of each lane of a tile.
template <class T>
class StageWalk {
 public:
  explicit StageWalk(const LaneProblem<T>& problem)
      : problem_(problem), steps_(problem.lanes), sizes_(problem.lanes), stage_times_(problem.time, problem.lanes) {}

  void take(std::size_t lane, const StepTimes& step) {
    steps_[lane] = step;
    sizes_[lane] = static_cast<T>(step.h);
  }
  /// The lane has no step: it stays where it is, and the field is evaluated there at time t.
  void wait(std::size_t lane, double t) {
    steps_[lane] = {.t = t, .h = 0, .first = t, .last = t};
    sizes_[lane] = T{0};
  }

  /// h of each lane's step; 0 of those that wait.
  const T* sizes() const { return sizes_.data(); }

  /// When the lane's step evaluates the stage.
  double time(std::size_t lane, std::size_t stage) const { return steps_[lane].at(problem_.tableau->c[stage]); }
  /// What the field reads of time at the stage, [rows, lanes].
  void write_times(std::size_t stage, T* times) {
    if (!problem_.reads_time) return;
    for (std::size_t lane = 0; lane < steps_.size(); ++lane) stage_times_.set(lane, time(lane, stage));
    stage_times_.write(times);
  }
  /// The state [state, lanes] at the stage, from y at the steps' start and the slopes of the stages before.
  void write_state(std::size_t stage, const T* y, const Slopes<T>& slopes, T* state) const {
    write_stage_state(*problem_.tableau, stage, y, sizes(), slopes, state);
  }

 private:
  const LaneProblem<T>& problem_;
  std::vector<StepTimes> steps_;
  AlignedVector<T> sizes_;
  StageTimes<T> stage_times_;
};

}  // namespace costate::internal
