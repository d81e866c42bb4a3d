#include "costate/solve/internal/interpreted_field.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "costate/diff/diff.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/guard_problem.h"
#include "costate/solve/internal/implicit_step.h"

namespace costate::internal {
namespace {

/// A flat state as the field's parts.
std::vector<HostArray> parts_of(const VectorField& field, std::span<const double> y) {
  std::vector<HostArray> parts;
  for (const StatePart& part : field.parts()) {
    const auto size = static_cast<std::size_t>(part.shape.size());
    parts.emplace_back(part.shape, std::vector<double>(y.begin(), y.begin() + part.shape.size()));
    y = y.subspan(size);
  }
  return parts;
}

void write_parts(std::span<const HostArray> parts, std::span<double> out) {
  std::size_t at = 0;
  for (const HostArray& part : parts)
    for (std::int64_t i = 0; i < part.size(); ++i) out[at++] = part.at(i);
}

std::vector<HostArray> inputs_at(const VectorField& field, double t, std::span<const double> y,
                                 std::span<const std::vector<double>> arguments) {
  std::vector<HostArray> inputs = {HostArray(Shape{}, std::vector<double>{t})};
  for (HostArray& part : parts_of(field, y)) inputs.push_back(std::move(part));
  for (const std::vector<double>& argument : arguments)
    inputs.emplace_back(field.function().inputs()[inputs.size()].shape, argument);
  return inputs;
}

/// What StepFunctions take for their inputs, but for tangents.
std::vector<HostArray> step_inputs(const StepFunction& step, std::span<const double> times, double h,
                                   std::span<const double> y, std::span<const std::vector<double>> arguments) {
  std::vector<HostArray> inputs;
  for (const double t : times) inputs.emplace_back(Shape{}, std::vector<double>{t});
  inputs.emplace_back(Shape{}, std::vector<double>{h});
  inputs.push_back(HostArray::vector({y.begin(), y.end()}));
  for (const std::vector<double>& argument : arguments)
    inputs.emplace_back(step.function.inputs()[inputs.size()].shape, argument);
  return inputs;
}

/// Of argument i of a field, as large as `argument`.
HostArray argument_pattern(std::size_t i, const Input& argument) {
  HostArray tangent(argument.shape);
  for (std::int64_t k = 0; k < tangent.size(); ++k) tangent.set(k, guard::pattern(1 + i, static_cast<std::size_t>(k)));
  return tangent;
}

/// The steps of an implicit method, and their tangents.
class StepTangents {
 public:
  StepTangents(const VectorField& field, const SolveOptions& options, std::span<const std::vector<double>> arguments,
               bool with_arguments)
      : with_arguments_(with_arguments), arguments_(arguments) {
    add(step_function(field, options, StepUse::kTangent));
    if (options.method == Method::kAuto) add(explicit_step(field, options, StepUse::kTangent));
  }

  StepTangent operator()(bool is_explicit, std::span<const double> times, double h, std::span<const double> y,
                         std::span<const double> v) const {
    const auto& [step, tangent] = steps_[is_explicit ? 1 : 0];
    std::vector<HostArray> inputs = step_inputs(step, times, h, y, arguments_);
    inputs.push_back(HostArray::vector({v.begin(), v.end()}));
    for (std::size_t i = 0; with_arguments_ && i < arguments_.size(); ++i)
      inputs.push_back(argument_pattern(i, step.function.inputs()[step.first_state_input() + 1 + i]));
    const std::vector<HostArray> all = interpret(tangent, inputs);  // y1, its estimate, and the tangents of both
    return {all[2].numbers(), all[3].numbers()};
  }

 private:
  void add(StepFunction step) {
    const std::size_t state = step.first_state_input();
    std::vector<std::size_t> positions(with_arguments_ ? step.function.inputs().size() - state : 1);
    std::iota(positions.begin(), positions.end(), state);
    Function tangent = costate::jvp(step.function, positions);
    steps_.emplace_back(std::move(step), std::move(tangent));
  }

  bool with_arguments_;
  std::span<const std::vector<double>> arguments_;
  std::vector<std::pair<StepFunction, Function>> steps_;
};

}  // namespace

ReferenceRhs interpreted_rhs(const VectorField& field, std::span<const std::vector<double>> arguments) {
  return [&field, arguments](double t, std::span<const double> y, std::span<double> slope) {
    write_parts(interpret(field.function(), inputs_at(field, t, y, arguments)), slope);
  };
}

ReferenceDerivatives interpreted_derivatives(const VectorField& field, const SolveOptions& options,
                                             std::span<const std::vector<double>> arguments) {
  if (tableau(options.method).steps_by_function()) {
    ReferenceDerivatives derivatives;
    derivatives.part_offsets = part_offsets(field);
    derivatives.step_jvp = StepTangents(field, options, arguments, false);
    if (!arguments.empty()) derivatives.step_jvp_of_inputs = StepTangents(field, options, arguments, true);
    return derivatives;
  }
  const std::size_t num_parts = field.parts().size(), num_inputs = field.function().inputs().size();
  std::vector<std::size_t> parts(num_parts), all(num_inputs - 1);
  std::iota(parts.begin(), parts.end(), std::size_t{1});
  std::iota(all.begin(), all.end(), std::size_t{1});
  const auto product = [&field, arguments, num_parts](const Function& derivative, bool with_arguments) {
    return [=, &field](double t, std::span<const double> y, std::span<const double> v, std::span<double> out) {
      std::vector<HostArray> inputs = inputs_at(field, t, y, arguments);
      for (const HostArray& part : parts_of(field, v)) inputs.push_back(part);
      for (std::size_t i = 0; with_arguments && i < arguments.size(); ++i)
        inputs.push_back(argument_pattern(i, field.function().inputs()[1 + num_parts + i]));
      const std::vector<HostArray> all = interpret(derivative, inputs);
      write_parts(std::span(all).subspan(num_parts), out);
    };
  };
  ReferenceDerivatives derivatives{.vjp = product(costate::vjp(field.function(), parts), false),
                                   .jvp = product(costate::jvp(field.function(), parts), false),
                                   .jvp_of_inputs = {},
                                   .step_jvp = {},
                                   .step_jvp_of_inputs = {},
                                   .part_offsets = part_offsets(field),
                                   .has_kinks = has_kinks(field)};
  if (num_inputs > 1 + num_parts) derivatives.jvp_of_inputs = product(costate::jvp(field.function(), all), true);
  return derivatives;
}

ReferenceStepper interpreted_step(const StepFunction& step, std::span<const std::vector<double>> arguments) {
  return [&step, arguments](std::span<const double> times, double h, std::span<const double> y) {
    const std::vector<HostArray> all = interpret(step.function, step_inputs(step, times, h, y, arguments));
    ReferenceStepOutputs outputs{
        .y_next = all[0].numbers(), .error = {}, .newton_error = 0, .stiffness = 0, .dense = {}};
    for (std::size_t j = 0; j < step.num_dense; ++j) outputs.dense.push_back(all[1 + j].numbers());
    std::size_t next = 1 + step.num_dense;
    if (step.has_error) outputs.error = all[next++].numbers();
    if (step.has_newton_error) outputs.newton_error = all[next++].at(0);
    if (step.has_stiffness) outputs.stiffness = all[next].at(0);
    return outputs;
  };
}

ReferenceEvents interpreted_events(const EventField& events, std::span<const std::vector<double>> arguments) {
  const VectorField& field = events.field;
  return {.rules = events.rules,
          .watch =
              [&events, &field, arguments](double t, std::span<const double> y, std::span<const double> dy,
                                           std::span<double> g, std::span<double> rate) {
                std::vector<HostArray> inputs = inputs_at(field, t, y, arguments);
                inputs.emplace_back(Shape{}, std::vector<double>{1});
                for (HostArray& part : parts_of(field, dy)) inputs.push_back(std::move(part));
                const std::vector<HostArray> found = interpret(events.watch, inputs);
                write_parts(std::span(found).first(1), g);
                write_parts(std::span(found).last(1), rate);
              },
          .reset =
              [&events, &field, arguments](std::size_t event, double t, std::span<const double> y,
                                           std::span<double> after) {
                const HostArray states = interpret(events.values, inputs_at(field, t, y, arguments)).back();
                const std::size_t first = events.reset_rows[event] * y.size();
                for (std::size_t i = 0; i < y.size(); ++i) after[i] = states.at(static_cast<std::int64_t>(first + i));
              }};
}

void append_events(const EventField& events, const std::vector<ReferenceEvent>& found, std::vector<double>& result) {
  const std::size_t most = events.max_events, size = static_cast<std::size_t>(events.field.state_size());
  std::vector<double> tail(events.tail_size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < std::min(most, found.size()); ++i) {
    tail[i] = found[i].t;
    tail[most + i] = static_cast<double>(found[i].event);
    std::ranges::copy(found[i].state, tail.begin() + static_cast<std::ptrdiff_t>(2 * most + i * size));
  }
  tail.back() = static_cast<double>(found.size());
  result.insert(result.end(), tail.begin(), tail.end());
}

}  // namespace costate::internal
