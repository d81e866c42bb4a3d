#include "costate/adjoint/internal/continuous_adjoint.h"

#include <algorithm>
#include <iterator>

#include "costate/diff/diff.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {
namespace {

/// The field of ((z,) a, g_1, …), with the arguments and Parameters of `field` as its arguments. z is the trajectory's
/// if there is one.
VectorField augment(const VectorField& field, const std::vector<WantedArgument>& own,
                    const std::shared_ptr<LaneTrajectory>& trajectory) {
  const auto& inputs = field.function().inputs();
  const std::size_t num_parts = field.parts().size();
  const std::int64_t size = field.state_size();
  std::vector<StatePart> parts;
  if (trajectory == nullptr) parts.push_back({"z", {size}});
  parts.push_back({"a", {size}});
  const std::size_t of_a = parts.size() - 1;
  std::vector<std::size_t> positions;
  for (std::size_t part = 0; part < num_parts; ++part) positions.push_back(1 + part);
  for (const WantedArgument& argument : own) {
    const std::size_t position = 1 + num_parts + argument.index;
    positions.push_back(position);
    parts.push_back({"g_" + inputs[position].name, inputs[position].shape});
  }
  std::vector<ArgumentSpec> arguments;
  for (std::size_t i = 1 + num_parts; i < inputs.size(); ++i)
    arguments.push_back({inputs[i].name, inputs[i].shape, inputs[i].kind});
  const Function reverse = vjp(field.function(), positions);
  return build_field(parts, arguments, [&](Array t, std::span<const Array> state, std::span<const Array> more) {
    const Array flat = trajectory == nullptr ? state[0] : at_time(trajectory, t);
    const std::vector<Array> z = split_state(flat, field.parts()), a = split_state(state[of_a], field.parts());
    std::vector<Array> in = {t};
    in.insert(in.end(), z.begin(), z.end());
    in.insert(in.end(), more.begin(), more.end());
    in.insert(in.end(), a.begin(), a.end());
    const std::vector<Array> out = inline_function(reverse, in);
    const std::span<const Array> all(out);
    std::vector<Array> slopes;
    if (trajectory == nullptr) slopes.push_back(join_state(all.first(num_parts)));
    slopes.push_back(-join_state(all.subspan(num_parts, num_parts)));
    for (const Array& argument : all.subspan(2 * num_parts)) slopes.push_back(-argument);
    return slopes;
  });
}

/// The reverse solve is not differentiated in its turn. A costate has the tolerances of its state, unless it is given
/// its own, and any sign; z, where it is solved again, may pass what only the forward steps must not.
SolveOptions reverse_options(const VectorField& field, const VectorField& augmented, std::size_t copies,
                             SolveOptions options) {
  if (options.adjoint_rtol > 0) {
    options.rtol = options.adjoint_rtol;
    options.rtols.clear();
  }
  if (options.adjoint_atol > 0) {
    options.atol = options.adjoint_atol;
    options.atols.clear();
  }
  options.gradient_steps = GradientSteps::kOff;
  options.nonnegative.clear();
  const auto all = static_cast<std::size_t>(augmented.state_size()), one = static_cast<std::size_t>(field.state_size());
  return with_copies(std::move(options), field, copies, all - copies * one);
}

template <class T>
LaneProblem<T> augmented_problem(const LaneProblem<T>& problem, const std::vector<WantedArgument>& wanted,
                                 const std::shared_ptr<LaneTrajectory>& trajectory, const SolveOptions& options) {
  std::vector<WantedArgument> own;
  if (options.adjoint != Adjoint::kQuadrature)
    std::ranges::copy_if(wanted, std::back_inserter(own), [](const auto& argument) { return !argument.is_shared; });
  const VectorField augmented = augment(problem.field, own, trajectory);
  const std::size_t copies = trajectory == nullptr ? 2 : 1;
  // What a jump of the field does to z is in the trajectory, so that the equation itself need not read what jumps.
  return LaneProblem<T>(augmented, reverse_options(problem.field, augmented, copies, options), problem.lanes, 2, {},
                        nullptr, &problem.field);
}

template <class T>
std::shared_ptr<DenseTrajectory<T>> trajectory_of(const LaneProblem<T>& problem, Adjoint adjoint) {
  if (adjoint == Adjoint::kBacksolve) return nullptr;
  return std::make_shared<DenseTrajectory<T>>(problem.state_size, problem.state_size, problem.lanes);
}

}  // namespace

template <class T>
ContinuousAdjoint<T>::ContinuousAdjoint(const LaneProblem<T>& problem, const FieldVjp<T>& field,
                                        const SolveOptions& options)
    : problem_(problem),
      field_(field),
      lanes_(problem.lanes),
      num_state_(problem.state_size * problem.lanes),
      trajectory_(trajectory_of(problem, options.adjoint)),
      augmented_(augmented_problem(problem, field.arguments(), trajectory_, options)),
      solver_(augmented_),
      lender_(problem),
      slopes_(problem),
      pullback_(problem, field),
      sums_(field),
      z_(num_state_),
      jump_(num_state_),
      rates_(num_state_),
      walk_(augmented_),
      stage_field_times_(problem.time, problem.lanes),
      adjoint_(problem.state_size, augmented_.state_size, problem.lanes),
      solves_own_(options.adjoint != Adjoint::kQuadrature) {
  const std::size_t size = augmented_.state_size * lanes_;
  for (auto* buffer : {&start_, &stage_}) buffer->resize(size);
  states_.resize(2 * size);
  stage_z_.resize(num_state_);
  times_.resize(problem.time.count * lanes_);
  stage_times_.resize(lanes_);
  for (auto* buffer : {&mask_, &weights_}) buffer->resize(lanes_);
  interval_.resize(2 * lanes_);
  for (auto* flags : {&failed_, &counts_}) flags->resize(lanes_);
  if (problem.events) events_ = std::make_unique<EventSweep<T>>(problem, field);
  const bool has_shared = std::ranges::any_of(field.arguments(), [](const auto& wanted) { return wanted.is_shared; });
  sums_at_stages_ = has_shared && solves_own_ && !augmented_.function_step;
  if (solves_own_ && (!has_shared || sums_at_stages_)) return;
  steps_.emplace(augmented_);
  const SolveOptions& reverse = augmented_.options;
  integral_ = std::make_unique<CotangentIntegral<T>>(
      problem, field,
      typename CotangentIntegral<T>::Rule{.nodes = kronrod_nodes(augmented_.tableau->order),
                                          .rtol = reverse.rtol,
                                          .atol = reverse.atol,
                                          .of_samples = !solves_own_});
}

template <class T>
std::int64_t ContinuousAdjoint<T>::run(const FinishedSolve<T>& solve, const T* cotangent,
                                       SolveGradients<T>& gradients) {
  solve_ = solve;
  cotangent_ = cotangent;
  gradients_ = &gradients;
  evaluations_ = 0;
  gradients.clear(problem_, field_.arguments());
  if (!start()) return 0;
  for (; stations_.any(); stations_.advance()) {
    visit_stations();
    if (stations_.any_next()) solve_interval();
  }
  finish();
  return evaluations_;
}

template <class T>
bool ContinuousAdjoint<T>::start() {
  if (!lender_.start(*solve_.solver, solve_.inputs)) return false;
  std::fill(start_.begin(), start_.end(), T{0});
  std::fill(failed_.begin(), failed_.end(), char{0});
  prepare_field<T>(augmented_, lender_.arguments(), augmented_shared_);
  stations_.start(solve_, lender_, lanes_);
  slopes_.start(solve_, lender_);
  std::copy_n(solve_.states, num_state_, z_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const double t = interval_[lane] = interval_[lanes_ + lane] = solve_.inputs.times[lane];
    slopes_.set(lane, t, Side::kAfter);
  }
  if (events_ != nullptr) events_->start(solve_, lender_, cotangent_ + problem_.num_times * num_state_, *gradients_);
  sums_.clear();
  pullback_.start(lender_.arguments(), solve_.inputs.num_samples);
  if (integral_ != nullptr) integral_->start(lender_.arguments(), solve_.inputs.num_samples, *gradients_);
  for (std::size_t lane = 0; reads_trajectory() && lane < lanes_; ++lane) {
    const std::size_t of = lender_.borrows(lane) ? lender_.lender() : lane;
    trajectory_->set(lane, solve_.dense->steps(of), solve_.states, of);
  }
  return true;
}

/// z starts again from the forward solution; an output gives its time a gradient and a its jump. Lanes that are done
/// stay where they are.
template <class T>
void ContinuousAdjoint<T>::visit_stations() {
  std::ranges::fill(jump_, T{0});
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!stations_.has(lane)) continue;
    const AdjointStation& station = stations_.at(lane);
    const bool is_start = !station.is_event && station.index == 0;
    slopes_.set(lane, station.t, is_start ? Side::kAfter : Side::kBefore);
    for (std::size_t row = 0; row < problem_.state_size; ++row) {
      const std::size_t at = row * lanes_ + lane, from = station.index * num_state_ + at;
      z_[at] =
          station.is_event ? event_list(lane).before[station.index * problem_.state_size + row] : solve_.states[from];
      if (!station.is_event) jump_[at] = cotangent_[from];
    }
  }
  lender_.lend(z_.data(), problem_.state_size);
  if (!reads_trajectory()) std::ranges::copy(z_, start_.begin());
  T* a = start_.data() + adjoint_offset();
  if (field_.wants_times()) add_time_gradients(slopes_.at(z_.data()), a);
  for (std::size_t i = 0; i < num_state_; ++i)
    if (stations_.has_output(i % lanes_)) a[i] += jump_[i];
  if (events_ != nullptr && stations_.any_event()) visit_events(a);
}

template <class T>
void ContinuousAdjoint<T>::add_time_gradients(const T* slope, const T* a) {
  evaluations_ += static_cast<std::int64_t>(solve_.inputs.num_samples);
  for (std::size_t i = 0; i < num_state_; ++i) {
    const std::size_t lane = i % lanes_;
    rates_[i] = slope[i];
    if (!stations_.has_output(lane)) continue;
    const std::size_t output = stations_.at(lane).index;
    gradients_->times[output * lanes_ + lane] += (output > 0 ? jump_[i] : -a[i]) * slope[i];
  }
}

/// The stretch after an event that moved the state begins at its time: what moves that moves the stretch back along the
/// slope it begins with.
template <class T>
void ContinuousAdjoint<T>::visit_events(T* a) {
  after_ = z_;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    events_->wait(lane);
    if (!stations_.has_event(lane)) continue;
    const AdjointStation& station = stations_.at(lane);
    events_->take_event(lane, station.index);
    slopes_.set(lane, station.t, Side::kAfter);
    for (std::size_t row = 0; row < problem_.state_size; ++row)
      after_[row * lanes_ + lane] = event_list(lane).after[station.index * problem_.state_size + row];
  }
  const T* slope = slopes_.at(after_.data());
  for (std::size_t i = 0; i < num_state_; ++i) {
    const std::size_t lane = i % lanes_;
    if (stations_.has_event(lane) && event_list(lane).events[stations_.at(lane).index].cuts)
      events_->origin_bar(lane) -= a[i] * slope[i];
  }
  events_->take_ends(a);
  const T* w = events_->take_back(rates_.data());
  for (std::size_t i = 0; i < num_state_; ++i)
    if (stations_.has_event(i % lanes_)) a[i] += w[i];
}

/// From each lane's station to its next one, in start_.
template <class T>
void ContinuousAdjoint<T>::solve_interval() {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!stations_.has(lane)) continue;
    const AdjointStation& station = stations_.at(lane);
    const AdjointStation* next = stations_.next(lane);
    interval_[lane] = station.t;
    interval_[lanes_ + lane] = next == nullptr ? station.t : next->t;
    if (reads_trajectory()) trajectory_->limit(lane, station.first_step, station.end_step);
  }
  lender_.lend(interval_.data(), 2);
  interval_inputs_ = {.z0 = start_.data(),
                      .times = interval_.data(),
                      .arguments = lender_.arguments(),
                      .shared = augmented_shared_.data(),
                      .num_samples = solve_.inputs.num_samples};
  solver_.solve(interval_inputs_, false, states_.data(), sums_at_stages_ ? this : nullptr, steps_ ? &*steps_ : nullptr);
  const T* end = states_.data() + augmented_.state_size * lanes_;
  for (std::size_t lane = 0; lane < solve_.inputs.num_samples; ++lane) {
    if (lender_.borrows(lane)) continue;
    evaluations_ += solver_.outcomes()[lane].nfe;
    if (solver_.outcomes()[lane].status != Status::kOk) failed_[lane] = 1;
    for (std::size_t row = 0; row < augmented_.state_size; ++row)
      start_[row * lanes_ + lane] = failed_[lane] != 0 ? T{0} : end[row * lanes_ + lane];
  }
  if (integral_ != nullptr) integrate_interval();
}

/// The integral for what is not part of the state, over the interval that was just solved.
template <class T>
void ContinuousAdjoint<T>::integrate_interval() {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    counts_[lane] = lane < solve_.inputs.num_samples && !lender_.borrows(lane) && failed_[lane] == 0 ? 1 : 0;
    adjoint_.set(lane, steps_->steps(lane), states_.data(), lane);
  }
  evaluations_ += integral_->add({.state = trajectory_.get(),
                                  .adjoint = &adjoint_,
                                  .steps = &*steps_,
                                  .idle_times = interval_.data(),
                                  .counts = counts_});
}

/// The integral for shared arguments along the steps just taken, as the method itself integrates. It needs no record.
template <class T>
void ContinuousAdjoint<T>::stepped() {
  load_steps();
  for (std::size_t stage = 0; stage + 1 < static_cast<std::size_t>(augmented_.tableau->num_stages); ++stage) {
    if (augmented_.tableau->b[stage] == 0) continue;
    load_stage(stage);
    pullback_.run(times_.data(), reads_trajectory() ? stage_z_.data() : stage_.data(),
                  stage_.data() + adjoint_offset());
    pullback_.add(weights_.data(), sums_);
  }
}

/// The step of each lane; lanes without one wait.
template <class T>
void ContinuousAdjoint<T>::load_steps() {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const bool counts = solver_.is_accepted(lane) && !lender_.borrows(lane) && failed_[lane] == 0;
    mask_[lane] = counts ? T{1} : T{0};
    if (counts)
      walk_.take(lane, solver_.times_of_step(lane));
    else
      walk_.wait(lane, interval_[lane]);
  }
}

/// Each lane's time and state of a stage, and the weight -h b_i of its slope in the integral. The stages of a step that
/// was rejected may be no numbers; a lane that waits has its last state.
template <class T>
void ContinuousAdjoint<T>::load_stage(std::size_t stage) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    weights_[lane] = static_cast<T>(-augmented_.tableau->b[stage]) * walk_.sizes()[lane];
    if (mask_[lane] != 0) ++evaluations_;
    stage_times_[lane] = walk_.time(lane, stage);
  }
  stage_field_times_.set_all(stage_times_.data());
  if (problem_.reads_time) stage_field_times_.write(times_.data());
  solver_.write_state(stage, stage_.data());
  select_lanes(mask_.data(), stage_.data(), solver_.y(), stage_.data(), augmented_.state_size, lanes_);
  if (reads_trajectory()) trajectory_->write_states(stage_times_.data(), stage_z_.data());
}

/// At times[0] the rows of start_ are the gradients: a, then g of each sample argument that was solved for.
template <class T>
void ContinuousAdjoint<T>::finish() {
  if (sums_at_stages_) pullback_.finish(sums_);
  if (events_ != nullptr) events_->finish();
  const T* next = start_.data() + adjoint_offset();
  std::copy_n(next, num_state_, gradients_->z0.data());
  next += num_state_;
  for (std::size_t i = 0; i < field_.arguments().size(); ++i) {
    AlignedVector<T>& gradient = gradients_->arguments[i];  // what events have given it so far
    const bool is_shared = field_.arguments()[i].is_shared;
    if (is_shared ? !sums_at_stages_ : !solves_own_) continue;
    const T* more = is_shared ? sums_.of_arguments[i].data() : next;
    for (std::size_t k = 0; k < gradient.size(); ++k) gradient[k] += more[k];
    next += is_shared ? 0 : gradient.size();
  }
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (failed_[lane] != 0) gradients_->lose(lane, lanes_, field_.arguments());
}

template class ContinuousAdjoint<float>;
template class ContinuousAdjoint<double>;

}  // namespace costate::internal
