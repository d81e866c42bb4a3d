#include "costate/solve/events.h"

#include "costate/base/error.h"
#include "costate/base/names.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/flat_state.h"

namespace costate {

SolveEvent::SolveEvent(Function function, std::size_t num_arguments, std::vector<Array> captured, EventOptions options)
    : function_(std::move(function)), num_arguments_(num_arguments), captured_(std::move(captured)), options_(options) {
  internal::refuse_empty(function_, "SolveEvent");
}

namespace {

void check_shapes(const VectorField& field, std::span<const Array> values, const char* caller) {
  if (values[0].shape().rank() != 0)
    throw ShapeError("[", caller, "] g must give one number, of shape []; got shape ", values[0].shape(), ".");
  const std::size_t num_moved = values.size() - 1;
  if (num_moved > 0 && num_moved != field.parts().size())
    throw ShapeError("[", caller, "] the reset must give each of ", field.parts().size(), " state parts; got ",
                     num_moved, ".");
  for (std::size_t i = 0; i < num_moved; ++i)
    if (!(values[1 + i].shape() == field.parts()[i].shape))
      throw ShapeError("[", caller, "] the reset must keep the shape ", field.parts()[i].shape, " of '",
                       field.parts()[i].name, "'; got ", values[1 + i].shape(), ".");
}

void check_is_no_comparison(const Function& event, const char* caller) {
  const Op op = event.nodes()[event.outputs()[0].node].op;
  if (op == Op::kLess || op == Op::kLessEqual || op == Op::kEqual)
    throw InvalidArgument(
        "[", caller, "] g must go through zero; got a comparison, which is 0 or 1. Take the difference of its sides.");
}

}  // namespace

SolveEvent event_of_parts(const VectorField& field, const EventValue& g, const EventReset& reset,
                          const EventOptions& options, const char* caller) {
  if (options.stop_after < 0)
    throw InvalidArgument("[", caller, "] stop_after must be at least 0; got ", options.stop_after, ".");
  const std::size_t num_arguments = field.arguments().size() - field.captured().size();
  const std::size_t num_parts = field.parts().size();
  internal::CapturingFunction traced =
      internal::trace_capturing(internal::inputs_of_code(field), [&](std::span<const Array> in) {
        const auto parts = in.subspan(1, num_parts), arguments = in.subspan(1 + num_parts);
        std::vector<Array> values = {g(in[0], parts, arguments)};
        if (reset)
          for (const Array& part : reset(in[0], parts, arguments)) values.push_back(part);
        check_shapes(field, values, caller);
        return values;
      });
  check_is_no_comparison(traced.function, caller);
  return SolveEvent(std::move(traced.function), num_arguments, std::move(traced.captured), options);
}

SolveEvent rest_event(const VectorField& field, double rate) {
  if (!(rate > 0)) throw InvalidArgument("[rest_event] rate must be positive; got ", rate, ".");
  const EventValue distance = [&](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
    std::vector<Array> inputs = {t};
    inputs.insert(inputs.end(), parts.begin(), parts.end());
    inputs.insert(inputs.end(), arguments.begin(), arguments.end());
    inputs.insert(inputs.end(), field.captured().begin(), field.captured().end());
    internal::append_parameters(field.function(), inputs);
    const Array slope = internal::join_state(internal::inline_function(field.function(), inputs));
    return sum(square(slope)) / static_cast<double>(field.state_size()) - rate * rate;
  };
  return event_of_parts(field, distance, {}, {.direction = Crossing::kFalling, .stop_after = 1});
}

namespace {

constexpr std::string_view kCrossingNames[] = {"any", "rising", "falling"};

}  // namespace

std::string name(Crossing crossing) { return spelling(crossing, kCrossingNames); }
Crossing crossing_from_name(const std::string& name, const char* caller) {
  return from_spelling<Crossing>(caller, "direction", name, kCrossingNames);
}

}  // namespace costate
