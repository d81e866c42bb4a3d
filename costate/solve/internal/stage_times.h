// The times at which the lanes of a tile evaluate the field. All who walk along steps (the solver, its reverse sweeps,
// a replay) write them through this, so that each evaluates a stage at the same time to the bit.
#pragma once

#include <cmath>
#include <cstddef>

#include "costate/exec/internal/aligned.h"

namespace costate::internal {

/// The time of a stage: a stage at the end of the step has the step's end exactly.
inline double stage_time(double node, double t, double h, double t_next) {
  return node == 1 ? t_next : std::fma(node, h, t);
}

template <class T>
class StageTimes {
 public:
  explicit StageTimes(std::size_t lanes) : times_(lanes) {}

  void set(std::size_t lane, double t) { times_[lane] = t; }
  /// What the field reads of these times: [lanes].
  void write(T* out) const {
    for (std::size_t lane = 0; lane < times_.size(); ++lane) out[lane] = static_cast<T>(times_[lane]);
  }

 private:
  AlignedVector<double> times_;
};

}  // namespace costate::internal
