// The loop: every iteration attempts one step of every active lane. Lanes that are done keep their numbers and wait;
// the field is evaluated on them, too, which costs time but changes nothing.
//
// lane_solver_first_step.cpp has what happens before the loop, lane_solver_outputs.cpp what accepted steps write.
#include "costate/solve/internal/lane_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "costate/base/interrupt.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/stages.h"
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
      has_inside_(lanes_),
      clock_(lanes_),
      stops_(problem.stops),
      has_stops_(!problem.stops.is_empty()),
      stage_times_(problem.time, lanes_),
      outputs_(lanes_),
      reached_(lanes_),
      outcomes_(lanes_),
      records_(lanes_),
      errors_(problem) {
  if (problem.implicit) implicit_ = std::make_unique<ImplicitStepper<T>>(*problem.implicit);
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
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    begin(lane, states);
    if (lane >= inputs.num_samples) end_lane(lane, Status::kOk);
  }
  find_first_steps();
  step_to_the_end(states);
}

template <class T>
void LaneSolver<T>::step_to_the_end(T* states) {
  for (InterruptPoll poll; plan_steps(); poll()) {
    if (stragglers_ != nullptr && num_active() <= stragglers_->most()) {
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
    outputs_[lane] = wide.outputs_[from];
    outputs_[lane].follows_step |= wide.records_[from].num_steps > 0;
    // A slope that is known there is evaluated again, for its place in a frame, and does not count.
    if (!implicit_) clock_.nfe[lane] -= std::exchange(clock_.knows_first[lane], 0.0);
    if (lane >= inputs.num_samples) end_lane(lane, Status::kOk);
  }
  step_to_the_end(states);
}

template <class T>
void LaneSolver<T>::solve_queue(const LaneInputs<T>& inputs, LaneQueue& queue, T* states, DenseRecord<T>* dense) {
  start(inputs, false);
  dense_record_ = dense;
  clock_ = LaneClock(lanes_);
  std::vector<char> holds_sample(lanes_, 0);
  // A refill costs two evaluations in all lanes: wait until an eighth of them is free.
  const std::size_t worthwhile = std::max<std::size_t>(1, lanes_ / 8);
  for (InterruptPoll poll;; poll()) {
    if (lanes_ - num_active() >= worthwhile) refill(queue, holds_sample, states);
    if (!plan_steps()) {
      // The samples that were just loaded may all have ended at once.
      if (std::find(holds_sample.begin(), holds_sample.end(), 1) == holds_sample.end()) return;
      continue;
    }
    attempt();
    judge(states);
  }
}

template <class T>
void LaneSolver<T>::refill(LaneQueue& queue, std::vector<char>& holds_sample, T* states) {
  bool any = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock_.is_active[lane] != 0) continue;
    if (holds_sample[lane] != 0) {
      report(lane);
      queue.finished(lane);
    }
    holds_sample[lane] = queue.load(lane) ? 1 : 0;
    if (holds_sample[lane] == 0) continue;
    for (std::size_t row = 0; row < state_size_; ++row) y_[row * lanes_ + lane] = inputs_.z0[row * lanes_ + lane];
    for (std::size_t i = lane; i < problem_.num_times * state_size_ * lanes_; i += lanes_)
      states[i] = std::numeric_limits<T>::quiet_NaN();
    write_state(y_.data(), lane, 0, states);
    begin(lane, states);
    any = true;
  }
  if (any) find_first_steps();
}

/// Puts a lane at the start of its sample, whose z0 stands in y and in the states.
template <class T>
void LaneSolver<T>::begin(std::size_t lane, T* states) {
  LaneOutputs& outputs = outputs_[lane];
  outputs = LaneOutputs{};
  outcomes_[lane] = LaneOutcome{};
  records_[lane].clear();
  if (dense_record_ != nullptr) dense_record_->begin(lane);
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
  if (const std::optional<double> misplaced = misplaced_time(lane)) {
    clock_.t[lane] = *misplaced;  // for the report
    return end_lane(lane, Status::kInvalidTimes);
  }
  if (const std::optional<double> coarse = coarse_time(lane)) {
    clock_.t[lane] = *coarse;
    return end_lane(lane, Status::kCoarseTimes);
  }
  outputs.is_fresh = true;
  while (!problem_.is_fixed && static_cast<std::size_t>(outputs.next) < problem_.num_times &&
         time_of(static_cast<std::size_t>(outputs.next), lane) == clock_.t[lane])
    write_state(y_.data(), lane, static_cast<std::size_t>(outputs.next++), states);
  if (!lane_is_finite(y_.data(), lane, lanes_, state_size_)) return end_lane(lane, Status::kNonFinite);
  if (static_cast<std::size_t>(outputs.next) == problem_.num_times) return end_lane(lane, Status::kOk);
  clock_.next_time[lane] = time_of(static_cast<std::size_t>(outputs.next), lane);
}

/// The first of a lane's times that is not finite or turns back. Times may repeat: padded series do.
template <class T>
std::optional<double> LaneSolver<T>::misplaced_time(std::size_t lane) const {
  const bool ascends = time_of(problem_.num_times - 1, lane) >= time_of(0, lane);
  for (std::size_t i = 0; i < problem_.num_times; ++i)
    if (!std::isfinite(time_of(i, lane))) return time_of(i, lane);
  for (std::size_t i = 1; i < problem_.num_times; ++i) {
    const double before = time_of(i - 1, lane), t = time_of(i, lane);
    if (ascends ? t < before : t > before) return t;
  }
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

/// Under joint control every sample has the root mean square of all samples' norms.
template <class T>
void LaneSolver<T>::join(T* norms) const {
  if (problem_.options.control != Control::kJoint) return;
  double squares = 0;
  for (std::size_t lane = 0; lane < inputs_.num_samples; ++lane)
    if (outcomes_[lane].status == Status::kOk)
      squares += static_cast<double>(norms[lane]) * static_cast<double>(norms[lane]);
  std::fill_n(norms, lanes_, static_cast<T>(std::sqrt(squares / static_cast<double>(inputs_.num_samples))));
}

template <class T>
std::size_t LaneSolver<T>::num_active() const {
  return static_cast<std::size_t>(std::ranges::count_if(clock_.is_active, [](double active) { return active != 0; }));
}

template <class T>
bool LaneSolver<T>::any_active() const {
  return std::ranges::any_of(clock_.is_active, [](double active) { return active != 0; });
}

/// h and t_next of the next attempt. False if no lane is active.
template <class T>
bool LaneSolver<T>::plan_steps() {
  const auto max_steps = static_cast<double>(problem_.options.max_steps);
  if (!problem_.is_fixed) limit_steps();
  if (problem_.is_fixed) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      if (is_spent(clock_, lane, max_steps)) end_lane(lane, Status::kMaxSteps);
      plan_fixed(lane);
    }
  } else if (plan_adaptive(clock_, max_steps)) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      if (is_spent(clock_, lane, max_steps)) end_lane(lane, Status::kMaxSteps);
      if (is_stuck(clock_, lane))
        end_lane(lane, std::isfinite(clock_.error[lane]) ? Status::kStepTooSmall : Status::kNonFinite);
    }
    plan_adaptive(clock_, max_steps);
  }
  if (has_stops_) find_sides();
  for (std::size_t lane = 0; lane < lanes_; ++lane) steps_[lane] = static_cast<T>(clock_.h[lane]);
  return any_active();
}

template <class T>
void LaneSolver<T>::plan_fixed(std::size_t lane) {
  clock_.h[lane] = 0;
  clock_.t_next[lane] = clock_.t[lane];
  if (clock_.is_active[lane] == 0) return;
  LaneOutputs& outputs = outputs_[lane];
  const auto next = static_cast<std::size_t>(outputs.next);
  const double start = time_of(next - 1, lane), stop = time_of(next, lane);
  if (outputs.step_in_interval == 0) outputs.steps_in_interval = steps_in_interval(stop - start, problem_.options);
  clock_.h[lane] = (stop - start) / outputs.steps_in_interval;
  const int following = outputs.step_in_interval + 1;
  clock_.t_next[lane] = following == outputs.steps_in_interval ? stop : std::fma(following, clock_.h[lane], start);
}

template <class T>
void LaneSolver<T>::write_state(std::size_t stage, T* out) const {
  write_stage_state(*problem_.tableau, stage, y_.data(), steps_.data(),
                    {slope(0), problem_.frame.block, state_size_, lanes_}, out);
}

template <class T>
void LaneSolver<T>::evaluate_stage(std::size_t stage) {
  if (problem_.reads_time) {
    stage_times_.set_all(problem_.tableau->c[stage], clock_.t.data(), clock_.h.data(), first_times(), last_times());
    stage_times_.write(frame_.times(stage));
  }
  write_state(stage, frame_.state(stage));
  evaluate(stage);
}

/// k_0 where it is not carried over.
template <class T>
void LaneSolver<T>::evaluate_first() {
  const StepFrame<T> spare(spare_block_.data(), problem_.frame);
  double num_missing = 0, num_known = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const double known = clock_.is_active[lane] * clock_.knows_first[lane], missing = clock_.is_active[lane] - known;
    mask_[lane] = static_cast<T>(missing);
    clock_.nfe[lane] += missing;
    clock_.knows_first[lane] += missing;
    num_missing += missing;
    num_known += known;
  }
  if (num_missing == 0) return;
  const bool all_missing = num_known == 0;
  if (problem_.reads_time) {
    stage_times_.set_all(first_times());
    stage_times_.write(spare.times(0));
  }
  const StepFrame<T> into = all_missing ? frame_ : spare;
  const T* y = y_.data();
  if (frames_.keeps()) {
    std::copy_n(spare.times(0), problem_.time.count * lanes_, into.times(0));
    std::copy(y_.begin(), y_.end(), into.state(0));
    y = into.state(0);
  }
  field_.run(spare.times(0), y, inputs_, into.slope(0), into.saved(0));
  if (!all_missing) select_first(spare, 0, frame_, frame_);
}

template <class T>
void LaneSolver<T>::evaluate_closing() {
  if (!lacks_closing()) return;
  if (problem_.reads_time) {
    stage_times_.set_all(last_times());
    stage_times_.write(frame_.times(closing()));
  }
  evaluate(closing());
  closing_known_ = true;
}

template <class T>
void LaneSolver<T>::attempt() {
  if (implicit_) return attempt_implicit();
  evaluate_first();
  for (std::size_t stage = 1; stage < closing(); ++stage) evaluate_stage(stage);
  write_state(closing(), y_next());
  closing_known_ = extra_known_ = false;
  const bool needs_closing = problem_.tableau->error_needs_closing_stage() && !problem_.is_fixed;
  if (needs_closing) evaluate_closing();
}

/// The error of each lane's attempt, and what the controller makes of it.
template <class T>
Judgement LaneSolver<T>::judge_errors() {
  const SolveOptions& options = problem_.options;
  const AttemptedStep<T> attempt{
      y_.data(), y_next(), steps_.data(), {slope(0), problem_.frame.block, state_size_, lanes_}};
  if (implicit_)
    judge_implicit();
  else
    errors_.error_of(attempt, norms_.data());
  join(norms_.data());
  std::copy(norms_.begin(), norms_.end(), clock_.error.begin());
  if (guard_ != nullptr) {
    T* bends = other_norms_.data();
    std::fill_n(bends, lanes_, T{0});
    if (!implicit_ && guard_->reads_bends(clock_)) {
      errors_.bend_of(attempt, bends);
      join(bends);
    }
    guard_->judge({frame_, y_.data(), steps_.data(), bends, first_times(), last_times(), inputs_}, clock_);
  }
  for (std::size_t lane = 0; options.min_step > 0 && lane < lanes_; ++lane)
    if (is_shortest(clock_.h[lane], options.min_step)) clock_.error[lane] = norms_[lane];
  return judge_adaptive({.control = options.step_control,
                         .error_order = problem_.tableau->error_order(),
                         .shortest = options.min_step,
                         .takes_shortest = options.at_min_step == AtMinStep::kAccept},
                        evaluations_of_attempt(), clock_, reached_.data());
}

/// Those of the field, but for a first slope that was not carried over.
template <class T>
double LaneSolver<T>::evaluations_of_attempt() const {
  if (implicit_) return implicit_->step().evaluations;
  return static_cast<double>(closing()) - (closing_known_ ? 0 : 1);
}

/// Lanes whose step of min_step was rejected cannot go on.
template <class T>
void LaneSolver<T>::end_at_shortest() {
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (clock_.accepted[lane] == 0 && is_shortest(clock_.h[lane], problem_.options.min_step))
      end_lane(lane, std::isfinite(clock_.error[lane]) ? Status::kStepTooSmall : Status::kNonFinite);
}

/// norms_: 0, or NaN where a number of the lane's next state is not finite.
template <class T>
void LaneSolver<T>::add_up_zeros() {
  constexpr std::size_t kChains = 16;  // of one lane's numbers, beside each other
  std::fill(norms_.begin(), norms_.end(), T{0});
  const std::size_t chained = lanes_ == 1 ? state_size_ / kChains * kChains : 0;
  T sums[kChains] = {};
  for (std::size_t row = 0; row < chained; row += kChains)
    for (std::size_t chain = 0; chain < kChains; ++chain) sums[chain] += T{0} * y_next_[row + chain];
  for (const T sum : sums) norms_[0] += sum;
  for (std::size_t row = chained; row < state_size_; ++row)
    for (std::size_t lane = 0; lane < lanes_; ++lane) norms_[lane] += T{0} * y_next_[row * lanes_ + lane];
}

/// Fixed steps are accepted unless a number of the next state is not finite.
template <class T>
Judgement LaneSolver<T>::accept_fixed() {
  Judgement judgement;
  if (implicit_) end_without_convergence();
  add_up_zeros();
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    clock_.nfe[lane] += evaluations_of_attempt() * clock_.is_active[lane];
    if (clock_.is_active[lane] != 0 && norms_[lane] != 0) end_lane(lane, Status::kNonFinite);
    clock_.factor[lane] = 1;
    const double accepted = clock_.accepted[lane] = clock_.is_active[lane];
    clock_.num_accepted[lane] += accepted;
    clock_.knows_first[lane] = 0;
    judgement.any_accepted |= accepted != 0;
    LaneOutputs& outputs = outputs_[lane];
    if (accepted == 0 || ++outputs.step_in_interval < outputs.steps_in_interval) continue;
    outputs.step_in_interval = 0;
    reached_[judgement.num_reached++] = static_cast<std::uint32_t>(lane);
  }
  return judgement;
}

template <class T>
void LaneSolver<T>::judge(T* states) {
  Judgement judgement = problem_.is_fixed ? accept_fixed() : judge_errors();
  if (!problem_.is_fixed && problem_.options.min_step > 0) end_at_shortest();
  if (guard_ != nullptr) guard_->advance(clock_);
  if (!judgement.all_finite) frames_.spoil();
  if (dense_record_ != nullptr && judgement.any_accepted) evaluate_dense();
  if (events_ != nullptr) find_events(judgement);
  for (std::size_t lane = 0; lane < lanes_; ++lane) mask_[lane] = static_cast<T>(clock_.accepted[lane]);
  if (judgement.num_reached > 0) pass_all_outputs(judgement.num_reached, states);
  if (events_ != nullptr) end_at_events();
  if (dense_record_ != nullptr) keep_dense();
  for (std::size_t lane = 0; keeps_records_ && lane < lanes_; ++lane)
    if (mask_[lane] != 0) keep_record(lane);
  if (listener_ != nullptr && judgement.any_accepted) listener_->stepped();
  select_lanes(mask_.data(), y_next(), y_.data(), y_.data(), state_size_, lanes_);
  if (events_ != nullptr) events_->write_after_cuts(y_.data());
  if (judgement.any_accepted) carry_over();
  if (implicit_) std::ranges::fill(clock_.knows_first, 1.0);  // none is asked for but a sample's very first
  advance(clock_);
  if (has_stops_ && !problem_.is_fixed) pass_stops();
}

/// Block 0 of what comes next: the closing stage where the step was accepted, what it was elsewhere. At a stop the next
/// step's first slope is another.
template <class T>
void LaneSolver<T>::carry_over() {
  ++round_;
  const StepFrame<T> done = frame_;
  const bool is_kept = frames_.keep_current();
  frame_ = frames_.current();
  if (closing_known_) {
    select_first(done, closing(), done, frame_);
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      clock_.knows_first[lane] += ends_at_stop(lane) ? 0 : clock_.accepted[lane];
  } else if (is_kept && !problem_.is_fixed) {
    std::copy_n(done.block(0), problem_.frame.block, frame_.block(0));
  }
}

/// Of whole blocks where they are kept, of their slopes otherwise.
template <class T>
void LaneSolver<T>::select_first(const StepFrame<T>& x, std::size_t stage, const StepFrame<T>& y,
                                 const StepFrame<T>& out) {
  if (frames_.keeps())
    select_lanes(mask_.data(), x.block(stage), y.block(0), out.block(0), problem_.frame.block / lanes_, lanes_);
  else
    select_lanes(mask_.data(), x.slope(stage), y.slope(0), out.slope(0), state_size_, lanes_);
}

template <class T>
void LaneSolver<T>::keep_record(std::size_t lane) {
  LaneRecord<T>& record = records_[lane];
  if (!problem_.is_fixed) {
    record.starts.push_back(clock_.t[lane]);
    record.sizes.push_back(clock_.h[lane]);
    record.rounds.push_back(round_);
  }
  record.append(y_.data(), lane, lanes_, state_size_, recorded_numbers(problem_, inputs_.memory_parts));
  if (problem_.is_fixed && outputs_[lane].step_in_interval == 0) record.interval_steps.push_back(record.num_steps);
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
}

template class LaneSolver<float>;
template class LaneSolver<double>;

}  // namespace costate::internal
