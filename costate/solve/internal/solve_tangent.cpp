// The forward derivative of a solve: the solution of the field's own jvp along the trajectory, as one solve of state
// and tangent together.
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/flat_state.h"
#include "costate/solve/internal/moved_jumps.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate::internal {
namespace {

/// What a field takes besides t and the state: its arguments, its Parameters, then the tangents of the `moved` ones.
std::vector<ArgumentSpec> with_tangents(const VectorField& field, const MovedArguments& moved) {
  const std::vector<Input>& inputs = field.function().inputs();
  const std::size_t first = 1 + field.parts().size();
  std::vector<ArgumentSpec> all;
  for (std::size_t i = first; i < inputs.size(); ++i) all.push_back({inputs[i].name, inputs[i].shape, inputs[i].kind});
  for (std::size_t i = first; i < inputs.size(); ++i)
    if (moved[i - first]) all.push_back({"tangent_" + inputs[i].name, inputs[i].shape, *moved[i - first]});
  return all;
}

/// The field of a state and its tangent.
VectorField tangent_field(const VectorField& field, const MovedArguments& moved) {
  const std::size_t num_parts = field.parts().size();
  std::vector<std::size_t> positions(num_parts);
  std::iota(positions.begin(), positions.end(), std::size_t{1});
  for (std::size_t i = 0; i < moved.size(); ++i)
    if (moved[i]) positions.push_back(1 + num_parts + i);
  const Function forward = costate::jvp(field.function(), positions);
  const std::int64_t size = field.state_size();
  return build_field({{"z", {size}}, {"tangent_z", {size}}}, with_tangents(field, moved),
                     [&](Array t, std::span<const Array> state, std::span<const Array> more) {
                       std::vector<Array> in = {t};
                       for (const Array& part : split_state(state[0], field.parts())) in.push_back(part);
                       const auto values = more.first(moved.size()), tangents = more.subspan(moved.size());
                       in.insert(in.end(), values.begin(), values.end());
                       for (const Array& part : split_state(state[1], field.parts())) in.push_back(part);
                       in.insert(in.end(), tangents.begin(), tangents.end());
                       const std::vector<Array> out = inline_function(forward, in);
                       const std::span<const Array> all(out);
                       return std::vector<Array>{join_state(all.first(num_parts)), join_state(all.subspan(num_parts))};
                     });
}

/// f at t and a flat state.
Array slope_at(const VectorField& field, const Array& t, const Array& z, std::span<const Array> arguments) {
  std::vector<Array> in = {t};
  for (const Array& part : split_state(z, field.parts())) in.push_back(part);
  in.insert(in.end(), arguments.begin(), arguments.end());
  return join_state(inline_function(field.function(), in));
}

}  // namespace

/// An output moves with its own time along the slope there. What moves the first time moves the start back along its
/// own.
Function SolveExtension::tangent_solve(std::int64_t num_times, const MovedOperands& moved) const {
  const std::lock_guard lock(mutex_);
  Function& made = tangent_solves_[{num_times, moved}];
  if (!made.is_empty()) return made;
  const std::int64_t size = field_.state_size();
  const auto num_arguments = static_cast<std::int64_t>(moved.arguments.size());
  std::vector<ArgumentSpec> inputs = {{"z0", {size}}, {"times", {num_times}}};
  const std::vector<ArgumentSpec> arguments = with_tangents(field_, moved.arguments);
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  if (moved.times) inputs.push_back({"tangent_times", {num_times}});
  inputs.push_back({"tangent_z0", {size}});
  return made = trace_list(inputs, [&](std::span<const Array> in) {
           const Array& z0 = in.front();
           Array tangent = in.back();
           const auto slope = [&](std::int64_t i, const Array& z) {
             const Array& moves = in[in.size() - 2];
             return moves[i] * slope_at(field_, in[1][i], z, in.subspan(2, static_cast<std::size_t>(num_arguments)));
           };
           if (moved.times) tangent = tangent - slope(0, z0);
           const Array both = costate::solve(tangent_field(field_, moved.arguments), concat({z0, tangent}), in[1],
                                             with_copies(options_, field_, 2, 0), in.subspan(2, arguments.size()));
           if (!moved.times) return std::vector<Array>{both};
           std::vector<Array> rows;
           for (std::int64_t i = 0; i < num_times; ++i) {
             const Array z = both[i].slice(0, size);
             rows.push_back(concat({z, both[i].slice(size, 2 * size) + slope(i, z)}));
           }
           return std::vector<Array>{stack(rows)};
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

Array SolveExtension::jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const {
  if (events_) throw NotSupported("[jvp] a solve with events has no forward derivative; take vjp.");
  const MovedOperands moved = moved_operands(operands, tangents);
  const Array both = inline_function(tangent_solve(result.shape()[0], moved), tangent_inputs(operands, tangents))[0];
  const std::int64_t size = field_.state_size();
  std::vector<std::int64_t> positions;
  for (std::int64_t time = 0; time < result.shape()[0]; ++time)
    for (std::int64_t i = 0; i < size; ++i) positions.push_back((2 * time + 1) * size + i);
  return gather(both, std::move(positions), result.shape());
}

MovedOperands SolveExtension::moved_operands(std::span<const Array> operands, std::span<const Array> tangents) const {
  MovedOperands moved{.times = !tangents[1].is_empty(), .arguments = {}};
  if (tableau(options_.method).is_on_grid())
    throw NotSupported("[jvp] a solve by '", costate::name(options_.method),
                       "' has no forward derivative, nor a second one; take an explicit Runge-Kutta method.");
  if (moved.times && !options_.mass_matrix.empty())
    throw NotSupported(
        "[jvp] a solve with a mass_matrix has no forward derivative with respect to its times; leave them out of wrt.");
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
