// Save functions, and solves inside a trace that keep what they give.
#include "costate/solve/save_function.h"

#include <limits>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/operations/map_rows.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/flat_state.h"

namespace costate {

SaveFunction::SaveFunction(Function function, std::size_t num_parts, std::size_t num_arguments,
                           std::vector<Array> captured)
    : function_(std::move(function)),
      num_parts_(num_parts),
      num_arguments_(num_arguments),
      captured_(std::move(captured)) {
  internal::refuse_empty(function_, "SaveFunction");
}

/// The code is asked at a state of ones where there is none, so that no NaN comes into derivatives.
SaveFunction save_of_parts(const VectorField& field, const SaveValue& save) {
  const std::size_t num_arguments = field.arguments().size() - field.captured().size();
  const std::size_t num_parts = field.parts().size();
  internal::CapturingFunction traced =
      internal::trace_capturing(internal::inputs_of_code(field), [&](std::span<const Array> in) {
        const Array flat = internal::join_state(in.subspan(1, num_parts));
        const Array there = sum(equal(flat, flat)) >= static_cast<double>(flat.shape().size());
        const std::vector<Array> parts = internal::split_state(where(there, flat, 1.0), field.parts());
        const Array value = save(in[0], parts, in.subspan(1 + num_parts));
        return std::vector<Array>{where(there, value, std::numeric_limits<double>::quiet_NaN())};
      });
  return SaveFunction(std::move(traced.function), num_parts, num_arguments, std::move(traced.captured));
}

namespace internal {

void check_save(const VectorField& field, const SaveFunction& save) {
  const std::vector<Input>& inputs = save.function().inputs();
  const std::size_t num_parts = field.parts().size(), num_shared = 1 + num_parts + save.num_arguments();
  bool fits = save.num_parts() == num_parts && field.arguments().size() >= save.num_arguments();
  for (std::size_t i = 1; fits && i < num_shared; ++i) {
    const Shape& expected = i <= num_parts ? field.parts()[i - 1].shape : field.arguments()[i - 1 - num_parts].shape;
    fits = inputs[i].shape == expected;
  }
  if (!fits)
    throw InvalidArgument(
        "[solve_saving] the function was made for a field with another state or other arguments; make it with "
        "save_function(field, …) of the field that is solved.");
}

}  // namespace internal

namespace {

/// What is kept of states [time, state].
Array saved(const VectorField& field, const SaveFunction& save, const Array& times, const Array& states,
            std::span<const Array> arguments) {
  const Array rows[] = {times, states};
  return map_rows(
      [&](std::span<const Array> row) {
        std::vector<Array> in = {row[0]};
        for (const Array& part : internal::split_state(row[1], field.parts())) in.push_back(part);
        const auto declared = arguments.first(save.num_arguments());
        in.insert(in.end(), declared.begin(), declared.end());
        in.insert(in.end(), save.captured().begin(), save.captured().end());
        internal::append_parameters(save.function(), in);
        return internal::inline_function(save.function(), in)[0];
      },
      rows);
}

}  // namespace

Array solve_saving(const VectorField& field, const SaveFunction& save, Operand z0, Operand times,
                   const SolveOptions& options, std::span<const Array> arguments) {
  internal::check_save(field, save);
  return saved(field, save, times.array, solve(field, z0, times, options, arguments), arguments);
}

EventSolution solve_saving(const VectorField& field, const SaveFunction& save, Operand z0, Operand times,
                           const SolveOptions& options, std::span<const Array> arguments, const EventList& events) {
  internal::check_save(field, save);
  EventSolution solution = solve(field, z0, times, options, arguments, events);
  solution.states = saved(field, save, times.array, solution.states, arguments);
  return solution;
}

}  // namespace costate
