#include "costate/adjoint/internal/backsolve.h"

#include <algorithm>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {
namespace {

/// The field of (z, a, g_1, …), with the arguments and Parameters of `field` as its arguments.
VectorField augment(const VectorField& field, const std::vector<WantedArgument>& wanted) {
  const auto& inputs = field.function().inputs();
  const std::size_t num_parts = field.parts().size();
  const std::int64_t size = field.state_size();
  std::vector<StatePart> parts = {{"z", {size}}, {"a", {size}}};
  std::vector<std::size_t> positions;
  for (std::size_t part = 0; part < num_parts; ++part) positions.push_back(1 + part);
  for (const WantedArgument& argument : wanted) {
    if (argument.is_shared) continue;
    const std::size_t position = 1 + num_parts + argument.index;
    positions.push_back(position);
    parts.push_back({"g_" + inputs[position].name, inputs[position].shape});
  }
  std::vector<ArgumentSpec> arguments;
  for (std::size_t i = 1 + num_parts; i < inputs.size(); ++i)
    arguments.push_back({inputs[i].name, inputs[i].shape, inputs[i].kind});
  const Function reverse = vjp(field.function(), positions);
  return build_field(parts, arguments, [&](Array t, std::span<const Array> state, std::span<const Array> more) {
    const std::vector<Array> z = split_state(state[0], field.parts()), a = split_state(state[1], field.parts());
    std::vector<Array> in = {t};
    in.insert(in.end(), z.begin(), z.end());
    in.insert(in.end(), more.begin(), more.end());
    in.insert(in.end(), a.begin(), a.end());
    const std::vector<Array> out = inline_function(reverse, in);
    const std::span<const Array> all(out);
    std::vector<Array> slopes = {join_state(all.first(num_parts)), -join_state(all.subspan(num_parts, num_parts))};
    for (const Array& argument : all.subspan(2 * num_parts)) slopes.push_back(-argument);
    return slopes;
  });
}

/// The reverse solve is not differentiated in its turn.
SolveOptions reverse_options(SolveOptions options) {
  options.gradient_steps = GradientSteps::kOff;
  return options;
}

}  // namespace

template <class T>
Backsolve<T>::Backsolve(const LaneProblem<T>& problem, const FieldVjp<T>& field)
    : problem_(problem),
      field_(field),
      lanes_(problem.lanes),
      num_state_(problem.state_size * problem.lanes),
      augmented_(augment(problem.field, field.arguments()), reverse_options(problem.options), problem.lanes, 2),
      solver_(augmented_),
      lender_(problem),
      slopes_of_field_(problem),
      vjp_workspace_(field.function().make_workspace()),
      vjp_shared_(field.function().shared_size()),
      vjp_saved_(field.function().saved_size()),
      walk_(problem) {
  const std::size_t size = augmented_.state_size * lanes_;
  for (auto* buffer : {&start_, &stage_}) buffer->resize(size);
  states_.resize(2 * size);
  slopes_.resize(2 * num_state_);
  slope_.resize(num_state_);
  times_.resize(problem.time.count * lanes_);
  output_times_.resize(lanes_);
  for (auto* buffer : {&mask_, &weights_}) buffer->resize(lanes_);
  for (const WantedArgument& argument : field.arguments()) {
    argument_cotangents_.emplace_back(argument.is_shared ? 0 : argument.size * lanes_);
    has_shared_ = has_shared_ || argument.is_shared;
  }
  interval_.resize(2 * lanes_);
  failed_.resize(lanes_);
}

template <class T>
std::int64_t Backsolve<T>::run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients) {
  solve_ = solve;
  cotangent_ = cotangent;
  gradients_ = &gradients;
  evaluations_ = 0;
  gradients.clear(problem_, field_.arguments());
  if (!start()) return 0;
  for (std::size_t output = problem_.num_times - 1; output > 0; --output) {
    visit_output(output);
    solve_interval(output);
  }
  visit_output(0);
  finish();
  return evaluations_;
}

template <class T>
bool Backsolve<T>::start() {
  if (!lender_.start(*solve_.solver, solve_.inputs)) return false;
  std::fill(start_.begin(), start_.end(), T{0});
  std::fill(failed_.begin(), failed_.end(), char{0});
  prepare_field<T>(augmented_, lender_.arguments(), augmented_shared_);
  field_.bind_inputs(nullptr, nullptr, lender_.arguments(), nullptr, input_pointers_);
  field_.function().prepare(input_pointers_, vjp_shared_.data());
  cotangents_ = {.time = nullptr,
                 .state = nullptr,
                 .arguments = argument_targets(field_.arguments(), *gradients_, argument_cotangents_)};
  return true;
}

/// z starts again from the forward solution, the time gets its gradient and a its jump.
template <class T>
void Backsolve<T>::visit_output(std::size_t output) {
  std::copy_n(solve_.states + output * num_state_, num_state_, start_.data());
  lender_.lend(start_.data(), problem_.state_size);
  for (std::size_t lane = 0; lane < lanes_; ++lane) output_times_[lane] = time_of_slope(output, lane);
  lender_.lend(output_times_.data(), 1);
  for (std::size_t lane = 0; lane < lanes_; ++lane) walk_.wait(lane, output_times_[lane]);
  walk_.write_times(0, times_.data());
  LaneInputs<T> lent = solve_.inputs;
  lent.arguments = lender_.arguments();
  lent.shared = vjp_shared_.data();
  slopes_of_field_.run(times_.data(), start_.data(), lent, slope_.data());
  evaluations_ += static_cast<std::int64_t>(solve_.inputs.num_samples);
  const T* jump = cotangent_ + output * num_state_;
  T* a = start_.data() + num_state_;
  output > 0 ? add_time_gradient(output, jump, T{1}) : add_time_gradient(output, a, T{-1});
  for (std::size_t i = 0; i < num_state_; ++i)
    if (!lender_.borrows(i % lanes_)) a[i] += jump[i];
}

/// An output's time, at a stop on the side of the steps that lead to it; the start's on the side of those that follow.
template <class T>
double Backsolve<T>::time_of_slope(std::size_t output, std::size_t lane) const {
  const double* times = solve_.inputs.times + lane;
  const double direction = times[(problem_.num_times - 1) * lanes_] >= times[0] ? 1 : -1;
  return solve_.solver->side_of(lane, times[output * lanes_], output > 0 ? -direction : direction);
}

/// dL/dt += sign x · f.
template <class T>
void Backsolve<T>::add_time_gradient(std::size_t output, const T* x, T sign) {
  for (std::size_t i = 0; i < num_state_; ++i)
    if (!lender_.borrows(i % lanes_)) gradients_->times[output * lanes_ + i % lanes_] += sign * x[i] * slope_[i];
}

/// From output to output - 1, in start_.
template <class T>
void Backsolve<T>::solve_interval(std::size_t output) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    interval_[lane] = solve_.inputs.times[output * lanes_ + lane];
    interval_[lanes_ + lane] = solve_.inputs.times[(output - 1) * lanes_ + lane];
  }
  interval_inputs_ = {.z0 = start_.data(),
                      .times = interval_.data(),
                      .arguments = lender_.arguments(),
                      .shared = augmented_shared_.data(),
                      .num_samples = solve_.inputs.num_samples};
  solver_.solve(interval_inputs_, false, states_.data(), has_shared_ ? this : nullptr);
  const T* end = states_.data() + augmented_.state_size * lanes_;
  for (std::size_t lane = 0; lane < solve_.inputs.num_samples; ++lane) {
    if (lender_.borrows(lane)) continue;
    evaluations_ += solver_.outcomes()[lane].nfe;
    if (solver_.outcomes()[lane].status != Status::kOk) failed_[lane] = 1;
    for (std::size_t row = 0; row < augmented_.state_size; ++row)
      start_[row * lanes_ + lane] = failed_[lane] != 0 ? T{0} : end[row * lanes_ + lane];
  }
}

/// The integral for shared arguments along the steps just taken, as the method itself integrates. It needs no record:
/// the memory of a gradient does not grow with the number of steps.
template <class T>
void Backsolve<T>::stepped() {
  load_steps();
  for (std::size_t stage = 0; stage + 1 < static_cast<std::size_t>(problem_.tableau->num_stages); ++stage)
    if (problem_.tableau->b[stage] != 0) integrate_stage(stage);
}

/// The step of each lane; lanes without one wait.
template <class T>
void Backsolve<T>::load_steps() {
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
void Backsolve<T>::load_stage(std::size_t stage) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    weights_[lane] = static_cast<T>(-problem_.tableau->b[stage]) * walk_.sizes()[lane];
    if (mask_[lane] != 0) ++evaluations_;
  }
  walk_.write_times(stage, times_.data());
  solver_.write_state(stage, stage_.data());
  select_lanes(mask_.data(), stage_.data(), solver_.y(), stage_.data(), 2 * problem_.state_size, lanes_);
}

template <class T>
void Backsolve<T>::integrate_stage(std::size_t stage) {
  load_stage(stage);
  field_.bind_inputs(times_.data(), stage_.data(), lender_.arguments(), stage_.data() + num_state_, input_pointers_);
  const auto run = [&](Phase phase) {
    field_.function().run(phase, {.inputs = input_pointers_,
                                  .outputs = output_pointers_,
                                  .shared = vjp_shared_.data(),
                                  .saved = vjp_saved_.data(),
                                  .workspace = &vjp_workspace_,
                                  .lane_weights = weights_.data(),
                                  .num_samples = solve_.inputs.num_samples,
                                  .first_sample = 0,
                                  .report = nullptr});
  };
  field_.bind_slope(slopes_.data(), output_pointers_);
  run(Phase::kForward);
  cotangents_.state = slopes_.data() + num_state_;
  field_.bind_cotangents(cotangents_, output_pointers_);
  run(Phase::kReverse);
  run(Phase::kAccumulate);
}

/// At times[0] the rows of start_ after z are the gradients: a, then g of each sample argument.
template <class T>
void Backsolve<T>::finish() {
  field_.bind_cotangents(cotangents_, output_pointers_);
  field_.function().finish_sums(output_pointers_, vjp_workspace_);
  const T* next = start_.data() + num_state_;
  std::copy_n(next, num_state_, gradients_->z0.data());
  next += num_state_;
  for (std::size_t i = 0; i < field_.arguments().size(); ++i) {
    if (field_.arguments()[i].is_shared) continue;
    AlignedVector<T>& gradient = gradients_->arguments[i];
    std::copy_n(next, gradient.size(), gradient.data());
    next += gradient.size();
  }
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (failed_[lane] != 0) lose(lane);
}

/// What a failed reverse solve makes unknown: all gradients of its sample, and every sum over the samples.
template <class T>
void Backsolve<T>::lose(std::size_t lane) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto lose_column = [&](AlignedVector<T>& values) {
    for (std::size_t i = lane; i < values.size(); i += lanes_) values[i] = nan;
  };
  lose_column(gradients_->z0);
  lose_column(gradients_->times);
  for (std::size_t i = 0; i < field_.arguments().size(); ++i) {
    AlignedVector<T>& gradient = gradients_->arguments[i];
    if (field_.arguments()[i].is_shared)
      std::fill(gradient.begin(), gradient.end(), nan);
    else
      lose_column(gradient);
  }
}

template class Backsolve<float>;
template class Backsolve<double>;

}  // namespace costate::internal
