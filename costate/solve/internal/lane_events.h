// The events of a tile's lanes: found in the steps that were accepted, with what happened kept for each lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/solve/control/event_tracker.h"
#include "costate/solve/internal/event_problem.h"
#include "costate/solve/internal/lane_dense.h"

namespace costate::internal {

/// An event that happened in a lane.
struct LaneEvent {
  std::size_t event = 0;
  double t = 0;
  std::size_t step = 0;          // counting the lane's accepted steps
  double step_end = 0;           // where that would have ended
  bool cuts = false;             // it ended the step
  std::ptrdiff_t last_cut = -1;  // position in the lane's list of the last one that did, up to this one
};

/// All of a lane, in the order of time.
template <class T>
struct LaneEventList {
  std::vector<LaneEvent> events;
  std::vector<T> before, after;  // [event, state]; `after` is the same where nothing moves the state

  void clear();
};

/// Steps that were accepted, and who looks for events in them.
template <class T>
struct EventSearch {
  DenseStep<T> step;
  const T* y_next = nullptr;
  const double* t_next = nullptr;
  const double* accepted = nullptr;                       // [lanes] 1 where the step was, 0 elsewhere
  const double* num_accepted = nullptr;                   // with this step
  const T *first_slope = nullptr, *last_slope = nullptr;  // at the steps' ends; null: those of the dense output
  std::span<const T* const> arguments;
  std::size_t num_samples = 0;
};

template <class T>
class LaneEvents {
 public:
  explicit LaneEvents(const LaneProblem<T>& problem);

  /// A solve with other arguments begins, and a lane's sample in it.
  void start(std::span<const T* const> arguments);
  void begin(std::size_t lane, double direction);

  /// Compares signs at the ends of the accepted steps. True if some lanes have to be looked into: the dense output's
  /// stages are needed for locate().
  bool search(const EventSearch<T>& search);
  /// Finds what happened in the steps, and the states there.
  void locate(const EventSearch<T>& search);

  // Of the step just searched:
  bool failed(std::size_t lane) const { return has_failed_[lane] != 0; }
  bool cuts(std::size_t lane) const { return is_cut_[lane] != 0; }
  const char* cut_lanes() const { return is_cut_.data(); }  // [lanes] not 0 where it cuts
  bool ends(std::size_t lane) const { return is_end_[lane] != 0; }
  /// Of a lane whose step an event cuts.
  double cut_time(std::size_t lane) const { return cut_times_[lane]; }
  /// Its dense output was evaluated for events.
  bool has_looked_into(std::size_t lane) const { return looks_into_[lane] != 0; }
  /// The lanes of which one of these is true.
  std::span<const std::uint32_t> touched() const { return touched_; }
  /// Puts the states after cuts into y [state, lanes].
  void write_after_cuts(T* y) const;
  /// The next step begins.
  void forget_step();

  const LaneEventList<T>& list(std::size_t lane) const { return lists_[lane]; }
  /// The event that ended a lane's step; null if none did.
  const LaneEvent* cut_of_step(std::size_t lane, std::size_t step) const;
  /// The position in the list of the last event that ended a step before this one; -1 if none did.
  std::ptrdiff_t cut_before(std::size_t lane, std::size_t step) const;

 private:
  void evaluate(const EventSearch<T>& search, const double* times, const T* y, const T* slopes);
  const T* dense_slopes(const EventSearch<T>& search, const double* times);
  EventTracker::Values values_of(std::size_t lane);
  void keep_found(const EventSearch<T>& search);
  void keep(const EventSearch<T>& search, std::size_t lane, const TrackedEvent& event);

  const EventProblem<T>& problem_;
  const std::size_t lanes_, rows_;
  LaneDense<T> dense_;
  FieldFunctionEvaluator<T> watch_, reset_;
  std::vector<EventTracker> trackers_;
  std::vector<LaneEventList<T>> lists_;
  std::vector<std::uint32_t> accepted_;   // lanes whose step was
  std::vector<std::uint32_t> searching_;  // those whose trackers want a probe
  std::vector<std::uint32_t> found_;      // and those in whose steps something may have happened
  std::vector<std::uint32_t> touched_;
  std::vector<char> is_new_;  // [lanes] the tracker wants the values at the step's start
  // Of the step just searched, [lanes].
  std::vector<char> is_cut_, is_end_, has_failed_, looks_into_;
  std::vector<double> cut_times_;
  AlignedVector<double> times_;              // [lanes]
  AlignedVector<T> y_, slopes_, ones_;       // at times_; ones [lanes]
  AlignedVector<T> g_, rates_, resets_;      // [events, lanes] twice, [resets, state, lanes]
  std::vector<double> lane_g_, lane_rates_;  // of one lane
  std::vector<const T*> tangents_;           // watch_'s inputs behind the field's
  std::vector<T*> watched_, moved_;          // outputs
};

extern template struct LaneEventList<float>;
extern template struct LaneEventList<double>;
extern template class LaneEvents<float>;
extern template class LaneEvents<double>;

}  // namespace costate::internal
