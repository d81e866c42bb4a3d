// Outputs within the steps of a tile's lanes: each lane at times of its own, as many as lie in its step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// Where the outputs of steps go, and how far each lane has got. An output is within a step if its time comes before
/// the step's end, or is the end and `takes_end` says so.
template <class T>
struct StepOutputs {
  DenseOutput<T> dense = {};             // its `time` and `out` are not read
  std::span<const std::uint32_t> lanes;  // whose next output is within the step, ascending
  const double* ends = nullptr;          // [lane]
  const char* takes_end = nullptr;       // [lane]; null: none does
  const double* times = nullptr;         // [time, lanes]
  const double* shared_times = nullptr;  // [time], where all samples have these
  std::size_t num_times = 0;
  std::int32_t* next = nullptr;  // [lane] the output that comes next
  double* next_time = nullptr;   // [lane]
  T* const* rows = nullptr;      // [lane] its outputs [time, rows]; null:
  T* states = nullptr;           // [time, rows, lanes]

  static constexpr std::size_t kMostRowsAlong = 8;

  bool is_within(std::size_t lane, double t) const {
    const double end = ends[lane];
    return (dense.size[lane] > 0 ? t < end : t > end) || (t == end && takes_end != nullptr && takes_end[lane] != 0);
  }
  /// Goes to the lane's next output; whether that is within the step.
  bool go_on(std::size_t lane) const {
    const auto at = static_cast<std::size_t>(++next[lane]);
    if (at == num_times) return false;
    next_time[lane] = times[at * dense.lanes + lane];
    return is_within(lane, next_time[lane]);
  }
};

/// What a vector holds while outputs are computed: one of each of several lanes, again and again, which is fast for few
/// of them; or several of one lane, which takes shared times, `rows` and states of kMostRowsAlong numbers at most.
enum class OutputOrder { kAcrossLanes, kAlongLanes };

/// Writes all outputs within the steps, those of dense_combine to the bit in either order. For two lanes or more.
template <class T>
void write_outputs(OutputOrder order, const StepOutputs<T>& outputs);

}  // namespace costate::internal
