// The two forms of solve: on batches of numbers (checks here, the work in host_solver.cpp) and inside a trace.
#include "costate/solve/solve.h"

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/hoist.h"
#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate {
namespace {

/// Of [time], or of each row of [batch, time].
void check_all_times(const HostArray& times) {
  const std::int64_t count = times.shape()[-1];
  const std::vector<double> numbers = times.numbers();
  for (std::int64_t row = 0; row < times.size() / count; ++row)
    check_times(std::span(numbers).subspan(static_cast<std::size_t>(row * count), static_cast<std::size_t>(count)));
}

internal::HostSizes check_inputs(const VectorField& field, const HostArray& z0, const HostArray& times,
                                 std::span<const HostArray> arguments) {
  internal::HostSizes sizes;
  const Shape flat{field.state_size()};
  sizes.state = field.parts().size() == 1 ? field.parts()[0].shape : flat;
  if (z0.shape().rank() == 0 || !(z0.shape().without_first() == sizes.state))
    throw ShapeError("[solve] z0 must have shape [batch] + ", sizes.state, "; got ", z0.shape(), ".");
  const std::int64_t batch = z0.shape()[0];
  sizes.batch = static_cast<std::size_t>(batch);
  const int rank = times.shape().rank();
  if (rank < 1 || rank > 2 || times.shape()[-1] < 1 || (rank == 2 && times.shape()[0] != batch))
    throw ShapeError("[solve] times must have shape [time] or [", batch, ", time]; got ", times.shape(), ".");
  sizes.times = static_cast<std::size_t>(times.shape()[-1]);
  sizes.times_are_shared = rank == 1;
  check_all_times(times);
  if (!field.captured().empty())
    throw InvalidArgument("[solve] the field uses '", field.arguments().back().name,
                          "' of the trace around it, so its solve is part of that trace; give z0 and times as Arrays: "
                          "constant(z0) of one sample, constant(times).");
  if (arguments.size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size(), " arguments; got ", arguments.size(),
                          ".");
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const ArgumentSpec& spec = field.arguments()[i];
    const Shape expected = spec.kind == InputKind::kSample ? spec.shape.with_first(batch) : spec.shape;
    if (!(arguments[i].shape() == expected))
      throw ShapeError("[solve] argument '", spec.name, "' must have shape ", expected, "; got ", arguments[i].shape(),
                       ".");
  }
  return sizes;
}

}  // namespace

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
  internal::check_tolerances(options, field);
  const internal::HostSizes sizes = check_inputs(field, z0, times, arguments);
  const internal::HostBatch batch{z0, times, arguments, sizes};
  return options.dtype == Dtype::kF32 ? internal::solve_batch<float>(field, options, batch)
                                      : internal::solve_batch<double>(field, options, batch);
}

std::vector<AcceptedStep> accepted_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                                         const SolveOptions& options, std::span<const HostArray> arguments) {
  check_options(options);
  internal::check_tolerances(options, field);
  const internal::HostSizes sizes = check_inputs(field, z0, times, arguments);
  if (sizes.batch != 1) throw ShapeError("[accepted_steps] z0 must hold one sample; got a batch of ", sizes.batch, ".");
  return internal::steps_of_one(field, options, {z0, times, arguments, sizes});
}

namespace {

/// What a trace knows of its times: all, if they are a constant. Others are looked at in each run (Status).
void check_constant_times(const Array& times) {
  if (const auto values = internal::constant_numbers(times); values && times.shape().rank() == 1) check_times(*values);
}

/// The arguments of the hoisted field: those given, and what its prologue computes from them, here in the trace.
std::vector<Array> with_hoisted(const internal::HoistedField& hoisted, const VectorField& field,
                                std::span<const Array> arguments) {
  std::vector<Array> inputs = {zeros({})};  // t and the state are not read
  for (const StatePart& part : field.parts()) inputs.push_back(zeros(part.shape));
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  internal::append_parameters(hoisted.prologue, inputs);
  std::vector<Array> all(arguments.begin(), arguments.end());
  for (const Array& value : internal::inline_function(hoisted.prologue, inputs)) all.push_back(value);
  return all;
}

}  // namespace

Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options,
            std::span<const Array> given) {
  check_options(options);
  internal::check_tolerances(options, field);
  const std::vector<Array> arguments = internal::arguments_of(field, given, "solve");
  check_constant_times(times.array);
  if (const auto hoisted = internal::hoist_shared(field))
    return solve(hoisted->field, z0, times, options, with_hoisted(*hoisted, field, arguments));
  std::vector<Array> operands = {reshape(z0, {z0.array.shape().size()}), times.array};
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  internal::append_parameters(field.function(), operands);
  auto known_times = internal::constant_numbers(times.array).value_or(std::vector<double>{});
  return apply(std::make_shared<internal::SolveExtension>(field, options, std::move(known_times)), operands, z0.where);
}

}  // namespace costate
