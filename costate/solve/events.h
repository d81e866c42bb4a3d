// Events of a solve: times at which a function g(t, z, …) of a sample goes through zero. What happens there is noted,
// may move the state (a bounce, a dose) and may end the sample's solve.
//
// Where events are, and their gradients: docs/design.md, "Events".
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/trace.h"
#include "costate/solve/event_options.h"
#include "costate/solve/vector_field.h"

namespace costate {

/// An event of the solves of a field, traced for one sample. Its code may use the field's arguments, Parameters, and
/// Arrays of a trace around it, as the field's own may.
class SolveEvent {
 public:
  /// Inputs of `function`: t [], the parts of the state, the arguments that the field declares, those captured, then
  /// its Parameters. Outputs: g [], then the parts of the state after the event, if it moves that.
  SolveEvent(Function function, std::size_t num_arguments, std::vector<Array> captured, EventOptions options);

  const Function& function() const { return function_; }
  /// How many of the field's arguments it takes: all that are not captured.
  std::size_t num_arguments() const { return num_arguments_; }
  const std::vector<Array>& captured() const { return captured_; }
  const EventOptions& options() const { return options_; }
  bool resets() const { return function_.outputs().size() > 1; }

 private:
  Function function_;
  std::size_t num_arguments_;
  std::vector<Array> captured_;
  EventOptions options_;
};

/// g and the state after the event of code that takes lists: (t, parts of the state, the field's arguments) gives g,
/// or the parts of the moved state.
using EventValue = std::function<Array(Array, std::span<const Array>, std::span<const Array>)>;
using EventReset = std::function<std::vector<Array>(Array, std::span<const Array>, std::span<const Array>)>;

/// ShapeError if g is no scalar or the moved state has another shape; InvalidArgument for options out of range; both in
/// the name of the function `caller`.
SolveEvent event_of_parts(const VectorField& field, const EventValue& g, const EventReset& reset = {},
                          const EventOptions& options = {}, const char* caller = "solve_event");

/// An event of a field with one part: g(t, z, arguments…) gives a scalar.
///
///     SolveEvent ground = solve_event(ball, [](Array, Array z) { return z[0]; }, {.direction = Crossing::kFalling});
template <class G>
SolveEvent solve_event(const VectorField& field, G g, const EventOptions& options = {});

/// The same where z becomes reset(t, z, arguments…).
///
///     SolveEvent bounce = solve_event(ball, [](Array, Array z) { return z[0]; },
///                          [&](Array, Array z) { return stack({z[0], -0.9 * z[1]}); },
///                          {.direction = Crossing::kFalling});
template <class G, class Reset>
requires(!std::convertible_to<Reset, EventOptions>) SolveEvent
    solve_event(const VectorField& field, G g, Reset reset, const EventOptions& options = {});

/// Ends a solve where the state comes to rest: where the root mean square of f's numbers falls below `rate`. A sample
/// that is at rest from the start on isn't ended.
SolveEvent rest_event(const VectorField& field, double rate);

/// The events of a solve inside a trace.
struct EventList {
  std::span<const SolveEvent> events = {};
  std::int64_t max_events = 16;  // so many are listed of a sample; others happen, but are only counted
};

namespace internal {

template <class Code>
auto event_code(Code& code) {
  return [&code](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
    std::vector<Array> all = {t, parts[0]};
    all.insert(all.end(), arguments.begin(), arguments.end());
    constexpr int kArity = arity<Code>();
    static_assert(kArity >= 2, "an event takes t, z and the field's arguments");
    if (static_cast<std::size_t>(kArity) != all.size())
      throw InvalidArgument("[solve_event] the event takes ", kArity - 2, " arguments besides t and z; its field has ",
                            arguments.size(), ".");
    return Array(call_with(code, all, std::make_index_sequence<static_cast<std::size_t>(kArity)>{}));
  };
}

}  // namespace internal

template <class G>
SolveEvent solve_event(const VectorField& field, G g, const EventOptions& options) {
  return event_of_parts(field, internal::event_code(g), {}, options);
}

template <class G, class Reset>
requires(!std::convertible_to<Reset, EventOptions>) SolveEvent
    solve_event(const VectorField& field, G g, Reset reset, const EventOptions& options) {
  return event_of_parts(
      field, internal::event_code(g),
      [moved = internal::event_code(reset)](const Array& t, std::span<const Array> parts,
                                            std::span<const Array> arguments) {
        return std::vector<Array>{moved(t, parts, arguments)};
      },
      options);
}

}  // namespace costate
