#include "costate/solve/internal/event_field.h"

#include <algorithm>
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/simplify.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {
namespace {

void check_event(const VectorField& field, const SolveEvent& event, std::size_t index) {
  const std::vector<Input>& inputs = event.function().inputs();
  const std::size_t num_parts = field.parts().size(), num_shared = 1 + num_parts + event.num_arguments();
  bool fits = field.arguments().size() >= event.num_arguments() && inputs.size() >= num_shared;
  for (std::size_t i = 1; fits && i < num_shared; ++i) {
    const Shape& expected = i <= num_parts ? field.parts()[i - 1].shape : field.arguments()[i - 1 - num_parts].shape;
    fits = inputs[i].shape == expected;
  }
  if (!fits)
    throw InvalidArgument(
        "[solve] event ", index,
        " was made for a field with another state or other arguments; make it with solve_event(field, …) "
        "of the field that is solved.");
}

/// g and the moved state of an event, in the trace of the joined function with these inputs.
std::vector<Array> values_of(const SolveEvent& event, std::span<const Array> inputs, std::size_t num_parts) {
  const auto shared = inputs.first(1 + num_parts + event.num_arguments());
  std::vector<Array> all(shared.begin(), shared.end());
  all.insert(all.end(), event.captured().begin(), event.captured().end());
  append_parameters(event.function(), all);
  return inline_function(event.function(), all);
}

/// The function with some of its outputs alone.
Function with_outputs(const Function& function, std::size_t first, std::size_t count) {
  const auto begin = function.outputs().begin() + static_cast<std::ptrdiff_t>(first);
  return simplify(Function(function.nodes(), function.inputs(), {begin, begin + static_cast<std::ptrdiff_t>(count)}));
}

std::vector<std::size_t> numbers_from(std::size_t first, std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

std::size_t EventField::num_resets() const {
  return static_cast<std::size_t>(std::ranges::count_if(rules, [](const EventRule& rule) { return rule.resets; }));
}

std::size_t EventField::tail_size() const {
  return max_events * (2 + static_cast<std::size_t>(field.state_size())) + 1;
}

EventField join_events(const VectorField& field, std::span<const SolveEvent> events, std::size_t max_events) {
  const std::size_t num_parts = field.parts().size();
  for (std::size_t i = 0; i < events.size(); ++i) check_event(field, events[i], i);
  std::vector<ArgumentSpec> inputs = {{"t", {}}};
  for (const StatePart& part : field.parts()) inputs.push_back({part.name, part.shape});
  inputs.insert(inputs.end(), field.arguments().begin(), field.arguments().end());
  CapturingFunction joined = trace_capturing(inputs, [&](std::span<const Array> in) {
    std::vector<Array> of_field(in.begin(), in.end()), values, states;
    append_parameters(field.function(), of_field);
    std::vector<Array> outputs = inline_function(field.function(), of_field);
    for (const SolveEvent& event : events) {
      const std::vector<Array> found = values_of(event, in, num_parts);
      values.push_back(reshape(found[0], {1}));
      if (event.resets()) states.push_back(join_state(std::span(found).subspan(1)));
    }
    outputs.push_back(concat(values));
    if (!states.empty()) outputs.push_back(concat(states));
    return outputs;
  });
  std::vector<ArgumentSpec> arguments = field.arguments();
  std::vector<Array> captured = field.captured();
  for (std::size_t i = 0; i < joined.captured.size(); ++i) {
    const Input& input = joined.function.inputs()[inputs.size() + i];
    arguments.push_back({input.name, input.shape, input.kind});
    captured.push_back(joined.captured[i]);
  }
  EventField all{.field = VectorField(with_outputs(joined.function, 0, num_parts), field.parts(), std::move(arguments),
                                      std::move(captured)),
                 .values = with_outputs(joined.function, num_parts, joined.function.outputs().size() - num_parts),
                 .watch = jvp(with_outputs(joined.function, num_parts, 1), numbers_from(0, 1 + num_parts)),
                 .rules = {},
                 .reset_rows = {},
                 .max_events = max_events};
  for (const SolveEvent& event : events) {
    all.reset_rows.push_back(all.num_resets());
    all.rules.push_back(
        {.direction = event.options().direction, .stop_after = event.options().stop_after, .resets = event.resets()});
  }
  return all;
}

LinearField linearize_events(const EventField& events, const WantedGradients& wanted) {
  const std::size_t num_parts = events.field.parts().size();
  std::vector<std::size_t> positions = numbers_from(0, 1 + num_parts);
  for (std::size_t i = 0; i < wanted.arguments.size(); ++i)
    if (wanted.arguments[i]) positions.push_back(1 + num_parts + i);
  const std::size_t first = events.values.inputs().size();
  return {vjp(events.values, positions), numbers_from(first, events.values.outputs().size())};
}

}  // namespace costate::internal
