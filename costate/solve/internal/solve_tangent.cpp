// The forward derivative of a solve: the solution of the field's own jvp along the trajectory, as one solve of state
// and tangent together.
#include <limits>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/map_rows.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/moved_jumps.h"
#include "costate/solve/internal/solve_extension.h"
#include "costate/solve/internal/tangent_field.h"

namespace costate::internal {
namespace {

/// The direction whose tangents of the `moved` arguments are further arguments.
Directions direction_of(const VectorField& field, const MovedArguments& moved) {
  const std::vector<Input>& inputs = field.function().inputs();
  const std::size_t first = 1 + field.parts().size();
  Directions direction;
  for (std::size_t i = first; i < inputs.size(); ++i)
    if (moved[i - first]) direction.more.push_back({"tangent_" + inputs[i].name, inputs[i].shape, *moved[i - first]});
  direction.moves = [moved](std::size_t, std::span<const Array> more) {
    std::vector<Array> tangents;
    std::size_t next = 0;
    for (const auto& kind : moved) tangents.push_back(kind ? more[next++] : Array());
    return tangents;
  };
  return direction;
}

/// Half of each row [state and tangent].
Array half_of(const Array& rows, std::int64_t which) {
  const std::int64_t size = rows.shape()[1] / 2;
  std::vector<std::int64_t> positions;
  for (std::int64_t row = 0; row < rows.shape()[0]; ++row)
    for (std::int64_t i = 0; i < size; ++i) positions.push_back((2 * row + which) * size + i);
  return gather(rows, std::move(positions), {rows.shape()[0], size});
}

/// 1 where all numbers of a row are there, and 0 where one is NaN.
Array is_there(const Array& row) { return sum(equal(row, row)) >= static_cast<double>(row.shape().size()); }

/// What is solved for a tangent, inside a trace.
struct TangentSolve {
  const VectorField& field;  // without tangents
  Array z0, t0;
  std::span<const Array> own;  // arguments of `field`, then its Parameters
  std::span<const Array> all;  // and those of the direction
  const VectorField& both;
  const Directions& direction;
};

/// The same direction, with fixed steps between two times that move: three more arguments say how.
Directions with_moved_ends(Directions direction) {
  const std::size_t first = direction.more.size();
  for (const char* name : {"moved_from", "first_move", "move_rate"}) direction.more.push_back({name, {}});
  direction.moves_time = [first](const Array& t, std::span<const Array> more) {
    const Array &from = more[first], &move = more[first + 1], &rate = more[first + 2];
    return TimeMove{.move = move + (t - from) * rate, .rate = rate};
  };
  return direction;
}

/// The fixed steps from one output time to the next, both of which move. Inputs: state and tangent; times; their
/// tangents; arguments of `both`, the field of a direction in which no time moves. Output: state and tangent.
Function moved_interval(const VectorField& field, const VectorField& both, const Directions& direction,
                        const SolveOptions& options) {
  const std::int64_t size = field.state_size();
  const std::size_t num_own = field.function().inputs().size() - 1 - field.parts().size();
  const VectorField moved = tangent_field(field, with_moved_ends(direction));
  std::vector<ArgumentSpec> inputs = {{"start", {2 * size}}, {"times", {2}}, {"moves", {2}}};
  inputs.insert(inputs.end(), both.arguments().begin(), both.arguments().end());
  return trace_list(inputs, [&](std::span<const Array> in) {
    const Array from = in[1][0], length = in[1][1] - from, growth = in[2][1] - in[2][0];
    const Array is_repeated = equal(length, 0.0);
    const auto given = in.subspan(3);
    std::vector<Array> arguments(given.begin(), given.end());
    const Array rate = where(is_repeated, 0.0, growth) / where(is_repeated, 1.0, length);
    arguments.insert(arguments.end(), {from, in[2][0], rate});
    const Array end = costate::solve(moved, in[0], in[1], options, arguments)[1];
    // Steps of length 0 grow at no finite rate, but by what they grow.
    const Array slope = slope_at(field, from, in[0].slice(0, size), given.first(num_own));
    const Array leap = where(is_repeated, growth * slope, 0.0);
    return std::vector<Array>{concat({end.slice(0, size), end.slice(size, 2 * size) + leap})};
  });
}

/// The states and tangents [time, 2 state] of fixed steps that move with their times. Its graph has a solve an
/// interval.
Array moved_steps(const TangentSolve& solve, Array start, const Array& times, const Array& moves,
                  const SolveOptions& options) {
  const Function interval = moved_interval(solve.field, solve.both, solve.direction, options);
  const Shape row{1, start.shape().size()};
  std::vector<Array> rows = {reshape(start, row)};
  for (std::int64_t i = 0; i + 1 < times.shape()[0]; ++i) {
    std::vector<Array> in = {start, times.slice(i, i + 2), moves.slice(i, i + 2)};
    in.insert(in.end(), solve.all.begin(), solve.all.end());
    start = inline_function(interval, in)[0];
    rows.push_back(reshape(start, row));
  }
  return concat(rows);
}

/// How outputs move with their own times: along the slope. Where there is no state, not at all.
Array moved_by_times(const TangentSolve& solve, const Array& times, const Array& moves, const Array& states) {
  const Array rows[] = {times, moves, states};
  return map_rows(
      [&](std::span<const Array> row) {
        const Array there = is_there(row[2]);
        return where(there, row[1], 0.0) * slope_at(solve.field, row[0], where(there, row[2], solve.z0), solve.own);
      },
      rows);
}

/// How the times of events, and the states there, move: [max_events, 1 + state]; NaN where there is none, and then no
/// derivative comes from there.
Array moved_events(const TangentSolve& solve, const EventField& events, const EventSolution& found) {
  const Function rates = event_rates(events, solve.both, solve.direction);
  const std::int64_t size = solve.field.state_size();
  const Array rows[] = {found.event_times, found.events, found.event_states};
  return map_rows(
      [&](std::span<const Array> row) {
        const Array there = is_there(row[2]);
        std::vector<Array> in = {where(there, row[0], solve.t0), where(there, row[2].slice(0, size), solve.z0),
                                 where(there, row[2].slice(size, 2 * size), 0.0)};
        in.insert(in.end(), solve.all.begin(), solve.all.end());
        const std::vector<Array> out = inline_function(rates, in);
        const auto of_event = [&](const Array& values) {
          Array value = values[0];
          for (std::int64_t i = 1; i < values.shape()[0]; ++i)
            value = where(equal(row[1], static_cast<double>(i)), values[i], value);
          return value;
        };
        const Array shift = where(there, -of_event(out[2]), 0.0) / where(there, of_event(out[1]), 1.0);
        return where(there, concat({reshape(shift, {1}), in[2] + shift * out[0]}),
                     std::numeric_limits<double>::quiet_NaN());
      },
      rows);
}

Array flat(const Array& x) { return reshape(x, {x.shape().size()}); }

/// The result of a solve with events, and its tangent.
std::vector<Array> with_events(const TangentSolve& solve, const EventField& events, const EventSolution& found,
                               const Array& tangents) {
  const Array moved = moved_events(solve, events, found);
  const std::int64_t most = found.events.shape()[0], size = solve.field.state_size();
  std::vector<std::int64_t> states;
  for (std::int64_t i = 0; i < most; ++i)
    for (std::int64_t k = 0; k < size; ++k) states.push_back(i * (1 + size) + 1 + k);
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < most; ++i) times.push_back(i * (1 + size));
  const Array count = reshape(found.count, {1});
  return {concat({flat(half_of(found.states, 0)), found.event_times, found.events, flat(half_of(found.event_states, 0)),
                  count}),
          concat({flat(tangents), gather(moved, times, {most}), zeros({most}), gather(moved, states, {most * size}),
                  zeros({1})})};
}

}  // namespace

/// An output moves with its own time along the slope there. What moves the first time moves the start back along its
/// own. Fixed steps move with both.
Function SolveExtension::tangent_solve(std::int64_t num_times, const MovedOperands& moved) const {
  const std::lock_guard lock(mutex_);
  Function& made = tangent_solves_[{num_times, moved}];
  if (!made.is_empty()) return made;
  const std::int64_t size = field_.state_size();
  const Directions direction = direction_of(field_, moved.arguments);
  const VectorField both = tangent_field(field_, direction);
  std::vector<ArgumentSpec> inputs = {{"z0", {size}}, {"times", {num_times}}};
  inputs.insert(inputs.end(), both.arguments().begin(), both.arguments().end());
  if (moved.times) inputs.push_back({"tangent_times", {num_times}});
  inputs.push_back({"tangent_z0", {size}});
  return made = trace_list(inputs, [&](std::span<const Array> in) {
           const auto arguments = in.subspan(2, both.arguments().size());
           const TangentSolve solve{.field = field_,
                                    .z0 = in[0],
                                    .t0 = in[1][0],
                                    .own = arguments.first(moved.arguments.size()),
                                    .all = arguments,
                                    .both = both,
                                    .direction = direction};
           const SolveOptions options = with_copies(options_, field_, 2, 0);
           Array tangent = in.back();
           if (moved.times && has_fixed_steps(options_)) {
             const Array rows = moved_steps(solve, concat({solve.z0, tangent}), in[1], in[in.size() - 2], options);
             return std::vector<Array>{half_of(rows, 0), half_of(rows, 1)};
           }
           if (moved.times) tangent = tangent - in[in.size() - 2][0] * slope_at(field_, solve.t0, solve.z0, solve.own);
           const Array start = concat({solve.z0, tangent});
           EventSolution found;
           if (events_) {
             const std::vector<SolveEvent> events = tangent_events(*events_, both, direction);
             found = costate::solve(both, start, in[1], options, arguments,
                                    {.events = events, .max_events = static_cast<std::int64_t>(events_->max_events)});
           } else {
             found.states = costate::solve(both, start, in[1], options, arguments);
           }
           const Array states = half_of(found.states, 0);
           Array tangents = half_of(found.states, 1);
           if (moved.times) tangents = tangents + moved_by_times(solve, in[1], in[in.size() - 2], states);
           if (events_) return with_events(solve, *events_, found, tangents);
           return std::vector<Array>{states, tangents};
         });
}

std::vector<Array> SolveExtension::tangent_inputs(std::span<const Array> operands, std::span<const Array> tangents) {
  std::vector<Array> inputs(operands.begin(), operands.end());
  for (std::size_t i = 2; i < operands.size(); ++i)
    if (!tangents[i].is_empty()) inputs.push_back(tangents[i]);
  if (!tangents[1].is_empty()) inputs.push_back(tangents[1]);
  inputs.push_back(tangents[0].is_empty() ? zeros(operands[0].shape()) : tangents[0]);
  return inputs;
}

/// Where a solve with events has no event, or no state any more, nothing moves, as a cotangent there counts nothing.
Array SolveExtension::jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const {
  const MovedOperands moved = moved_operands(operands, tangents);
  const Array tangent =
      inline_function(tangent_solve(operands[1].shape()[0], moved), tangent_inputs(operands, tangents))[1];
  return events_ ? where(equal(result, result), tangent, 0.0) : tangent;
}

MovedOperands SolveExtension::moved_operands(std::span<const Array> operands, std::span<const Array> tangents) const {
  MovedOperands moved{.times = !tangents[1].is_empty(), .arguments = {}};
  if (tableau(options_.method).is_on_grid())
    throw NotSupported("[jvp] a solve by '", costate::name(options_.method),
                       "' has no forward derivative, nor a second one; take an explicit Runge-Kutta method.");
  if (moved.times && !options_.mass_matrix.empty())
    throw NotSupported(
        "[jvp] a solve with a mass_matrix has no forward derivative with respect to its times; leave them out of wrt.");
  if (events_ && !options_.mass_matrix.empty())
    throw NotSupported(
        "[jvp] a solve with a mass_matrix and events has no forward derivative, nor a second one; take vjp.");
  const std::size_t first = 1 + field_.parts().size();
  std::vector<bool> is_moved;
  for (std::size_t i = 2; i < operands.size(); ++i) {
    is_moved.push_back(!tangents[i].is_empty());
    moved.arguments.emplace_back();
    if (!is_moved.back()) continue;
    const bool varies = varies_by_sample(tangents[i]);
    moved.arguments.back() = varies ? InputKind::kSample : field_.function().inputs()[first + i - 2].kind;
  }
  refuse_moved_jumps(field_, operands.subspan(2), is_moved, "jvp");
  return moved;
}

}  // namespace costate::internal
