// costate.Event, and the events of a solution.
#include "python/bindings/events.h"

#include "costate/base/error.h"

namespace costate::python {
namespace {

struct PythonEvent {
  nb::callable g;
  nb::object reset;
  EventOptions options;
  double rest_rate = 0;  // of rest_event, which has neither g nor reset
};

int visit_event(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const PythonEvent* event = nb::inst_ptr<PythonEvent>(self);
  Py_VISIT(event->g.ptr());
  Py_VISIT(event->reset.ptr());
  return 0;
}

int clear_event(PyObject* self) {
  auto* event = nb::inst_ptr<PythonEvent>(self);
  event->g.reset();
  event->reset.reset();
  return 0;
}

/// An event's functions may know the module or the function that holds the event: Python looks for such cycles.
nb::type_slots event_slots() {
  static const PyType_Slot slots[] = {construct_by_init().value[0],
                                      {Py_tp_traverse, reinterpret_cast<void*>(&visit_event)},
                                      {Py_tp_clear, reinterpret_cast<void*>(&clear_event)},
                                      {0, nullptr}};
  return nb::type_slots(slots);
}

/// terminal=True is the first event, a number that one.
std::int64_t to_stop_after(nb::handle terminal) {
  if (nb::isinstance<nb::bool_>(terminal)) return nb::cast<bool>(terminal) ? 1 : 0;
  std::int64_t count = 0;
  if (!nb::try_cast(terminal, count))
    throw CallError("[Event] terminal must be True, False or a number of events; got ", type_of(terminal), ".");
  if (count < 0) throw InvalidArgument("[Event] terminal must be at least 0; got ", count, ".");
  return count;
}

/// `numbers` gives the values of events first, … end - 1.
template <class Numbers>
nb::any by_sample(const SolutionEvents& events, bool is_single, Numbers numbers) {
  if (events.first.empty()) throw CallError("[Solution] this solve was given no events.");
  nb::list all;
  for (std::size_t i = 0; i + 1 < events.first.size(); ++i)
    all.append(numbers(static_cast<std::size_t>(events.first[i]), static_cast<std::size_t>(events.first[i + 1])));
  return nb::borrow<nb::any>(is_single ? nb::object(all[0]) : nb::object(all));
}

template <class Number>
std::vector<Number> part_of(const std::vector<Number>& all, std::size_t first, std::size_t end) {
  return {all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

std::vector<SolveEvent> to_events(const VectorField& field, const StateLayout& state, const nb::sequence& events) {
  std::vector<SolveEvent> traced;
  for (const nb::handle given : events) {
    if (!nb::isinstance<PythonEvent>(given))
      throw CallError("[solve] events must be a list of costate.Event; got ", type_of(given), ".");
    const auto& event = nb::cast<const PythonEvent&>(given);
    if (event.rest_rate > 0) {
      traced.push_back(rest_event(field, event.rest_rate));
      continue;
    }
    const auto g = [&](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
      const nb::object found = state.call(event.g, t, parts, arguments);
      if (found.is_none()) throw DtypeError("[Event] g must give a number; got None. Does it return what it computes?");
      const Array value = to_array(found);
      return value.shape().size() == 1 ? reshape(value, {}) : value;
    };
    EventReset reset;
    if (!event.reset.is_none())
      reset = [&](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
        return state.to_parts(state.call(event.reset, t, parts, arguments), "[Event] the reset must give");
      };
    traced.push_back(event_of_parts(field, g, reset, event.options, "Event"));
  }
  return traced;
}

nb::any event_times(const SolutionEvents& events, bool is_single) {
  return by_sample(events, is_single,
                   [&](std::size_t first, std::size_t end) { return to_numpy(part_of(events.times, first, end)); });
}

nb::any event_numbers(const SolutionEvents& events, bool is_single) {
  return by_sample(events, is_single,
                   [&](std::size_t first, std::size_t end) { return to_numpy(part_of(events.event, first, end)); });
}

nb::any event_states(const SolutionEvents& events, bool is_single, const nb::object& structure) {
  return by_sample(events, is_single, [&](std::size_t first, std::size_t end) {
    HostArray part = events.states.slice(static_cast<std::int64_t>(first), static_cast<std::int64_t>(end));
    return structured(structure, nb::borrow<nb::any>(to_numpy(std::move(part))));
  });
}

void bind_events(nb::module_& module) {
  nb::class_<PythonEvent>(module, "Event", event_slots(),
                          R"(A time at which g(t, z, *args) of a sample goes through zero in a solve.

g          gives a number; a callable on costate Arrays, as the field, with the args of the solve. It may use Parameters.
reset      reset(t, z, *args) gives the state with which the solve goes on: a bounce, a dose. None: as it was.
direction  'rising': from below zero to above, as time runs; 'falling'; 'any'.
terminal   True: the solve of a sample ends at its first such event; a number: at that one.

Each sample of a batch has its own events. Two that lie within one step are found, and a g that only touches zero, where
the solve's dense output shows them; of a g that turns more often within a step some are lost: max_step makes steps
shorter. A g that is zero at times[0], or right after the event's own reset, is no event there. Of two events with resets
at one time the first of the list happens first, and then the other one, unless that reset moved its g away from zero.

>>> import costate, numpy as np
>>> ball = lambda t, z: costate.stack([z[1], -9.81])
>>> ground = costate.Event(lambda t, z: z[0], lambda t, z: costate.stack([0.0, -0.8 * z[1]]), direction="falling")
>>> solution = costate.solve(ball, [1.0, 0.0], [0.0, 1.0], events=[ground])
>>> bool(np.allclose(solution.event_times, [np.sqrt(2 / 9.81)]))
True
)")
      .def(
          "__init__",
          [](PythonEvent* event, const nb::callable& g, const nb::object& reset, const std::string& direction,
             const nb::object& terminal) {
            if (!reset.is_none() && PyCallable_Check(reset.ptr()) == 0)
              throw CallError("[Event] reset must be a callable reset(t, z, ...) or None; got ", type_of(reset), ".");
            new (event) PythonEvent{
                g, reset, {.direction = crossing_from_name(direction, "Event"), .stop_after = to_stop_after(terminal)}};
          },
          nb::arg("g"), nb::arg("reset") = nb::none(), nb::kw_only(), nb::arg("direction") = "any",
          nb::arg("terminal") = nb::cast(false),
          nb::sig("def __init__(self, g: collections.abc.Callable, reset: collections.abc.Callable | None = None, *, "
                  "direction: str = 'any', terminal: bool | int = False) -> None"))
      .def("__repr__", [](const PythonEvent& event) {
        return text::concat("Event(direction='", name(event.options.direction),
                            "', terminal=", event.options.stop_after, event.reset.is_none() ? ")" : ", with a reset)");
      });
  module.def(
      "rest_event",
      [](double rate) {
        if (!(rate > 0)) throw InvalidArgument("[rest_event] rate must be positive; got ", rate, ".");
        return PythonEvent{.g = nb::callable(),
                           .reset = nb::none(),
                           .options = {.direction = Crossing::kFalling, .stop_after = 1},
                           .rest_rate = rate};
      },
      nb::arg("rate"),
      R"(An Event that ends a solve where the state comes to rest: where the root mean square of dz/dt falls below `rate`.

A sample that is at rest from the start on is not ended.

>>> import costate
>>> solution = costate.solve(lambda t, z: -z, [1.0], [0.0, 100.0], events=[costate.rest_event(1e-3)])
>>> bool(abs(solution.event_times[0] - 6.9078) < 1e-3)
True
)");

  nb::class_<EventSolution>(module, "EventSolution",
                            "A solve with events inside a trace. Rows of events that did not happen are NaN.")
      .def_ro("states", &EventSolution::states, "[time, ...state]; NaN after an event that ends the solve.")
      .def_ro("event_times", &EventSolution::event_times, "[max_events], in the order of time.")
      .def_ro("event_numbers", &EventSolution::events, "[max_events]: which of the list `events`.")
      .def_ro("event_states", &EventSolution::event_states, "[max_events, ...state] before the event moves it.")
      .def_ro("count", &EventSolution::count, "How many there were, those beyond max_events among them.");
}

}  // namespace costate::python
