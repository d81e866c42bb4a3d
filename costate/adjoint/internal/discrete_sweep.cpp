#include "costate/adjoint/internal/discrete_sweep.h"

#include <algorithm>

#include "costate/base/interrupt.h"
#include "costate/exec/kernels/step_cotangents.h"

namespace costate::internal {

template <class T>
DiscreteSweep<T>::DiscreteSweep(const LaneProblem<T>& problem, const FieldVjp<T>& field)
    : problem_(problem),
      field_(field),
      lanes_(problem.lanes),
      padded_(padded(problem.lanes)),
      size_(padded(problem.state_size * problem.lanes)),
      dense_form_(dense_form(problem)),
      carries_(problem.tableau->error_needs_closing_stage() && !problem.is_fixed),
      replay_(problem),
      lender_(problem),
      workspace_(field.function().make_workspace()),
      walk_(problem),
      dense_(problem.lanes),
      ends_(problem.lanes) {
  const auto stages = static_cast<std::size_t>(problem.tableau->num_all_stages());
  slope_cotangents_.resize(stages * size_);
  for (auto* buffer : {&y_, &y_cotangent_, &state_cotangent_, &carried_, &gathered_}) buffer->resize(size_);
  for (auto* buffer : {&time_cotangent_, &dots_, &step_bars_, &time_bars_, &mask_}) buffer->resize(lanes_);
  ones_.assign(lanes_, T{1});
  idle_times_.resize(lanes_);
  first_stops_.resize(lanes_);
  for (const WantedArgument& argument : field.arguments())
    argument_cotangents_.emplace_back(argument.is_shared ? 0 : argument.size * lanes_);
  dense_weights_.resize(dense_form_.size() * padded_);
  theta_.resize(padded_);
  remaining_.resize(lanes_);
  targets_.resize(lanes_);
  active_.resize(lanes_);
  is_explicit_.resize(lanes_);
  current_.resize(lanes_);
  if (problem.function_step) function_reverse_ = std::make_unique<FunctionStepReverse<T>>(problem, field);
  if (problem.events) events_ = std::make_unique<EventSweep<T>>(problem, field);
  if (field.wants_times() && !problem.is_fixed) start_slopes_ = std::make_unique<OutputSlopes<T>>(problem);
  if (problem.narrow) narrow_ = std::make_unique<Narrow>(*problem.narrow);
}

template <class T>
std::int64_t DiscreteSweep<T>::run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients) {
  solve_ = solve;
  cotangent_ = cotangent;
  gradients_ = &gradients;
  evaluations_ = 0;
  gradients.clear(problem_, field_.arguments());
  if (!start()) return 0;
  take_back_stragglers();
  InterruptPoll poll;
  while (const std::optional<std::size_t> round = last_round()) {
    poll();
    load_steps(*round);
    function_reverse_ ? load_function_step() : load_frame(*round);
    start_cotangents();
    function_reverse_ ? take_back_function_step() : take_back_stages();
    for (std::size_t lane = 0; field_.wants_times() && lane < lanes_; ++lane)
      if (active_[lane] != 0) add_to_times(lane);
    finish_step();
  }
  finish();
  return evaluations_;
}

template <class T>
void DiscreteSweep<T>::take_back_stages() {
  for (std::size_t stage = num_used_stages_; stage-- > 1;) take_back_stage(stage, num_active_);
  take_back_first_stage();
}

template <class T>
bool DiscreteSweep<T>::start() {
  if (!lender_.start(*solve_.solver, solve_.inputs)) return false;
  solve_is_linear_ = solve_.solver->problem().gradients == problem_.gradients;
  if (!solve_is_linear_) {
    prepare_field<T>(problem_, solve_.inputs.arguments, shared_);
    solve_.inputs.shared = shared_.data();
  }
  replay_.start(*solve_.solver, solve_.inputs);
  if (function_reverse_) function_reverse_->start(lender_.arguments());
  if (events_ != nullptr)
    events_->start(solve_, lender_, cotangent_ + problem_.num_times * problem_.state_size * lanes_, *gradients_);
  std::copy_n(solve_.inputs.z0, problem_.state_size * lanes_, y_.data());
  for (auto* cotangent : {&y_cotangent_, &carried_}) std::fill(cotangent->begin(), cotangent->end(), T{0});
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    remaining_[lane] = lender_.borrows(lane) ? 0 : solve_.solver->records()[lane].num_steps;
    idle_times_[lane] = time_of(0, lane);
    if (field_.wants_times() && !problem_.is_fixed)
      first_stops_[lane] =
          solve_.solver->first_stop(lane, events_ != nullptr ? events_->origin(lane) : time_of(0, lane));
    current_[lane].first_output = static_cast<std::int32_t>(solve_.solver->next_output(lane));
  }
  lender_.lend(y_.data(), problem_.state_size);
  lender_.lend(idle_times_.data(), 1);
  cotangents_ = {.time = time_cotangent_.data(),
                 .state = state_cotangent_.data(),
                 .arguments = argument_targets(field_.arguments(), *gradients_, argument_cotangents_)};
  return true;
}

/// The last round that has steps to take back; nullopt if none remain.
template <class T>
std::optional<std::size_t> DiscreteSweep<T>::last_round() const {
  std::optional<std::size_t> last;
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (remaining_[lane] > 0) last = std::max(last.value_or(0), solve_.solver->round_of(lane, remaining_[lane] - 1));
  return last;
}

/// The steps of a round: which lanes have one, and how many stages it takes to take them back.
template <class T>
void DiscreteSweep<T>::load_steps(std::size_t round) {
  const LaneSolver<T>& solver = *solve_.solver;
  bool any_carried = false, any_at_end = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    active_[lane] = remaining_[lane] > 0 && solver.round_of(lane, remaining_[lane] - 1) == round ? 1 : 0;
    targets_[lane] = active_[lane] != 0 ? remaining_[lane] : 0;
    dense_.set(lane, 0, 0);
    ends_.set(lane, 0, 0);
    if (active_[lane] == 0) {
      walk_.wait(lane, idle_times_[lane]);
      if (events_ != nullptr) events_->wait(lane);
      continue;
    }
    const LaneStep last = solver.step(lane, remaining_[lane] - 1, current_[lane].first_output);
    current_[lane] = last;
    walk_.take(lane, last.times());
    if (events_ != nullptr) events_->take(lane, remaining_[lane] - 1, last);
    any_carried = any_carried || (carries_ && !is_last(lane) && !last.ends_at_stop());
    std::int32_t num_dense = problem_.is_fixed ? 0 : last.num_outputs;  // those at the step's end are y1 itself
    while (num_dense > 0 && !last.ends_at_event &&
           time_of(static_cast<std::size_t>(last.first_output + num_dense - 1), lane) == last.t_next)
      --num_dense;
    dense_.set(lane, last.first_output, num_dense);
    ends_.set(lane, last.first_output + num_dense, last.num_outputs - num_dense);
    any_at_end = any_at_end ||
                 (num_dense < last.num_outputs && moves_alone(static_cast<std::size_t>(last.first_output + num_dense)));
  }
  num_active_ = std::count(active_.begin(), active_.end(), char{1});
  const bool any_events = events_ != nullptr && events_->begin();
  num_used_stages_ = any_events || dense_.begin() ? static_cast<std::size_t>(problem_.tableau->num_all_stages())
                     : any_carried || any_at_end  ? closing() + 1
                                                  : closing();
}

/// The evaluations of a round: the frame that the solve kept, or the stages evaluated again.
template <class T>
void DiscreteSweep<T>::load_frame(std::size_t round) {
  const LaneSolver<T>& solver = *solve_.solver;
  if (solve_is_linear_ && round < solver.frames().num_kept()) {
    frame_ = solver.frames().kept(round);
  } else {
    own_frame_.resize(problem_.frame.size());
    frame_ = StepFrame<T>(own_frame_.data(), problem_.frame);
    evaluations_ += replay_.load(targets_, y_.data());
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (active_[lane] != 0) idle_times_[lane] = current_[lane].t;  // of the state that was loaded
    evaluate_stages();
  }
}

template <class T>
void DiscreteSweep<T>::evaluate_stages() {
  const Slopes<T> slopes{frame_.slope(0), problem_.frame.block, problem_.state_size, lanes_};
  for (std::size_t stage = 0; stage < num_used_stages_; ++stage) {
    walk_.write_times(stage, frame_.times(stage));
    walk_.write_state(stage, y_.data(), slopes, frame_.state(stage));
    field_.bind_inputs(frame_.times(stage), frame_.state(stage), lender_.arguments(), slope_cotangent(stage),
                       input_pointers_);
    field_.bind_slope(frame_.slope(stage), output_pointers_);
    field_.function().run(Phase::kForward, call(stage));
  }
}

template <class T>
TileCall<T> DiscreteSweep<T>::call(std::size_t stage) {
  return {.inputs = input_pointers_,
          .outputs = output_pointers_,
          .shared = solve_.inputs.shared,
          .saved = frame_.saved(stage),
          .workspace = &workspace_,
          .lane_weights = nullptr,
          .num_samples = solve_.inputs.num_samples,
          .first_sample = 0,
          .report = nullptr};
}

/// Cotangents of the stages' slopes, of y, h and t from what the step gives: its end state, its outputs and the slope
/// that the next step begins with.
template <class T>
void DiscreteSweep<T>::start_cotangents() {
  std::fill_n(slope_cotangents_.begin(), num_used_stages_ * size_, T{0});
  if (carries_) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) mask_[lane] = active_[lane] != 0 ? T{1} : T{0};
    if (num_used_stages_ > closing())
      select_lanes(mask_.data(), carried_.data(), slope_cotangent(closing()), slope_cotangent(closing()),
                   problem_.state_size, lanes_);
    select_lanes(mask_.data(), slope_cotangent(0), carried_.data(), carried_.data(), problem_.state_size, lanes_);
  }
  std::fill(step_bars_.begin(), step_bars_.end(), T{0});
  std::fill(time_bars_.begin(), time_bars_.end(), T{0});
  add_end_outputs();
  for (std::size_t lane = 0; has_mass() && field_.wants_times() && lane < lanes_; ++lane)
    if (active_[lane] != 0 && is_first_step(lane)) add_function_step_rates_at_start(lane);
  if (events_ != nullptr) events_->take_ends(y_cotangent_.data());
  if (function_reverse_) {
    start_function_step();
  } else {
    add_to_slopes(y_cotangent_.data(), problem_.tableau->b);
    add_dot(y_cotangent_.data(), problem_.tableau->b);
  }
  add_dense_outputs();
  if (events_ != nullptr) take_back_events();
}

/// kbar_j += h weights_j x.
template <class T>
void DiscreteSweep<T>::add_to_slopes(const T* x, std::span<const double> weights) {
  T* slopes[kMaxStages];
  T coefficients[kMaxStages];
  std::size_t count = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] == 0) continue;
    slopes[count] = slope_cotangent(j);
    coefficients[count++] = static_cast<T>(weights[j]);
  }
  internal::add_to_slopes<T>({x, walk_.sizes(), slopes, count, problem_.state_size, lanes_}, coefficients);
}

/// hbar += x · sum_j weights_j k_j.
template <class T>
void DiscreteSweep<T>::add_dot(const T* x, std::span<const double> weights) {
  if (!field_.wants_times()) return;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] == 0) continue;
    const T weight = static_cast<T>(weights[j]);
    for (std::size_t row = 0; row < problem_.state_size; ++row)
      for (std::size_t lane = 0; lane < lanes_; ++lane)
        step_bars_[lane] += weight * x[row * lanes_ + lane] * frame_.slope(j)[row * lanes_ + lane];
  }
}

/// A first stage that is the closing one of the step before is taken back there.
template <class T>
void DiscreteSweep<T>::take_back_first_stage() {
  if (!carries_) return take_back_stage(0, num_active_);
  std::int64_t num_first = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const bool is_first = active_[lane] != 0 && (step(lane).starts_at_stop() || is_first_step(lane));
    num_first += is_first ? 1 : 0;
    mask_[lane] = active_[lane] != 0 && !is_first ? T{1} : T{0};
  }
  move_lanes(mask_.data(), slope_cotangent(0), carried_.data(), problem_.state_size, lanes_);
  if (num_first == 0) return;
  take_back_stage(0, num_first);
}

template <class T>
void DiscreteSweep<T>::take_back_stage(std::size_t stage, std::int64_t num_lanes) {
  evaluations_ += num_lanes;
  field_.bind_inputs(frame_.times(stage), frame_.state(stage), lender_.arguments(), slope_cotangent(stage),
                     input_pointers_);
  field_.bind_cotangents(cotangents_, output_pointers_);
  field_.function().run(Phase::kReverse, call(stage));
  field_.function().run(Phase::kAccumulate, call(stage));
  add_own_arguments();
  const double node = problem_.tableau->c[stage];
  for (std::size_t lane = 0; field_.wants_times() && lane < lanes_; ++lane) {
    time_bars_[lane] += time_cotangent_[lane];
    step_bars_[lane] += static_cast<T>(node) * time_cotangent_[lane];
  }
  axpy_lanes(ones_.data(), state_cotangent_.data(), y_cotangent_.data(), problem_.state_size, lanes_);
  const std::span<const double> row = problem_.tableau->a_row(static_cast<int>(stage));
  add_to_slopes(state_cotangent_.data(), row);
  add_dot(state_cotangent_.data(), row);
}

/// Those of samples; shared ones were added where they stand.
template <class T>
void DiscreteSweep<T>::add_own_arguments() {
  for (std::size_t i = 0; i < field_.arguments().size(); ++i) {
    if (field_.arguments()[i].is_shared) continue;
    T* sum = gradients_->arguments[i].data();
    for (std::size_t k = 0; k < argument_cotangents_[i].size(); ++k) sum[k] += argument_cotangents_[i][k];
  }
}

/// Lanes whose last step was taken back hand out the cotangent of their start.
template <class T>
void DiscreteSweep<T>::finish_step() {
  bool any_done = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const bool is_done = active_[lane] != 0 && --remaining_[lane] == 0;
    mask_[lane] = is_done ? T{1} : T{0};
    any_done = any_done || is_done;
  }
  if (any_done) move_lanes(mask_.data(), y_cotangent_.data(), gradients_->z0.data(), problem_.state_size, lanes_);
}

/// The outputs at the start are z0 itself.
template <class T>
void DiscreteSweep<T>::finish() {
  field_.bind_cotangents(cotangents_, output_pointers_);
  if (function_reverse_)
    function_reverse_->finish_sums(cotangents_.arguments);
  else
    field_.function().finish_sums(output_pointers_, workspace_);
  if (events_ != nullptr) events_->finish();
  bool any_repeated = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    mask_[lane] = solve_.solver->took_over() || lender_.borrows(lane) ? T{0} : T{1};
  for (std::size_t output = 0; output < problem_.num_times; ++output) {
    bool any = false;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      if (mask_[lane] != 0 && !is_at_start(output, lane)) mask_[lane] = T{0};
      any = any || mask_[lane] != 0;
    }
    if (!any) break;
    any_repeated = any_repeated || output > 0;
    add_lanes(mask_.data(), output_cotangent(output), gradients_->z0.data(), problem_.state_size, lanes_);
  }
  if (any_repeated && field_.wants_times()) add_rates_at_start();
}

template class DiscreteSweep<float>;
template class DiscreteSweep<double>;

}  // namespace costate::internal
