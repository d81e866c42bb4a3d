// The two forms of solve: on batches of numbers (checks here, the work in host_solver.cpp) and inside a trace.
#include "costate/solve/solve.h"

#include <cmath>
#include <memory>
#include <optional>

#include "costate/base/error.h"
#include "costate/cuda/internal/card.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/dense_solution.h"
#include "costate/solve/device.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/internal/cvode_solver.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/event_field.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/hoist.h"
#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/partitioned_step.h"
#include "costate/solve/internal/solve_extension.h"
#include "costate/solve/internal/step_memory.h"

namespace costate {
namespace {

std::vector<Shape> shapes_of(std::span<const HostArray> arrays) {
  std::vector<Shape> shapes;
  for (const HostArray& array : arrays) shapes.push_back(array.shape());
  return shapes;
}

internal::HostSizes check_inputs(const VectorField& field, const Shape& z0, const HostArray& times,
                                 std::span<const Shape> arguments) {
  internal::HostSizes sizes;
  const Shape flat{field.state_size()};
  sizes.state = field.parts().size() == 1 ? field.parts()[0].shape : flat;
  if (z0.rank() == 0 || !(z0.without_first() == sizes.state))
    throw ShapeError("[solve] z0 must have shape [batch] + ", sizes.state, "; got ", z0, ".");
  const std::int64_t batch = z0[0];
  sizes.batch = static_cast<std::size_t>(batch);
  const int rank = times.shape().rank();
  if (rank < 1 || rank > 2 || times.shape()[-1] < 1 || (rank == 2 && times.shape()[0] != batch))
    throw ShapeError("[solve] times must have shape [time] or [", batch, ", time]; got ", times.shape(), ".");
  sizes.times = static_cast<std::size_t>(times.shape()[-1]);
  sizes.times_are_shared = rank == 1;
  check_times(times);
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
    if (!(arguments[i] == expected))
      throw ShapeError("[solve] argument '", spec.name, "' must have shape ", expected, "; got ", arguments[i], ".");
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

namespace {

void refuse_fixed_steps(const SolveOptions& options, const char* what) {
  if (has_fixed_steps(options))
    throw NotSupported("[solve] ", what,
                       " takes steps that go by their error; got fixed steps. Take a method with an "
                       "error estimate, without step_size and steps_per_interval.");
  if (is_multistep(options.method))
    throw NotSupported("[solve] ", what, " is for steps of Costate's own; '", name(options.method),
                       "' takes SUNDIALS'. Take '", internal::own_instead_of(options.method), "'.");
}

/// What only steps of a sample's own, by its error, can do.
void check_event_options(const SolveOptions& options) {
  refuse_fixed_steps(options, "an event");
  if (options.control == Control::kJoint)
    throw NotSupported("[solve] an event takes steps of each sample's own; got control = joint. Take per_sample.");
}

/// The numbers of a solve, besides its field and options.
struct Numbers {
  const HostArray& z0;
  const HostArray& times;
  std::span<const HostArray> arguments;
};

/// The sizes of a batch that begins at `start` [batch, state].
internal::HostSizes with_state(internal::HostSizes sizes, const HostArray& start) {
  sizes.state = start.shape().without_first();
  return sizes;
}

Solution solve_checked(const VectorField& field, const SolveOptions& options, const internal::HostBatch& batch,
                       DenseSolution::Steps* dense) {
  return options.dtype == Dtype::kF32 ? internal::solve_batch<float>(field, options, batch, dense)
                                      : internal::solve_batch<double>(field, options, batch, dense);
}

/// What a solve of numbers has besides.
struct Extras {
  DenseSolution::Steps* dense = nullptr;
  const SolveWatch* watch = nullptr;
  const SaveFunction* save = nullptr;
  const SolveEnd* resume = nullptr;
  Device device = Device::kCpu;
};

/// The same for a state behind which a method has its memory.
SolveWatch without_memory(const SolveWatch& watch, std::size_t state_size) {
  SolveWatch without = watch;
  for (auto* call : {&without.on_step, &without.on_accept, &without.on_reject})
    if (*call)
      *call = [told = std::move(*call), state_size](StepView step) {
        step.state = step.state.first(state_size);
        told(step);
      };
  return without;
}

Solution solve_numbers(const VectorField& field, const Numbers& numbers, const SolveOptions& options,
                       std::span<const SolveEvent> events, const Extras& extras) {
  check_options(options);
  internal::check_tolerances(options, field);
  std::optional<internal::EventField> joined;
  if (!events.empty()) {
    check_event_options(options);
    joined = internal::join_events(field, events);
  }
  const VectorField& solved = joined ? joined->field : field;
  const internal::HostSizes sizes =
      check_inputs(solved, numbers.z0.shape(), numbers.times, shapes_of(numbers.arguments));
  internal::check_partition(solved, options.method);
  internal::HostBatch batch{.z0 = numbers.z0,
                            .times = numbers.times,
                            .arguments = numbers.arguments,
                            .sizes = sizes,
                            .events = joined ? &*joined : nullptr,
                            .save = extras.save,
                            .resume = extras.resume,
                            .watch = extras.watch != nullptr && !extras.watch->is_empty() ? extras.watch : nullptr};
  if (extras.device == Device::kCuda && sizes.batch > 0)
    return internal::solve_on_device(internal::card(), solved, options, batch, {}, extras.dense);
  if (is_multistep(options.method)) {
    if (extras.resume != nullptr || batch.watch != nullptr)
      throw NotSupported("[solve] a solve that is watched or continued takes steps of Costate's own; '",
                         name(options.method), "' takes SUNDIALS'.");
    if (extras.save != nullptr)
      throw NotSupported("[solve] a save function is for steps of Costate's own; '", name(options.method),
                         "' takes SUNDIALS'. Apply it to the states.");
    return internal::solve_by_cvode(solved, options, batch);
  }
  const auto lifted = internal::with_memory(solved, options.method);
  if (!lifted) return solve_checked(solved, options, batch, extras.dense);
  const HostArray start = internal::start_with_memory(*lifted, numbers.z0, numbers.times, options, numbers.arguments);
  SolveWatch watch;
  if (batch.watch != nullptr) watch = without_memory(*batch.watch, static_cast<std::size_t>(field.state_size()));
  Solution solution = solve_checked(lifted->field, options,
                                    {.z0 = start,
                                     .times = numbers.times,
                                     .arguments = numbers.arguments,
                                     .sizes = with_state(sizes, start),
                                     .save = extras.save,
                                     .watch = batch.watch != nullptr ? &watch : nullptr},
                                    nullptr);
  if (extras.save == nullptr) solution.states = internal::states_without_memory(solution.states, sizes.state);
  for (std::int64_t& nfe : solution.nfe) nfe += lifted->start.evaluations;
  return solution;
}

}  // namespace

Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options,
               std::span<const HostArray> arguments, std::span<const SolveEvent> events, const SolveWatch& watch) {
  return solve_numbers(field, {z0, times, arguments}, options, events, {.watch = &watch});
}

Solution solve_saving(const VectorField& field, const SaveFunction& save, const HostArray& z0, const HostArray& times,
                      const SolveOptions& options, std::span<const HostArray> arguments,
                      std::span<const SolveEvent> events, const SolveWatch& watch) {
  internal::check_save(field, save);
  if (!save.captured().empty())
    throw InvalidArgument(
        "[solve_saving] the function uses an Array of the trace around it, so its solve is part of that trace; give z0 "
        "and times as Arrays: constant(z0) of one sample, constant(times).");
  return solve_numbers(field, {z0, times, arguments}, options, events, {.watch = &watch, .save = &save});
}

Solution solve_on(Device device, const VectorField& field, const HostArray& z0, const HostArray& times,
                  const SolveOptions& options, std::span<const HostArray> arguments) {
  return solve_numbers(field, {z0, times, arguments}, options, {}, {.device = device});
}

DenseResult solve_dense_on(Device device, const VectorField& field, const HostArray& z0, const HostArray& times,
                           const SolveOptions& options, std::span<const HostArray> arguments) {
  refuse_fixed_steps(options, "a dense output");
  DenseSolution::Steps steps;
  Solution solution = solve_numbers(field, {z0, times, arguments}, options, {}, {.dense = &steps, .device = device});
  return {std::move(solution), DenseSolution(std::move(steps))};
}

internal::HostSizes internal::check_there(const VectorField& field, const DeviceSolve& there, const HostArray& times) {
  std::vector<Shape> shapes;
  for (const DeviceNumbers& argument : there.arguments) shapes.push_back(argument.shape);
  const internal::HostSizes sizes = check_inputs(field, there.z0.shape, times, shapes);
  const auto batch = static_cast<std::int64_t>(sizes.batch);
  const Shape expected = sizes.state.with_first(times.shape()[-1]).with_first(batch);
  if (!(there.states.shape == expected))
    throw ShapeError("[solve] states must have shape ", expected, "; got ", there.states.shape, ".");
  const auto is_missing = [](const DeviceNumbers& numbers) { return numbers.address == 0 && numbers.shape.size() > 0; };
  if (is_missing(there.z0) || is_missing(there.states) || std::ranges::any_of(there.arguments, is_missing))
    throw InvalidArgument("[solve] numbers on a card have an address; got 0.");
  return sizes;
}

Solution solve_there(const VectorField& field, const DeviceSolve& there, const HostArray& times,
                     const SolveOptions& options) {
  check_options(options);
  internal::check_tolerances(options, field);
  const internal::HostSizes sizes = internal::check_there(field, there, times);
  if (sizes.batch == 0) return {};
  return internal::solve_given(internal::card(), field, there, times, sizes, options);
}

Solution continue_solve(const VectorField& field, const SolveEnd& end, const HostArray& times,
                        const SolveOptions& options, std::span<const HostArray> arguments,
                        std::span<const SolveEvent> events, const SolveWatch& watch) {
  refuse_fixed_steps(options, "a solve that goes on with another one's steps");
  if (end.is_empty())
    throw InvalidArgument(
        "[continue_solve] there is no end to go on from; a solve of fixed steps, or by SUNDIALS', has none.");
  check_inputs(field, end.states.shape(), times, shapes_of(arguments));
  const std::int64_t batch = end.states.shape()[0], size = field.state_size();
  for (std::int64_t i = 0; i < batch; ++i) {
    const double reached = end.times[static_cast<std::size_t>(i)];
    for (std::int64_t k = 0; k < size; ++k)
      if (!std::isfinite(end.states.at(i * size + k)))
        throw InvalidArgument("[continue_solve] sample ", i, " ended at t = ", reached,
                              ", before its last time, by a failure or an event; leave it out.");
    const double first = times.at(times.shape().rank() == 2 ? i * times.shape()[-1] : 0);
    if (first != reached)
      throw InvalidArgument("[continue_solve] times must begin where the solve ended, at ", text::shortest(reached),
                            " for sample ", i, "; got ", text::shortest(first), ".");
  }
  return solve_numbers(field, {end.states, times, arguments}, options, events, {.watch = &watch, .resume = &end});
}

DenseResult solve_dense(const VectorField& field, const HostArray& z0, const HostArray& times,
                        const SolveOptions& options, std::span<const HostArray> arguments,
                        std::span<const SolveEvent> events, const SolveWatch& watch) {
  refuse_fixed_steps(options, "a dense output");
  DenseSolution::Steps steps;
  Solution solution = solve_numbers(field, {z0, times, arguments}, options, events, {.dense = &steps, .watch = &watch});
  return {std::move(solution), DenseSolution(std::move(steps))};
}

std::vector<AcceptedStep> accepted_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                                         const SolveOptions& options, std::span<const HostArray> arguments) {
  check_options(options);
  internal::check_tolerances(options, field);
  const internal::HostSizes sizes = check_inputs(field, z0.shape(), times, shapes_of(arguments));
  if (is_multistep(options.method))
    throw NotSupported("[accepted_steps] '", name(options.method),
                       "' takes SUNDIALS' steps, which it keeps to itself.");
  if (sizes.batch != 1) throw ShapeError("[accepted_steps] z0 must hold one sample; got a batch of ", sizes.batch, ".");
  internal::check_partition(field, options.method);
  if (const auto lifted = internal::with_memory(field, options.method)) {
    const HostArray start = internal::start_with_memory(*lifted, z0, times, options, arguments);
    return internal::steps_of_one(lifted->field, options, {start, times, arguments, with_state(sizes, start)});
  }
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

/// The solve as a node. `arguments`: of the field, those that it captures among them.
Array apply_extension(const VectorField& field, const Operand& z0, const Operand& times, const SolveOptions& options,
                      std::span<const Array> arguments, std::shared_ptr<const internal::EventField> events) {
  std::vector<Array> operands = {reshape(z0, {z0.array.shape().size()}), times.array};
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  internal::append_parameters(field.function(), operands);
  auto known_times = internal::constant_numbers(times.array).value_or(std::vector<double>{});
  return apply(std::make_shared<internal::SolveExtension>(field, options, std::move(known_times), std::move(events)),
               operands, z0.where);
}

Array apply_solve(const VectorField& field, const Operand& z0, const Operand& times, const SolveOptions& options,
                  std::span<const Array> arguments, std::shared_ptr<const internal::EventField> events) {
  internal::check_partition(field, options.method);
  const auto lifted = internal::with_memory(field, options.method);
  if (!lifted) return apply_extension(field, z0, times, options, arguments, std::move(events));
  std::vector<Array> inputs(arguments.begin(), arguments.end());
  internal::append_parameters(field.function(), inputs);
  const Array start =
      internal::start_with_memory(*lifted, reshape(z0, {z0.array.shape().size()}), times.array, options, inputs);
  const Array states = apply_extension(lifted->field, {start, z0.where}, times, options, arguments, nullptr);
  return internal::states_without_memory(states, field.state_size());
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
  return apply_solve(field, z0, times, options, arguments, nullptr);
}

EventSolution solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options,
                    std::span<const Array> given, const EventList& events) {
  check_options(options);
  internal::check_tolerances(options, field);
  check_event_options(options);
  if (events.events.empty()) throw InvalidArgument("[solve] the list of events must hold one; got none.");
  constexpr std::int64_t kMostEvents = 100'000;  // each has a row in the outputs of every sample
  if (events.max_events < 1 || events.max_events > kMostEvents)
    throw InvalidArgument("[solve] max_events must be at least 1 and at most ", kMostEvents, "; got ",
                          events.max_events, ".");
  std::vector<Array> arguments = internal::arguments_of(field, given, "solve");
  check_constant_times(times.array);
  if (const auto hoisted = internal::hoist_shared(field))
    return solve(hoisted->field, z0, times, options, with_hoisted(*hoisted, field, arguments), events);
  const auto joined = std::make_shared<const internal::EventField>(
      internal::join_events(field, events.events, static_cast<std::size_t>(events.max_events)));
  arguments.insert(arguments.end(),
                   joined->field.captured().begin() + static_cast<std::ptrdiff_t>(field.captured().size()),
                   joined->field.captured().end());
  const Array all = apply_solve(joined->field, z0, times, options, arguments, joined);
  const std::int64_t size = field.state_size(), most = events.max_events;
  std::int64_t offset = 0;
  const auto next = [&](const Shape& shape) {
    offset += shape.size();
    return reshape(all.slice(offset - shape.size(), offset), shape);
  };
  EventSolution solution;
  solution.states = next({times.array.shape()[0], size});
  solution.event_times = next({most});
  solution.events = next({most});
  solution.event_states = next({most, size});
  solution.count = next({});
  return solution;
}

}  // namespace costate
