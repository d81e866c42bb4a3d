// Every iteration attempts one step of every active lane. Lanes that are done keep their numbers and wait; evaluations
// of the field on them are wasted, never wrong.
#include "costate/solve/internal/lane_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {
namespace {

bool reads_input(const Function& function, std::int64_t position) {
  return std::any_of(function.nodes().begin(), function.nodes().end(),
                     [&](const Node& node) { return node.op == Op::kInput && node.indices[0] == position; });
}

template <class T>
bool lane_is_finite(const T* y, std::size_t lane, std::size_t lanes, std::size_t rows) {
  for (std::size_t row = 0; row < rows; ++row)
    if (!std::isfinite(y[row * lanes + lane])) return false;
  return true;
}

}  // namespace

int steps_in_interval(double length, const SolveOptions& options) {
  // So many that max_steps stops the solve; an overflow would be one step.
  constexpr double kMost = std::numeric_limits<int>::max();
  if (options.steps_per_interval > 0) return options.steps_per_interval;
  if (options.step_size > 0)
    return std::max(1,
                    static_cast<int>(std::min(kMost, std::ceil(std::abs(length) / options.step_size * (1 - 0x1p-40)))));
  return 1;
}

namespace {

template <class T>
TileFunction<T> lower_field(const VectorField& field, std::size_t lanes,
                            const std::optional<WantedGradients>& gradients) {
  if (!gradients) return TileFunction<T>(field.function(), lanes);
  const LinearField linear = linearize(field, *gradients);
  return TileFunction<T>(linear.function, lanes, linear.late_inputs);
}

}  // namespace

template <class T>
LaneProblem<T>::LaneProblem(const VectorField& vector_field, const SolveOptions& solve_options, std::size_t num_lanes,
                            std::size_t times, const std::optional<WantedGradients>& wanted)
    : field(vector_field),
      options(solve_options),
      tableau(&costate::tableau(solve_options.method)),
      lanes(num_lanes),
      num_times(times),
      state_size(static_cast<std::size_t>(vector_field.state_size())),
      gradients(wanted),
      function(lower_field<T>(vector_field, num_lanes, wanted)),
      is_fixed(solve_options.steps_per_interval > 0 || solve_options.step_size > 0 || !tableau->has_error_estimate()),
      reads_time(reads_input(vector_field.function(), 0)) {
  std::size_t offset = 0;
  for (const StatePart& part : field.parts()) {
    part_offsets.push_back(offset);
    offset += static_cast<std::size_t>(part.shape.size());
  }
  if (gradients) {
    num_late_inputs = part_offsets.size();
    num_late_outputs =
        (gradients->times ? 1 : 0) + part_offsets.size() +
        static_cast<std::size_t>(std::count(gradients->arguments.begin(), gradients->arguments.end(), true));
  }
  frame = FrameLayout(state_size * lanes, lanes, function.saved_size(),
                      is_fixed ? closing() : static_cast<std::size_t>(tableau->num_all_stages()), closing(),
                      gradients.has_value());
}

template <class T>
std::size_t most_frames(const LaneProblem<T>& problem) {
  if (!problem.frame.keeps_all) return 1;
  return std::max<std::size_t>(1, problem.options.memory_budget / sizeof(T) / 4 / problem.frame.size());
}

template std::size_t most_frames(const LaneProblem<float>&);
template std::size_t most_frames(const LaneProblem<double>&);

template <class T>
void bind_field_inputs(const LaneProblem<T>& problem, const T* times, const T* y, std::span<const T* const> arguments,
                       std::vector<const T*>& pointers) {
  pointers.clear();
  pointers.push_back(times);
  for (const std::size_t offset : problem.part_offsets) pointers.push_back(y + offset * problem.lanes);
  pointers.insert(pointers.end(), arguments.begin(), arguments.end());
  pointers.resize(pointers.size() + problem.num_late_inputs, nullptr);
}

template void bind_field_inputs(const LaneProblem<float>&, const float*, const float*, std::span<const float* const>,
                                std::vector<const float*>&);
template void bind_field_inputs(const LaneProblem<double>&, const double*, const double*,
                                std::span<const double* const>, std::vector<const double*>&);

template <class T>
void prepare_field(const LaneProblem<T>& problem, std::span<const T* const> arguments, AlignedVector<T>& shared) {
  std::vector<const T*> pointers;
  bind_field_inputs<T>(problem, nullptr, nullptr, arguments, pointers);
  shared.resize(problem.function.shared_size());
  problem.function.prepare(pointers, shared.data());
}

template void prepare_field(const LaneProblem<float>&, std::span<const float* const>, AlignedVector<float>&);
template void prepare_field(const LaneProblem<double>&, std::span<const double* const>, AlignedVector<double>&);

template <class T>
FieldEvaluator<T>::FieldEvaluator(const LaneProblem<T>& problem)
    : problem_(problem), workspace_(problem.function.make_workspace()), saved_(problem.function.saved_size()) {}

template <class T>
void FieldEvaluator<T>::run(const T* times, const T* y, const LaneInputs<T>& inputs, T* slope, T* saved) {
  bind_field_inputs(problem_, times, y, inputs.arguments, inputs_);
  outputs_.clear();
  for (const std::size_t offset : problem_.part_offsets) outputs_.push_back(slope + offset * problem_.lanes);
  outputs_.resize(outputs_.size() + problem_.num_late_outputs, nullptr);
  problem_.function.run(Phase::kForward, {.inputs = inputs_,
                                          .outputs = outputs_,
                                          .shared = inputs.shared,
                                          .saved = saved,
                                          .workspace = &workspace_,
                                          .lane_weights = nullptr,
                                          .num_samples = inputs.num_samples,
                                          .first_sample = 0,
                                          .report = nullptr});
}

template class FieldEvaluator<float>;
template class FieldEvaluator<double>;

template <class T>
void LaneRecord<T>::clear() {
  num_steps = 0;
  starts.clear();
  sizes.clear();
  rounds.clear();
  interval_steps.clear();
  states.clear();
  stride = 1;
}

template <class T>
void LaneRecord<T>::append(const T* y, std::size_t lane, std::size_t lanes, std::size_t state_size,
                           std::size_t most_numbers) {
  const std::size_t index = num_steps++;
  if (index % stride != 0) return;
  while (states.size() + state_size > most_numbers && states.size() > state_size) {  // keep every second state
    const std::size_t kept = (states.size() / state_size + 1) / 2;
    for (std::size_t i = 1; i < kept; ++i)
      std::copy_n(states.begin() + static_cast<std::ptrdiff_t>(2 * i * state_size), state_size,
                  states.begin() + static_cast<std::ptrdiff_t>(i * state_size));
    states.resize(kept * state_size);
    stride *= 2;
    if (index % stride != 0) return;
  }
  for (std::size_t row = 0; row < state_size; ++row) states.push_back(y[row * lanes + lane]);
}

template <class T>
LaneSolver<T>::LaneSolver(const LaneProblem<T>& problem)
    : problem_(problem),
      lanes_(problem.lanes),
      padded_(padded(problem.lanes)),
      state_size_(problem.state_size),
      size_(padded(problem.state_size * problem.lanes)),
      field_(problem),
      frames_(problem.frame, most_frames(problem)),
      frame_(frames_.current()),
      y_(size_),
      y_next_(size_),
      spare_block_(problem.frame.first_size()),
      steps_(lanes_),
      mask_(lanes_),
      norms_(lanes_),
      other_norms_(lanes_),
      dense_mask_(lanes_),
      dense_weights_(padded_ * static_cast<std::size_t>(problem.tableau->num_all_stages())),
      theta_(padded_),
      clock_(lanes_),
      outputs_(lanes_),
      reached_(lanes_),
      outcomes_(lanes_),
      records_(lanes_) {}

template <class T>
void LaneSolver<T>::solve(const LaneInputs<T>& inputs, bool keep_records, T* states) {
  inputs_ = inputs;
  keeps_records_ = keep_records;
  frames_.start(keep_records);
  frame_ = frames_.current();
  round_ = 0;
  const std::size_t state = state_size_ * lanes_;
  std::copy_n(inputs.z0, state, y_.data());
  std::copy_n(inputs.z0, state, states);
  std::fill_n(states + state, (problem_.num_times - 1) * state, std::numeric_limits<T>::quiet_NaN());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    begin(lane, states);
    if (lane >= inputs.num_samples) end_lane(lane, Status::kOk);
  }
  find_first_steps();
  while (plan_steps()) {
    attempt();
    judge(states);
  }
  for (std::size_t lane = 0; lane < lanes_; ++lane) report(lane);
}

template <class T>
void LaneSolver<T>::solve_queue(const LaneInputs<T>& inputs, LaneQueue& queue, T* states) {
  inputs_ = inputs;
  keeps_records_ = false;
  frames_.start(false);
  frame_ = frames_.current();
  clock_ = LaneClock(lanes_);
  std::vector<char> holds_sample(lanes_, 0);
  // A refill costs two evaluations in all lanes: wait until an eighth of them is free.
  const std::size_t worthwhile = std::max<std::size_t>(1, lanes_ / 8);
  for (;;) {
    const auto num_active = std::accumulate(clock_.is_active.begin(), clock_.is_active.end(), 0.0);
    if (lanes_ - static_cast<std::size_t>(num_active) >= worthwhile) refill(queue, holds_sample, states);
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
  const ControlState fresh;
  clock_.previous_log[lane] = fresh.previous_log;
  for (auto* numbers : {&clock_.h, &clock_.knows_first, &clock_.error, &clock_.after_reject, &clock_.num_accepted,
                        &clock_.num_rejected, &clock_.nfe})
    (*numbers)[lane] = 0;
  clock_.t[lane] = time_of(0, lane);
  clock_.end[lane] = time_of(problem_.num_times - 1, lane);
  clock_.is_active[lane] = 1;
  outputs.is_fresh = true;
  while (!problem_.is_fixed && static_cast<std::size_t>(outputs.next) < problem_.num_times &&
         time_of(static_cast<std::size_t>(outputs.next), lane) == clock_.t[lane])
    write_state(y_.data(), lane, static_cast<std::size_t>(outputs.next++), states);
  if (!lane_is_finite(y_.data(), lane, lanes_, state_size_)) return end_lane(lane, Status::kNonFinite);
  if (static_cast<std::size_t>(outputs.next) == problem_.num_times) return end_lane(lane, Status::kOk);
  clock_.next_time[lane] = time_of(static_cast<std::size_t>(outputs.next), lane);
}

/// The first slope and step size of the lanes that begin.
template <class T>
void LaneSolver<T>::find_first_steps() {
  if (!problem_.is_fixed && any_active()) {
    evaluate_first();
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (outputs_[lane].is_fresh && clock_.is_active[lane] != 0 &&
          !lane_is_finite(slope(0), lane, lanes_, state_size_))
        end_lane(lane, Status::kNonFinite);
    choose_first_steps();
  }
  for (LaneOutputs& outputs : outputs_) outputs.is_fresh = false;
}

template <class T>
void LaneSolver<T>::choose_first_steps() {
  const SolveOptions& options = problem_.options;
  const auto direction = [&](std::size_t lane) { return clock_.end[lane] > clock_.t[lane] ? 1.0 : -1.0; };
  const auto begins = [&](std::size_t lane) { return outputs_[lane].is_fresh && clock_.is_active[lane] != 0; };
  if (options.first_step > 0) {
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (begins(lane)) clock_.h[lane] = direction(lane) * options.first_step;
    return;
  }
  const auto norm = [&](const T* x, T* out) {
    scaled_norm(x, y_.data(), static_cast<T>(options.rtol), static_cast<T>(options.atol), out, state_size_, lanes_);
    join(out);
  };
  norm(y_.data(), norms_.data());
  norm(slope(0), other_norms_.data());
  AlignedVector<double>& trials = clock_.factor;  // free: no attempt is judged
  AlignedVector<double>& curvatures = clock_.accepted;
  AlignedVector<double>& slopes = theta_;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    trials[lane] = trial_step({.state = norms_[lane], .slope = other_norms_[lane]});
    steps_[lane] = static_cast<T>(direction(lane) * trials[lane]);
    frame_.times(1)[lane] = static_cast<T>(std::fma(direction(lane), trials[lane], clock_.t[lane]));
  }
  const T one = 1;
  const T* first = slope(0);
  stage_combine(y_.data(), steps_.data(), &first, &one, 1, frame_.state(1), state_size_, lanes_);
  evaluate(1);
  std::fill(mask_.begin(), mask_.end(), T{-1});
  axpy_lanes(mask_.data(), slope(0), slope(1), state_size_, lanes_);
  norm(slope(1), norms_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    slopes[lane] = other_norms_[lane];
    curvatures[lane] = norms_[lane] / trials[lane];
  }
  initial_steps(*problem_.tableau, slopes.data(), curvatures.data(), trials.data(), lanes_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!begins(lane)) continue;
    clock_.h[lane] = direction(lane) * trials[lane];
    clock_.nfe[lane] += 1;
  }
}

/// Under joint control every sample has the root mean square of all samples' norms.
template <class T>
void LaneSolver<T>::join(T* norms) const {
  if (problem_.options.control != Control::kJoint) return;
  double squares = 0;
  for (std::size_t lane = 0; lane < inputs_.num_samples; ++lane)
    squares += static_cast<double>(norms[lane]) * static_cast<double>(norms[lane]);
  std::fill_n(norms, lanes_, static_cast<T>(std::sqrt(squares / static_cast<double>(inputs_.num_samples))));
}

template <class T>
bool LaneSolver<T>::any_active() const {
  return std::any_of(clock_.is_active.begin(), clock_.is_active.end(), [](double active) { return active != 0; });
}

/// h and t_next of the next attempt. False if no lane is active.
template <class T>
bool LaneSolver<T>::plan_steps() {
  const auto max_steps = static_cast<double>(problem_.options.max_steps);
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

/// out = y + h sum weights_j k_j.
template <class T>
void LaneSolver<T>::combine(std::span<const double> weights, T* out) {
  combine_slopes(y_.data(), steps_.data(), {slope(0), problem_.frame.block, state_size_, lanes_}, weights, out);
}

template <class T>
void LaneSolver<T>::evaluate_stage(std::size_t stage) {
  const double node = problem_.tableau->c[stage];
  for (std::size_t lane = 0; problem_.reads_time && lane < lanes_; ++lane)
    frame_.times(stage)[lane] = static_cast<T>(stage_time(node, clock_.t[lane], clock_.h[lane], clock_.t_next[lane]));
  combine(problem_.tableau->a_row(static_cast<int>(stage)), frame_.state(stage));
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
  for (std::size_t lane = 0; problem_.reads_time && lane < lanes_; ++lane)
    spare.times(0)[lane] = static_cast<T>(clock_.t[lane]);
  const StepFrame<T> into = all_missing ? frame_ : spare;
  const T* y = y_.data();
  if (frames_.keeps()) {
    std::copy_n(spare.times(0), lanes_, into.times(0));
    std::copy(y_.begin(), y_.end(), into.state(0));
    y = into.state(0);
  }
  field_.run(spare.times(0), y, inputs_, into.slope(0), into.saved(0));
  if (!all_missing) select_first(spare, 0, frame_, frame_);
}

template <class T>
void LaneSolver<T>::evaluate_closing() {
  if (closing_known_) return;
  for (std::size_t lane = 0; problem_.reads_time && lane < lanes_; ++lane)
    frame_.times(closing())[lane] = static_cast<T>(clock_.t_next[lane]);
  evaluate(closing());
  closing_known_ = true;
}

template <class T>
void LaneSolver<T>::evaluate_extra() {
  const auto count = static_cast<std::size_t>(problem_.tableau->num_all_stages());
  for (std::size_t stage = closing() + 1; stage < count; ++stage) evaluate_stage(stage);
}

template <class T>
void LaneSolver<T>::attempt() {
  evaluate_first();
  for (std::size_t stage = 1; stage < closing(); ++stage) evaluate_stage(stage);
  combine(problem_.tableau->b, y_next());
  closing_known_ = false;
  const bool needs_closing = problem_.tableau->error_needs_closing_stage() && !problem_.is_fixed;
  if (needs_closing) evaluate_closing();
}

/// The error of each lane's attempt, and what the controller makes of it.
template <class T>
Judgement LaneSolver<T>::judge_errors() {
  const Tableau& tableau = *problem_.tableau;
  const T* slopes[kMaxStages];
  T coefficients[kMaxStages];
  std::size_t count = 0;
  for (std::size_t j = 0; j < tableau.e.size(); ++j) {
    if (tableau.e[j] == 0) continue;
    slopes[count] = slope(j);
    coefficients[count++] = static_cast<T>(tableau.e[j]);
  }
  scaled_error_norm(y_.data(), y_next(), steps_.data(), slopes, coefficients, count,
                    static_cast<T>(problem_.options.rtol), static_cast<T>(problem_.options.atol), norms_.data(),
                    state_size_, lanes_);
  join(norms_.data());
  std::copy(norms_.begin(), norms_.end(), clock_.error.begin());
  const double evaluations = static_cast<double>(closing()) - (closing_known_ ? 0 : 1);
  return judge_adaptive(problem_.options.step_control, tableau.error_order(), evaluations, clock_, reached_.data());
}

/// Fixed steps are accepted unless they leave the numbers.
template <class T>
Judgement LaneSolver<T>::accept_fixed() {
  Judgement judgement;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    clock_.nfe[lane] += static_cast<double>(closing() - 1) * clock_.is_active[lane];
    if (clock_.is_active[lane] != 0 && !lane_is_finite(y_next(), lane, lanes_, state_size_))
      end_lane(lane, Status::kNonFinite);
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
  const Judgement judgement = problem_.is_fixed ? accept_fixed() : judge_errors();
  if (!judgement.all_finite) frames_.spoil();
  for (std::size_t lane = 0; lane < lanes_; ++lane) mask_[lane] = static_cast<T>(clock_.accepted[lane]);
  if (judgement.num_reached > 0) pass_all_outputs(judgement.num_reached, states);
  for (std::size_t lane = 0; keeps_records_ && lane < lanes_; ++lane)
    if (mask_[lane] != 0) keep_record(lane);
  select_lanes(mask_.data(), y_next(), y_.data(), y_.data(), state_size_, lanes_);
  if (judgement.any_accepted) carry_over();
  advance(clock_);
}

/// Block 0 of what comes next: the closing stage where the step was accepted, what it was elsewhere.
template <class T>
void LaneSolver<T>::carry_over() {
  ++round_;
  const StepFrame<T> done = frame_;
  const bool is_kept = frames_.keep_current();
  frame_ = frames_.current();
  if (closing_known_) {
    select_first(done, closing(), done, frame_);
    for (std::size_t lane = 0; lane < lanes_; ++lane) clock_.knows_first[lane] += clock_.accepted[lane];
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
  record.append(y_.data(), lane, lanes_, state_size_, recorded_numbers(problem_));
  if (problem_.is_fixed && outputs_[lane].step_in_interval == 0) record.interval_steps.push_back(record.num_steps);
}

template <class T>
LaneStep LaneSolver<T>::fixed_step(std::size_t lane, std::size_t index) const {
  const auto& ends = records_[lane].interval_steps;
  const auto interval = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), index) - ends.begin());
  const double start = time_of(interval, lane), stop = time_of(interval + 1, lane);
  const int count = steps_in_interval(stop - start, problem_.options);
  const double h = (stop - start) / count;
  const auto first = static_cast<int>(index - (interval == 0 ? 0 : ends[interval - 1]));
  const bool is_last = first + 1 == count;
  return {.t = first == 0 ? start : std::fma(first, h, start),
          .h = h,
          .t_next = is_last ? stop : std::fma(first + 1, h, start),
          .first_output = static_cast<std::int32_t>(interval) + 1,
          .num_outputs = is_last ? 1 : 0};
}

/// How many output times a solve has passed once it is at t.
template <class T>
std::int32_t LaneSolver<T>::outputs_up_to(std::size_t lane, double t, double direction) const {
  std::size_t low = 1, high = problem_.num_times;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const double at = time_of(middle, lane);
    if (direction > 0 ? at <= t : at >= t)
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<std::int32_t>(low);
}

template <class T>
LaneStep LaneSolver<T>::step(std::size_t lane, std::size_t index) const {
  if (problem_.is_fixed) return fixed_step(lane, index);
  const LaneRecord<T>& record = records_[lane];
  LaneStep step{.t = record.starts[index], .h = record.sizes[index]};
  step.t_next = index + 1 < record.num_steps ? record.starts[index + 1] : outcomes_[lane].t;
  step.first_output = outputs_up_to(lane, step.t, step.h);
  step.num_outputs = outputs_up_to(lane, step.t_next, step.h) - step.first_output;
  return step;
}

/// Writes the outputs up to the end of the steps that were accepted.
template <class T>
void LaneSolver<T>::pass_all_outputs(std::size_t num_reached, T* states) {
  first_dense_ = problem_.num_times;
  last_dense_ = 0;
  for (std::size_t i = 0; i < num_reached; ++i) pass_outputs(reached_[i], states);
  if (first_dense_ < last_dense_) write_dense_outputs(states);
  for (std::size_t i = 0; i < num_reached; ++i) outputs_[reached_[i]].has_dense = false;
}

/// Goes past the outputs up to the step's end, and writes those at its end.
template <class T>
void LaneSolver<T>::pass_outputs(std::size_t lane, T* states) {
  LaneOutputs& outputs = outputs_[lane];
  if (problem_.is_fixed) write_state(y_next(), lane, static_cast<std::size_t>(outputs.next++), states);
  const double h = clock_.h[lane], t_next = clock_.t_next[lane];
  for (; !problem_.is_fixed && static_cast<std::size_t>(outputs.next) < problem_.num_times; ++outputs.next) {
    const auto output = static_cast<std::size_t>(outputs.next);
    const double t = time_of(output, lane);
    if (h > 0 ? t > t_next : t < t_next) break;
    if (t == t_next) {
      write_state(y_next(), lane, output, states);
      continue;
    }
    outputs.has_dense = true;
    first_dense_ = std::min(first_dense_, output);
    last_dense_ = std::max(last_dense_, output + 1);
  }
  if (static_cast<std::size_t>(outputs.next) < problem_.num_times) {
    clock_.next_time[lane] = time_of(static_cast<std::size_t>(outputs.next), lane);
  } else {
    outcomes_[lane].h = h;
    clock_.is_active[lane] = 0;
  }
}

/// The outputs within the steps that were just accepted, an output time of all lanes at once.
template <class T>
void LaneSolver<T>::write_dense_outputs(T* states) {
  const Tableau& tableau = *problem_.tableau;
  const bool closing_is_new = !closing_known_;
  evaluate_closing();
  evaluate_extra();
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (mask_[lane] == 0) continue;
    const bool has_dense = outputs_[lane].has_dense;
    // The closing stage is the next step's first: whoever goes on has it.
    if (closing_is_new && (has_dense || clock_.is_active[lane] != 0)) clock_.nfe[lane] += 1;
    if (has_dense) clock_.nfe[lane] += tableau.num_extra_stages;
  }
  const T* slopes[kMaxStages];
  const auto count = static_cast<std::size_t>(tableau.num_all_stages());
  for (std::size_t j = 0; j < count; ++j) slopes[j] = slope(j);
  for (std::size_t output = first_dense_; output < last_dense_; ++output) {
    const double* times = inputs_.times + output * lanes_;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const double past = times[lane] - clock_.t[lane], left = clock_.t_next[lane] - times[lane], h = clock_.h[lane];
      const double within = (h > 0 ? past > 0 && left > 0 : past < 0 && left < 0) ? clock_.accepted[lane] : 0.0;
      dense_mask_[lane] = static_cast<T>(within);
      theta_[lane] = within != 0 ? past / h : 0.0;
    }
    polynomial_weights(Polynomial::kValue, tableau.dense, static_cast<std::size_t>(tableau.dense_degree), theta_.data(),
                       dense_weights_.data(), padded_, lanes_);
    dense_combine(y_.data(), steps_.data(), slopes, dense_weights_.data(), padded_, count, dense_mask_.data(),
                  states + output * state_size_ * lanes_, state_size_, lanes_);
  }
}

template <class T>
void LaneSolver<T>::write_state(const T* y, std::size_t lane, std::size_t output, T* states) const {
  for (std::size_t row = 0; row < state_size_; ++row)
    states[(output * state_size_ + row) * lanes_ + lane] = y[row * lanes_ + lane];
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

template struct LaneProblem<float>;
template struct LaneProblem<double>;
template struct LaneRecord<float>;
template struct LaneRecord<double>;
template class LaneSolver<float>;
template class LaneSolver<double>;

}  // namespace costate::internal
