#include "costate/adjoint/internal/forward_sensitivities.h"

#include <algorithm>
#include <cmath>

#include "costate/solve/internal/error_measure.h"

namespace costate::internal {
namespace {

/// First those of each number of z0, if wanted, then those of each number of the arguments, which moves alone.
Directions unit_directions(const VectorField& field, const WantedGradients& gradients,
                           const std::vector<WantedArgument>& wanted) {
  struct Number {
    std::size_t argument;
    std::int64_t index;
  };
  const std::size_t first = 1 + field.parts().size();
  const std::size_t num_arguments = field.function().inputs().size() - first;
  std::vector<Number> numbers(gradients.start ? static_cast<std::size_t>(field.state_size()) : 0,
                              {num_arguments, 0});  // no argument
  for (const WantedArgument& argument : wanted)
    for (std::int64_t k = 0; k < static_cast<std::int64_t>(argument.size); ++k) numbers.push_back({argument.index, k});
  auto moves = [function = field.function(), first, num_arguments, numbers](std::size_t direction,
                                                                            std::span<const Array>) {
    std::vector<Array> tangents(num_arguments);
    const Number& moved = numbers[direction];
    if (moved.argument == num_arguments) return tangents;
    HostArray unit(function.inputs()[first + moved.argument].shape);
    unit.set(moved.index, 1.0);
    tangents[moved.argument] = constant(unit);
    return tangents;
  };
  return {.count = numbers.size(), .more = {}, .moves = moves};
}

/// Each tangent is judged by itself, so that many of them do not hide the error of one. They have the tolerances of the
/// state, unless they are given their own.
SolveOptions tangent_options(const VectorField& field, const VectorField& augmented, SolveOptions options) {
  const auto size = static_cast<std::size_t>(field.state_size());
  const std::size_t copies = augmented.parts().size();  // the state is one
  const bool has_rtol = options.adjoint_rtol > 0, has_atol = options.adjoint_atol > 0;
  if (has_rtol && options.rtols.empty()) options.rtols.assign(size, options.rtol);
  if (has_atol && options.atols.empty()) options.atols.assign(size, options.atol);
  options = with_copies(std::move(options), field, copies, 0);
  const auto replace = [&](std::vector<double>& list, double tolerance) {
    std::fill(list.begin() + static_cast<std::ptrdiff_t>(size), list.end(), tolerance);
  };
  if (has_rtol) replace(options.rtols, options.adjoint_rtol);
  if (has_atol) replace(options.atols, options.adjoint_atol);
  if (options.error_norm == ErrorNorm::kRms) options.error_norm = ErrorNorm::kPartRms;
  options.gradient_steps = GradientSteps::kOff;
  return options;
}

template <class T>
LaneProblem<T> augmented_problem(const LaneProblem<T>& problem, const Directions& directions,
                                 const SolveOptions& options) {
  const VectorField both = tangent_field(problem.field, directions);
  const SolveOptions tangents = tangent_options(problem.field, both, options);
  if (!problem.events) return LaneProblem<T>(both, tangents, problem.lanes, problem.num_times);
  const EventField joined = join_events(both, tangent_events(problem.events->events, both, directions));
  return LaneProblem<T>(joined.field, tangents, problem.lanes, problem.num_times, {}, &joined);
}

}  // namespace

template <class T>
ForwardSensitivities<T>::ForwardSensitivities(const LaneProblem<T>& problem, const FieldVjp<T>& field,
                                              const SolveOptions& options)
    : problem_(problem),
      field_(field),
      lanes_(problem.lanes),
      num_state_(problem.state_size * problem.lanes),
      directions_(unit_directions(problem.field, *problem.gradients, field.arguments())),
      augmented_(augmented_problem(problem, directions_, options)),
      solver_(augmented_),
      lender_(problem),
      slopes_(problem),
      start_(augmented_.state_size * lanes_),
      states_(problem.num_times * start_.size()),
      z_(num_state_),
      times_(problem.num_times * lanes_) {
  if (problem.events) events_.emplace(problem.events->events, augmented_, directions_);
}

template <class T>
std::int64_t ForwardSensitivities<T>::run(const FinishedSolve<T>& solve, const T* cotangent,
                                          SolveGradients<T>& gradients) {
  solve_ = solve;
  cotangent_ = cotangent;
  gradients_ = &gradients;
  gradients.clear(problem_, field_.arguments());
  if (!lender_.start(*solve.solver, solve.inputs)) return 0;
  start();
  solver_.solve({.z0 = start_.data(),
                 .times = times_.data(),
                 .rounds_times = solve.inputs.rounds_times,
                 .arguments = lender_.arguments(),
                 .shared = shared_.data(),
                 .num_samples = solve.inputs.num_samples},
                false, states_.data());
  if (events_)
    events_->find(solver_,
                  {.z0 = start_.data(),
                   .times = times_.data(),
                   .arguments = lender_.arguments(),
                   .num_samples = solve.inputs.num_samples},
                  cotangent + problem_.num_times * num_state_);
  std::int64_t evaluations = 0;
  for (std::size_t lane = 0; lane < solve.inputs.num_samples; ++lane) {
    if (lender_.borrows(lane)) continue;
    evaluations += solver_.outcomes()[lane].nfe;
    add_gradients(lane);
  }
  if (field_.wants_times()) add_times();
  for (std::size_t lane = 0; lane < solve.inputs.num_samples; ++lane)
    if (!lender_.borrows(lane) && solver_.outcomes()[lane].status != Status::kOk)
      gradients.lose(lane, lanes_, field_.arguments());
  return evaluations;
}

template <class T>
void ForwardSensitivities<T>::start() {
  prepare_field<T>(augmented_, lender_.arguments(), shared_);
  std::copy_n(solve_.inputs.times, times_.size(), times_.begin());
  lender_.lend(times_.data(), problem_.num_times);
  std::fill(start_.begin(), start_.end(), T{0});
  std::copy_n(solve_.inputs.z0, num_state_, start_.begin());
  lender_.lend(start_.data(), problem_.state_size);
  for (std::size_t row = 0; problem_.gradients->start && row < problem_.state_size; ++row)
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      start_[((1 + row) * problem_.state_size + row) * lanes_ + lane] = T{1};
}

/// The sum of w_i · s(t_i) of the lane's tangent, and of its events. An output after an event that ended the solve has
/// no state, nor a tangent.
template <class T>
T ForwardSensitivities<T>::along(std::size_t tangent, std::size_t lane) const {
  T sum = events_ ? events_->along(tangent, lane) : T{0};
  for (std::size_t output = 0; output < problem_.num_times; ++output) {
    const T* w = cotangent_ + output * num_state_;
    const T* s = states_.data() + output * start_.size() + (1 + tangent) * num_state_;
    if (events_ && std::isnan(s[lane])) break;
    for (std::size_t i = lane; i < num_state_; i += lanes_) sum += w[i] * s[i];
  }
  return sum;
}

template <class T>
void ForwardSensitivities<T>::add_gradients(std::size_t lane) {
  std::size_t tangent = 0;
  for (std::size_t row = 0; problem_.gradients->start && row < problem_.state_size; ++row)
    gradients_->z0[row * lanes_ + lane] = along(tangent++, lane);
  for (std::size_t i = 0; i < field_.arguments().size(); ++i)
    for (std::size_t k = 0; k < field_.arguments()[i].size; ++k) {
      const T slope = along(tangent++, lane);
      if (field_.arguments()[i].is_shared)
        gradients_->arguments[i][k] += slope;
      else
        gradients_->arguments[i][k * lanes_ + lane] = slope;
    }
}

/// What moves the start's time moves z0 back along its slope; its own output stays.
template <class T>
void ForwardSensitivities<T>::add_times() {
  using Side = typename OutputSlopes<T>::Side;
  slopes_.start(solve_, lender_);
  for (std::size_t output = 0; output < problem_.num_times; ++output) {
    std::copy_n(solve_.states + output * num_state_, num_state_, z_.begin());
    lender_.lend(z_.data(), problem_.state_size);
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      slopes_.set(lane, times_[output * lanes_ + lane], output > 0 ? Side::kBefore : Side::kAfter);
    const T* slope = slopes_.at(z_.data());
    const T* w = cotangent_ + output * num_state_;
    for (std::size_t i = 0; i < num_state_; ++i) {
      if (lender_.borrows(i % lanes_) || (events_ && std::isnan(z_[i]))) continue;
      const T along = output > 0 ? w[i] : w[i] - gradients_->z0[i];
      gradients_->times[output * lanes_ + i % lanes_] += along * slope[i];
    }
  }
}

template class ForwardSensitivities<float>;
template class ForwardSensitivities<double>;

}  // namespace costate::internal
