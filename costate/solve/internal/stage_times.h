// The times at which the lanes of a tile evaluate the field. All who walk along steps (the solver, its reverse sweeps,
// a replay) write them through this, so that each evaluates a stage at the same time to the bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "costate/exec/internal/aligned.h"

namespace costate::internal {

/// Where a step evaluates the field: `first` and `last` are its start t and its end, or their inner sides where these
/// are stops (stop_rule.h).
struct StepTimes {
  double t = 0, h = 0;
  double first = 0, last = 0;

  double at(double node) const { return node == 0 ? first : node == 1 ? last : std::fma(node, h, t); }
};

template <class T>
class StageTimes {
 public:
  explicit StageTimes(std::size_t lanes) : times_(lanes) {}

  void set(std::size_t lane, double t) { times_[lane] = t; }
  /// The same stage of all lanes' steps: StepTimes with one number a lane.
  void set_all(double node, const double* t, const double* h, const double* first, const double* last) {
    if (node == 0 || node == 1) return set_all(node == 0 ? first : last);
    for (std::size_t lane = 0; lane < times_.size(); ++lane) times_[lane] = std::fma(node, h[lane], t[lane]);
  }
  void set_all(const double* times) { std::copy_n(times, times_.size(), times_.begin()); }
  /// What the field reads of these times: [lanes].
  void write(T* out) const {
    for (std::size_t lane = 0; lane < times_.size(); ++lane) out[lane] = static_cast<T>(times_[lane]);
  }

 private:
  AlignedVector<double> times_;
};

}  // namespace costate::internal
