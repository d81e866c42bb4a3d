// The two forms of solve: on batches of numbers (checks here, the work in host_solver.cpp) and inside a trace.
#include "costate/solve/solve.h"

#include <cmath>

#include "costate/base/names.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/hoist.h"
#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate {
namespace {

constexpr std::string_view kControlNames[] = {"per_sample", "joint"};
constexpr std::string_view kAdjointNames[] = {"discrete", "backsolve"};
constexpr std::string_view kGradientStepsNames[] = {"auto", "on", "off"};

void check_options(const SolveOptions& options) {
  if (!(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0) ||
      !std::isfinite(options.rtol + options.atol))
    throw InvalidArgument("[solve] rtol and atol must be finite, at least 0 and not both 0; got rtol = ", options.rtol,
                          ", atol = ", options.atol, ".");
  if (options.steps_per_interval < 0 || options.step_size < 0 || options.first_step < 0 ||
      !std::isfinite(options.step_size + options.first_step))
    throw InvalidArgument("[solve] steps_per_interval, step_size and first_step must be finite and at least 0; got ",
                          options.steps_per_interval, ", ", options.step_size, " and ", options.first_step, ".");
  if (options.steps_per_interval > 0 && options.step_size > 0)
    throw InvalidArgument("[solve] at most one of steps_per_interval and step_size can be set; got ",
                          options.steps_per_interval, " and ", options.step_size, ".");
  if (!(options.max_step >= 0) || !std::isfinite(options.max_step))
    throw InvalidArgument("[solve] max_step must be finite and at least 0 (no limit); got ", options.max_step, ".");
  for (const double t : options.stop_at)
    if (!std::isfinite(t)) throw InvalidArgument("[solve] times in stop_at must be finite; got ", t, ". Remove it.");
  const bool is_fixed =
      options.steps_per_interval > 0 || options.step_size > 0 || !tableau(options.method).has_error_estimate();
  if (is_fixed && (options.max_step > 0 || !options.stop_at.empty()))
    throw InvalidArgument("[solve] ", options.max_step > 0 ? "max_step" : "stop_at",
                          " is for steps chosen by the error; here they are fixed (", name(options.method),
                          "). Put times into `times` where they should end, or set step_size.");
  if (options.max_steps < 1)
    throw InvalidArgument("[solve] max_steps must be at least 1; got ", options.max_steps, ".");
}

void check_times(const HostArray& times, std::int64_t rows, std::int64_t count) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const bool ascends = times.at((row + 1) * count - 1) >= times.at(row * count);
    for (std::int64_t i = 0; i < count; ++i) {
      const double t = times.at(row * count + i);
      if (!std::isfinite(t)) throw InvalidArgument("[solve] times must be finite; time ", i, " is ", t, ".");
      if (i == 0) continue;
      const double before = times.at(row * count + i - 1);
      if (ascends ? t < before : t > before)
        throw InvalidArgument("[solve] times must not turn back; times ", i - 1, " and ", i, " are ", before, " and ",
                              t, ".");
    }
  }
}

internal::HostSizes check_inputs(const VectorField& field, const HostArray& z0, const HostArray& times,
                                 std::span<const HostArray> arguments) {
  internal::HostSizes sizes;
  const Shape flat{field.state_size()};
  sizes.state = field.parts().size() == 1 ? field.parts()[0].shape : flat;
  const std::vector<std::int64_t>& axes = z0.shape().axes();
  if (axes.empty() || !(Shape(std::vector<std::int64_t>(axes.begin() + 1, axes.end())) == sizes.state))
    throw ShapeError("[solve] z0 must have shape [batch] + ", sizes.state, "; got ", z0.shape(), ".");
  sizes.batch = static_cast<std::size_t>(axes[0]);
  const int rank = times.shape().rank();
  if (rank < 1 || rank > 2 || times.shape()[-1] < 1 || (rank == 2 && times.shape()[0] != axes[0]))
    throw ShapeError("[solve] times must have shape [time] or [", axes[0], ", time]; got ", times.shape(), ".");
  sizes.times = static_cast<std::size_t>(times.shape()[-1]);
  sizes.times_are_shared = rank == 1;
  check_times(times, rank == 1 ? 1 : axes[0], times.shape()[-1]);
  if (!field.captured().empty())
    throw InvalidArgument("[solve] the field uses '", field.arguments().back().name,
                          "' of the trace around it, so its solve is part of that trace; give z0 and times as Arrays: "
                          "constant(z0) of one sample, constant(times).");
  if (arguments.size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size(), " arguments; got ", arguments.size(),
                          ".");
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const ArgumentSpec& spec = field.arguments()[i];
    std::vector<std::int64_t> expected = spec.shape.axes();
    if (spec.kind == InputKind::kSample) expected.insert(expected.begin(), axes[0]);
    if (!(arguments[i].shape() == Shape(expected)))
      throw ShapeError("[solve] argument '", spec.name, "' must have shape ", Shape(expected), "; got ",
                       arguments[i].shape(), ".");
  }
  return sizes;
}

}  // namespace

std::string name(Control control) { return spelling(control, kControlNames); }
std::string name(Adjoint adjoint) { return spelling(adjoint, kAdjointNames); }
Control control_from_name(const std::string& name) {
  return from_spelling<Control>("solve", "control", name, kControlNames);
}
Adjoint adjoint_from_name(const std::string& name) {
  return from_spelling<Adjoint>("solve", "adjoint", name, kAdjointNames);
}

std::string name(GradientSteps gradient_steps) { return spelling(gradient_steps, kGradientStepsNames); }
GradientSteps gradient_steps_from_name(const std::string& name) {
  return from_spelling<GradientSteps>("solve", "gradient_steps", name, kGradientStepsNames);
}

void Solution::check() const {
  for (std::size_t i = 0; i < status.size(); ++i)
    if (status[i] != Status::kOk)
      throw SolveFailed("[solve] sample ", i, " ended with ", name(status[i]), " at t = ", reached[i], " with step ",
                        last_step[i], " after ", accepted[i], " accepted and ", rejected[i], " rejected steps; ",
                        advice, ".");
}

Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options,
               std::span<const HostArray> arguments) {
  check_options(options);
  const internal::HostSizes sizes = check_inputs(field, z0, times, arguments);
  const internal::HostBatch batch{z0, times, arguments, sizes};
  return options.dtype == Dtype::kF32 ? internal::solve_batch<float>(field, options, batch)
                                      : internal::solve_batch<double>(field, options, batch);
}

std::vector<AcceptedStep> accepted_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                                         const SolveOptions& options, std::span<const HostArray> arguments) {
  check_options(options);
  const internal::HostSizes sizes = check_inputs(field, z0, times, arguments);
  if (sizes.batch != 1) throw ShapeError("[accepted_steps] z0 must hold one sample; got a batch of ", sizes.batch, ".");
  return internal::steps_of_one(field, options, {z0, times, arguments, sizes});
}

namespace {

/// What a trace knows of its times: all, if they are a constant. Others are looked at in each run (Status).
void check_constant_times(const Array& times) {
  if (const auto values = internal::constant_numbers(times); values && times.shape().rank() == 1)
    check_times(HostArray::vector(*values), 1, times.shape()[0]);
}

/// The arguments of the hoisted field: those given, and what its prologue computes from them, here in the trace.
std::vector<Array> with_hoisted(const internal::HoistedField& hoisted, const VectorField& field,
                                std::span<const Array> arguments) {
  std::vector<Array> inputs = {zeros({})};  // t and the state are not read
  for (const StatePart& part : field.parts()) inputs.push_back(zeros(part.shape));
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  for (const Input& input : hoisted.prologue.inputs())
    if (input.parameter) inputs.emplace_back(*input.parameter);
  std::vector<Array> all(arguments.begin(), arguments.end());
  for (const Array& value : internal::inline_function(hoisted.prologue, inputs)) all.push_back(value);
  return all;
}

}  // namespace

Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options,
            std::span<const Array> given) {
  check_options(options);
  if (given.size() + field.captured().size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size() - field.captured().size(),
                          " arguments; got ", given.size(), ".");
  check_constant_times(times.array);
  std::vector<Array> arguments(given.begin(), given.end());
  arguments.insert(arguments.end(), field.captured().begin(), field.captured().end());
  if (const auto hoisted = internal::hoist_shared(field))
    return solve(hoisted->field, z0, times, options, with_hoisted(*hoisted, field, arguments));
  std::vector<Array> operands = {reshape(z0, {z0.array.shape().size()}), times.array};
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  for (const Input& input : field.function().inputs())
    if (input.parameter) operands.emplace_back(*input.parameter);
  auto known_times = internal::constant_numbers(times.array).value_or(std::vector<double>{});
  return apply(std::make_shared<internal::SolveExtension>(field, options, std::move(known_times)), operands, z0.where);
}

}  // namespace costate
