// Events in the discrete adjoint of a lane solve. An event of a step from (t, y) is where its g is zero on the dense
// output z(s) of that step:
//
//     g(s, z(s)) = 0,   z(s) = y + h sum_j b_j((s - t) / h) k_j,   and if it moves the state, z+ = r(s, z(s))
//
// With cotangents v of z+, w of z(s) and b of the time s, where b is that of all later steps, which begin at s, too:
// what moves s moves g, so that a multiple m of g that makes s stationary stands for s (implicit function theorem):
//
//     w += v r_z,  b += v r_t
//     m  = -(b + w z'(s)) / (g_t + g_z z'(s))
//     w += m g_z,  and the arguments of g and r get m g_a + v r_a
//
// What is left is an output of the dense output at s with the cotangent w, and s itself has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"

namespace costate::internal {

template <class T>
class EventSweep {
 public:
  EventSweep(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  /// `cotangent` [EventField::tail_size, lanes] is of what a solve gives behind its states.
  void start(const FinishedSolve<T>& solve, const Lender<T>& lender, const T* cotangent, SolveGradients<T>& gradients);
  /// After the last step: the sums over samples are complete.
  void finish();

  /// The step of a lane that is taken back, or none.
  void take(std::size_t lane, std::size_t index, const LaneStep& step);
  void wait(std::size_t lane);
  /// One event of a lane's list, of a sweep that takes back no steps.
  void take_event(std::size_t lane, std::size_t position);

  /// Goes through the events of these steps, from the last to the first of each lane; false if there is none left.
  bool begin();
  bool next();
  /// Whether the lane has an event in this pass, and its time.
  bool has(std::size_t lane) const { return remaining_[lane] > 0; }
  double time(std::size_t lane) const { return event(lane).t; }
  /// Lanes whose step ends at an event hand over the cotangent v of the next one's start, which is not that of the end
  /// of what was stepped: their columns of y_cotangent become 0.
  void take_ends(T* y_cotangent);
  /// The cotangents w [state, lanes] of z(s) for the lanes of this pass; 0 in others. `slopes`: of all stages, or the
  /// increments.
  const T* take_back(const Slopes<T>& slopes, const T* y);
  /// The same where z'(s) is `rates` [state, lanes].
  const T* take_back(const T* rates);

  /// The lane's step to take back begins at an event or after it, without a stop of the field between: it moves with
  /// that. Otherwise with the first time.
  bool follows_event(std::size_t lane) const { return cuts_[lane] >= 0; }
  T& origin_bar(std::size_t lane) { return origin_bars_[lane]; }
  double origin(std::size_t lane) const;

 private:
  const T* take_back();
  const LaneEvent& event(std::size_t lane) const { return solve_.solver->events()->list(lane).events[position(lane)]; }
  std::size_t position(std::size_t lane) const { return last_[lane] - (count_[lane] - remaining_[lane]); }
  const T* listed_cotangent(std::size_t lane) const;
  void load_places();
  enum class Of { kValue, kReset, kBoth };
  void load_cotangents(Of which);
  void run(Phase phase, std::span<T* const> outputs);
  void find_multiple(std::size_t lane);
  void leave_cut(std::size_t lane);

  const LaneProblem<T>& problem_;
  const EventProblem<T>& events_;
  const FieldVjp<T>& field_;
  const std::size_t lanes_, rows_;
  FieldFunctionEvaluator<T> evaluator_;
  LaneDense<T> dense_;
  FinishedSolve<T> solve_;
  const Lender<T>* solve_lender_ = nullptr;
  Lender<T> lender_;           // lanes without an event in this pass borrow from one that has one
  std::vector<char> is_idle_;  // [lanes]
  const T* cotangent_ = nullptr;
  SolveGradients<T>* gradients_ = nullptr;
  std::vector<std::size_t> last_, count_, remaining_;  // [lane] the last event of its step, how many, and those left
  std::vector<std::ptrdiff_t> cuts_;                   // [lane] the event that its step to take back follows; or -1
  std::vector<T> origin_bars_;                         // [lane]
  AlignedVector<double> times_, starts_, sizes_;       // [lanes], as all numbers below
  AlignedVector<T> h_, time_bars_, multiples_;         // of the steps; b, m
  AlignedVector<T> g_times_, time_cotangents_;         // g_t, and what a reverse gives
  AlignedVector<T> z_, rates_, moved_, w_;             // [state, lanes]; z'(s), v
  AlignedVector<T> g_states_, state_cotangents_;       // likewise
  AlignedVector<T> g_cotangents_, r_cotangents_;       // [events, lanes], [resets, state, lanes]
  std::vector<AlignedVector<T>> argument_cotangents_;  // of samples
  std::vector<const T*> late_;
  std::vector<T*> outputs_, nothing_;
};

extern template class EventSweep<float>;
extern template class EventSweep<double>;

}  // namespace costate::internal
