// The loop: every iteration attempts one step of every active lane. Lanes that are done keep their numbers and wait;
// the field is evaluated on them, too, which costs time but changes nothing.
//
// lane_solver_first_step.cpp has what happens before the loop, lane_solver_steps.cpp an attempt, lane_solver_judge.cpp
// what becomes of it, lane_solver_outputs.cpp what accepted steps write.
#include "costate/solve/internal/lane_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "costate/base/interrupt.h"
#include "costate/solve/internal/stragglers.h"

namespace costate::internal {

template <class T>
LaneSolver<T>::LaneSolver(const LaneProblem<T>& problem)
    : problem_(problem),
      lanes_(problem.lanes),
      state_size_(problem.state_size),
      size_(padded(problem.state_size * problem.lanes)),
      field_(problem),
      frames_(problem.frame),
      frame_(frames_.current()),
      y_(size_),
      y_next_(size_),
      spare_block_(problem.frame.first_size()),
      steps_(lanes_),
      mask_(lanes_),
      norms_(lanes_),
      other_norms_(lanes_),
      dense_values_(state_size_ * lanes_),
      dense_(problem),
      clock_(lanes_),
      stops_(problem.stops),
      has_stops_(!problem.stops.is_empty()),
      stage_times_(problem.time, lanes_),
      outputs_(lanes_),
      next_(lanes_, 1),
      reached_(lanes_),
      outcomes_(lanes_),
      records_(lanes_),
      errors_(problem) {
  inside_.reserve(lanes_);
  copies_.reserve(lanes_);
  if (problem.function_step) stepper_ = std::make_unique<FunctionStepper<T>>(*problem.function_step);
  if (problem.function_step && problem.function_step->explicit_step) switch_ = std::make_unique<LaneSwitch>(lanes_);
  if (problem.guard) guard_ = std::make_unique<LaneGuard<T>>(problem, field_.workspace());
  if (problem.events) events_ = std::make_unique<LaneEvents<T>>(problem);
  if (problem.narrow) stragglers_ = std::make_unique<Stragglers<T>>(problem);
}

template <class T>
LaneSolver<T>::~LaneSolver() = default;

template <class T>
void LaneSolver<T>::start(const LaneInputs<T>& inputs, bool keep_records) {
  inputs_ = inputs;
  keeps_records_ = keep_records;
  took_over_ = false;
  num_handed_over_ = 0;
  listener_ = nullptr;
  dense_record_ = nullptr;
  rows_ = {};
  frames_.start(keep_records ? most_frames(problem_, inputs.memory_parts) : 1);
  frame_ = frames_.current();
  if (guard_ != nullptr) guard_->start();
  if (events_ != nullptr) events_->start(inputs.arguments);
  round_ = 0;
}

template <class T>
void LaneSolver<T>::solve(const LaneInputs<T>& inputs, bool keep_records, T* states, StepListener* listener,
                          DenseRecord<T>* dense) {
  start(inputs, keep_records);
  COSTATE_DCHECK((listener == nullptr && dense == nullptr) || stragglers_ == nullptr,
                 "a listener would miss the steps of stragglers");
  listener_ = listener;
  dense_record_ = dense;
  const std::size_t state = state_size_ * lanes_;
  std::copy_n(inputs.z0, state, y_.data());
  std::copy_n(inputs.z0, state, states);
  std::fill_n(states + state, (problem_.num_times - 1) * state, std::numeric_limits<T>::quiet_NaN());
  add_up_zeros(y_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    begin(lane, norms_[lane] == 0, states);
    if (lane >= inputs.num_samples) end_lane(lane, Status::kOk);
  }
  find_first_steps();
  step_to_the_end(states);
}

template <class T>
void LaneSolver<T>::step_to_the_end(T* states) {
  for (InterruptPoll poll; plan_steps(); poll()) {
    if (stragglers_ != nullptr && num_active(clock_) <= stragglers_->most()) {
      hand_over(states);
      break;
    }
    attempt();
    judge(states);
  }
  for (std::size_t lane = 0; lane < lanes_; ++lane) report(lane);
  for (std::size_t i = 0; i < num_handed_over_; ++i)
    outcomes_[stragglers_->lanes()[i]] = stragglers_->solver().outcomes()[i];
}

template <class T>
void LaneSolver<T>::hand_over(T* states) {
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (clock_.is_active[lane] != 0) reached_[num_handed_over_++] = static_cast<std::uint32_t>(lane);
  stragglers_->run(*this, std::span(reached_).first(num_handed_over_), inputs_, states);
}

template <class T>
void LaneSolver<T>::take_over(const LaneSolver& wide, std::span<const std::uint32_t> columns,
                              const LaneInputs<T>& inputs, T* states) {
  start(inputs, wide.keeps_records_);
  if (!wide.frames_.keeps()) frames_.spoil();
  took_over_ = true;
  std::copy_n(inputs.z0, state_size_ * lanes_, y_.data());
  stops_.load(inputs.arguments, inputs.num_samples);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const std::size_t from = columns[lane];
    records_[lane].clear();
    outcomes_[lane] = LaneOutcome{};
    clock_.copy(lane, wide.clock_, from);
    if (guard_ != nullptr) guard_->copy(lane, *wide.guard_, from);
    if (switch_ != nullptr) switch_->copy(lane, *wide.switch_, from);
    outputs_[lane] = wide.outputs_[from];
    next_[lane] = wide.next_[from];
    outputs_[lane].follows_step |= wide.records_[from].num_steps > 0;
    // A slope that is known there is evaluated again, for its place in a frame, and does not count.
    if (!stepper_) clock_.nfe[lane] -= std::exchange(clock_.knows_first[lane], 0.0);
    if (lane >= inputs.num_samples) end_lane(lane, Status::kOk);
  }
  step_to_the_end(states);
}

template <class T>
void LaneSolver<T>::solve_queue(const LaneInputs<T>& inputs, LaneQueue& queue, std::span<T* const> rows,
                                DenseRecord<T>* dense, StepListener* listener) {
  start(inputs, false);
  rows_ = rows;
  listener_ = listener;
  dense_record_ = dense;
  clock_ = LaneClock(lanes_);
  std::vector<char> holds_sample(lanes_, 0);
  // A refill costs two evaluations in all lanes: wait until an eighth of them is free.
  const std::size_t worthwhile = std::max<std::size_t>(1, lanes_ / 8);
  for (InterruptPoll poll;; poll()) {
    if (lanes_ - num_active(clock_) >= worthwhile) refill(queue, holds_sample);
    if (!plan_steps()) {
      // The samples that were just loaded may all have ended at once.
      if (std::find(holds_sample.begin(), holds_sample.end(), 1) == holds_sample.end()) return;
      continue;
    }
    if (listener != nullptr) listener->planned();
    attempt();
    judge(nullptr);
  }
}

template <class T>
void LaneSolver<T>::refill(LaneQueue& queue, std::vector<char>& holds_sample) {
  bool any = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock_.is_active[lane] != 0) continue;
    if (holds_sample[lane] != 0) {
      T* rows = rows_[lane];
      std::fill(rows + next_output(lane) * state_size_, rows + problem_.num_times * state_size_,
                std::numeric_limits<T>::quiet_NaN());  // outputs that it did not get to
      report(lane);
      queue.finished(lane);
    }
    holds_sample[lane] = queue.load(lane) ? 1 : 0;
    if (holds_sample[lane] == 0) continue;
    for (std::size_t row = 0; row < state_size_; ++row) y_[row * lanes_ + lane] = inputs_.z0[row * lanes_ + lane];
    write_state(y_.data(), lane, 0, nullptr);
    begin(lane, lane_is_finite(y_.data(), lane, lanes_, state_size_), nullptr);
    any = true;
  }
  if (any) find_first_steps();
}

/// Puts a lane at the start of its sample, whose z0, which may not be finite, stands in y and in the states.
template <class T>
void LaneSolver<T>::begin(std::size_t lane, bool is_finite, T* states) {
  LaneOutputs& outputs = outputs_[lane];
  outputs = LaneOutputs{};
  next_[lane] = 1;
  outcomes_[lane] = LaneOutcome{};
  records_[lane].clear();
  if (dense_record_ != nullptr) dense_record_->begin(lane);
  if (switch_ != nullptr) switch_->begin(lane);
  if (guard_ != nullptr) guard_->begin(lane, std::abs(time_of(problem_.num_times - 1, lane) - time_of(0, lane)));
  const ControlState fresh;
  clock_.previous_log[lane] = fresh.previous_log;
  clock_.before_log[lane] = fresh.before_log;
  for (auto* numbers : {&clock_.h, &clock_.knows_first, &clock_.error, &clock_.after_reject, &clock_.num_accepted,
                        &clock_.num_rejected, &clock_.nfe})
    (*numbers)[lane] = 0;
  clock_.t[lane] = time_of(0, lane);
  clock_.end[lane] = time_of(problem_.num_times - 1, lane);
  clock_.is_active[lane] = 1;
  if (events_ != nullptr) events_->begin(lane, direction(lane));
  if (inputs_.shared_times == nullptr && !has_valid_times(lane)) return;  // those were looked at once
  outputs.is_fresh = true;
  if (inputs_.resume != nullptr) take_up(lane);
  while (!problem_.is_fixed && next_output(lane) < problem_.num_times &&
         time_of(next_output(lane), lane) == clock_.t[lane])
    write_state(y_.data(), lane, static_cast<std::size_t>(next_[lane]++), states);
  if (!is_finite) return end_lane(lane, Status::kNonFinite);
  if (next_output(lane) == problem_.num_times) return end_at_start(lane);
  clock_.next_time[lane] = time_of(next_output(lane), lane);
}

/// Whether a lane's times can be solved for; it ends if not.
template <class T>
bool LaneSolver<T>::has_valid_times(std::size_t lane) {
  if (const std::optional<double> misplaced = misplaced_time(lane)) {
    clock_.t[lane] = *misplaced;  // for the report
    end_lane(lane, Status::kInvalidTimes);
    return false;
  }
  if (const std::optional<double> coarse = coarse_time(lane)) {
    clock_.t[lane] = *coarse;
    end_lane(lane, Status::kCoarseTimes);
    return false;
  }
  return true;
}

/// The lane goes on with what another solve has left. A step that leads nowhere, or the other way in time, says nothing
/// of the next one: the slope that is known is all that such a lane takes.
template <class T>
void LaneSolver<T>::take_up(std::size_t lane) {
  const LaneResume<T>& from = *inputs_.resume;
  clock_.knows_first[lane] = from.knows_slope[lane];
  for (std::size_t row = 0; row < state_size_; ++row) slope(0)[row * lanes_ + lane] = from.slopes[row * lanes_ + lane];
  const double h = from.h[lane], left = clock_.end[lane] - clock_.t[lane];
  if (h == 0 || (left != 0 && (h > 0) != (left > 0))) return;
  outputs_[lane].has_step = true;
  clock_.h[lane] = h;
  clock_.previous_log[lane] = from.previous_log[lane];
  clock_.before_log[lane] = from.before_log[lane];
  if (switch_ != nullptr) switch_->take_up(lane, from.switches[lane]);
  if (stepper_) clock_.knows_first[lane] = 1;  // which asks for one to choose a first step by
}

/// All outputs are at the lane's start. What it has taken up is left to the next solve, but for the slope: other lanes'
/// first ones are evaluated in its place.
template <class T>
void LaneSolver<T>::end_at_start(std::size_t lane) {
  LaneOutcome& outcome = outcomes_[lane];
  outcome.next_step = clock_.h[lane];
  outcome.previous_log = clock_.previous_log[lane];
  outcome.before_log = clock_.before_log[lane];
  clock_.knows_first[lane] = 0;
  end_lane(lane, Status::kOk);
}

/// The first of a lane's times that is not finite or turns back. Times may repeat: padded series do.
template <class T>
std::optional<double> LaneSolver<T>::misplaced_time(std::size_t lane) const {
  const double* const times = inputs_.times + lane;
  const double first = times[0], last = times[(problem_.num_times - 1) * lanes_];
  const double sign = last >= first ? 1 : -1;
  // Between two finite numbers, what is in order is finite.
  bool is_in_order = std::isfinite(first) && std::isfinite(last);
  for (std::size_t i = 1; i < problem_.num_times; ++i)
    is_in_order &= sign * times[(i - 1) * lanes_] <= sign * times[i * lanes_];
  if (is_in_order) return std::nullopt;
  for (std::size_t i = 0; i < problem_.num_times; ++i)
    if (!std::isfinite(time_of(i, lane))) return time_of(i, lane);
  for (std::size_t i = 1; i < problem_.num_times; ++i)
    if (sign * time_of(i - 1, lane) > sign * time_of(i, lane)) return time_of(i, lane);
  return std::nullopt;
}

/// The first of a lane's times that f32, in which the field reads t or the times were computed, hardly tells from the
/// next.
template <class T>
std::optional<double> LaneSolver<T>::coarse_time(std::size_t lane) const {
  if (inputs_.rounds_times && problem_.num_times > 1 &&
      is_coarse_grid(time_of(0, lane), time_of(problem_.num_times - 1, lane), problem_.num_times))
    return time_of(0, lane);
  for (std::size_t i = 1; problem_.time.rounds_time && i < problem_.num_times; ++i)
    if (is_coarse(time_of(i - 1, lane), time_of(i, lane))) return time_of(i - 1, lane);
  return std::nullopt;
}

template <class T>
bool LaneSolver<T>::any_active() const {
  return std::ranges::any_of(clock_.is_active, [](double active) { return active != 0; });
}

/// The lane waits from here on.
template <class T>
void LaneSolver<T>::end_lane(std::size_t lane, Status status) {
  if (clock_.is_active[lane] == 0) return;
  outcomes_[lane].status = status;
  outcomes_[lane].h = clock_.h[lane];
  clock_.is_active[lane] = clock_.h[lane] = 0;
  clock_.end[lane] = clock_.t[lane];
  if (status != Status::kOk) frames_.spoil();
}

template <class T>
void LaneSolver<T>::report(std::size_t lane) {
  LaneOutcome& outcome = outcomes_[lane];
  outcome.t = clock_.t[lane];
  outcome.nfe = static_cast<std::int64_t>(clock_.nfe[lane]);
  outcome.accepted = static_cast<std::int64_t>(clock_.num_accepted[lane]);
  outcome.rejected = static_cast<std::int64_t>(clock_.num_rejected[lane]);
  outcome.implicit = switch_ != nullptr                ? switch_->num_implicit(lane)
                     : problem_.tableau->is_implicit() ? outcome.accepted
                                                       : 0;
}

template class LaneSolver<float>;
template class LaneSolver<double>;

}  // namespace costate::internal
