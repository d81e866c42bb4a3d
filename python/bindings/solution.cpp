// The Solution of a solve of numbers: its properties, and how it is pickled.
#include "python/bindings/solution.h"

#include <algorithm>

#include "costate/base/error.h"
#include "python/bindings/dense.h"
#include "python/bindings/events.h"

namespace costate::python {
namespace {

int visit_solution(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const PythonSolution* solution = nb::inst_ptr<PythonSolution>(self);
  Py_VISIT(solution->states.ptr());
  Py_VISIT(solution->structure.ptr());
  return 0;
}

int clear_solution(PyObject* self) {
  auto* solution = nb::inst_ptr<PythonSolution>(self);
  solution->states.reset();
  solution->structure.reset();
  return 0;
}

/// A state's class may know the module that holds the solution: Python looks for such cycles.
const PyType_Slot kSolutionSlots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&visit_solution)},
                                      {Py_tp_clear, reinterpret_cast<void*>(&clear_solution)},
                                      {0, nullptr}};

nb::any counts(const PythonSolution& s, const std::vector<std::int64_t>& values) {
  return nb::borrow<nb::any>(s.is_single ? nb::cast(values[0]) : to_numpy(values));
}

std::string text_of(const PythonSolution& s) {
  const auto& status = s.solution.status;
  return text::concat("Solution(states=", s.shape, ", ", std::count(status.begin(), status.end(), Status::kOk), " of ",
                      status.size(), " ok)");
}

/// The DenseSolution, or None.
nb::object dense_of(const PythonSolution& s) {
  return s.dense ? nb::cast(PythonDense{s.dense, s.is_single, s.structure}) : nb::none();
}

nb::tuple end_of(const SolveEnd& end) {
  return nb::make_tuple(to_numpy(end.states), end.times, end.steps, end.previous_log, end.before_log, end.knows_slope,
                        to_numpy(end.slopes), end.takes_implicit, end.streaks);
}

SolveEnd to_end(const nb::tuple& end) {
  return {.states = to_host(end[0]),
          .times = nb::cast<std::vector<double>>(end[1]),
          .steps = nb::cast<std::vector<double>>(end[2]),
          .previous_log = nb::cast<std::vector<double>>(end[3]),
          .before_log = nb::cast<std::vector<double>>(end[4]),
          .knows_slope = nb::cast<std::vector<bool>>(end[5]),
          .takes_implicit = nb::cast<std::vector<int>>(end[7]),
          .streaks = nb::cast<std::vector<int>>(end[8]),
          .slopes = to_host(end[6])};
}

nb::tuple solution_state(const PythonSolution& s) {
  std::vector<int> status;
  for (const Status one : s.solution.status) status.push_back(static_cast<int>(one));
  return nb::make_tuple(s.states, status, s.solution.reached, s.solution.last_step, s.solution.nfe, s.solution.accepted,
                        s.solution.rejected, to_numpy(s.times), s.is_single, s.shape, s.structure,
                        s.solution.events.first, s.solution.events.event, s.solution.events.times,
                        to_numpy(s.solution.events.states), dense_of(s), end_of(s.solution.end),
                        s.solution.implicit_steps, s.solution.switches);
}

void set_solution_state(PythonSolution& s, const nb::tuple& state) {
  new (&s) PythonSolution{.solution = {.states = {},
                                       .status = {},
                                       .reached = nb::cast<std::vector<double>>(state[2]),
                                       .last_step = nb::cast<std::vector<double>>(state[3]),
                                       .nfe = nb::cast<std::vector<std::int64_t>>(state[4]),
                                       .accepted = nb::cast<std::vector<std::int64_t>>(state[5]),
                                       .rejected = nb::cast<std::vector<std::int64_t>>(state[6]),
                                       .implicit_steps = nb::cast<std::vector<std::int64_t>>(state[17]),
                                       .switches = nb::cast<std::vector<std::vector<double>>>(state[18]),
                                       .advice = {},
                                       .events = {.first = nb::cast<std::vector<std::int64_t>>(state[11]),
                                                  .event = nb::cast<std::vector<std::int64_t>>(state[12]),
                                                  .times = nb::cast<std::vector<double>>(state[13]),
                                                  .states = to_host(state[14])},
                                       .end = to_end(nb::cast<nb::tuple>(state[16]))},
                          .times = to_host(state[7]),
                          .is_single = nb::cast<bool>(state[8]),
                          .states = state[0],
                          .shape = nb::cast<std::string>(state[9]),
                          .structure = state[10]};
  if (!state[15].is_none()) s.dense = nb::cast<const PythonDense&>(state[15]).dense;
  for (const int one : nb::cast<std::vector<int>>(state[1])) s.solution.status.push_back(static_cast<Status>(one));
}

}  // namespace

void take_states(PythonSolution& s, const nb::object& structure) {
  nb::object states = to_numpy(std::move(s.solution.states));
  if (s.is_single) states = states[0];
  const auto axes = to_integers(nb::object(states.attr("shape")), "the shape of states");
  const std::vector<std::int64_t> without_state(axes.begin(), axes.begin() + (s.is_single ? 1 : 2));
  s.shape = structure.is_none() ? text::concat(Shape(axes))
                                : "(" + nb::cast<std::string>(structure.attr("text")(nb::cast(without_state))) + ")";
  s.states = structured(structure, nb::borrow<nb::any>(states));
}

void bind_solution(nb::module_& module) {
  nb::class_<PythonSolution>(module, "Solution", nb::type_slots(kSolutionSlots),
                             "States at the asked times, and how each sample's solve went.")
      .def_prop_ro(
          "states", [](const PythonSolution& s) { return s.states; },
          nb::for_getter(nb::sig("def states(self) -> numpy.ndarray")),
          "[batch, time, ...state], or [time, ...state] for one sample; NaN from where a sample failed. Of a "
          "state of several arrays, these in the structure of z0, each [..., time, ...its axes]. Of a solve with "
          "`save`, "
          "what that gives, in its structure.")
      .def_prop_ro(
          "times", [](const PythonSolution& s) { return to_numpy(s.times); },
          "[time], or [batch, time]: the times that were asked for.")
      .def_prop_ro(
          "status",
          [](const PythonSolution& s) -> nb::any {
            if (s.is_single) return nb::borrow<nb::any>(nb::cast(std::string(name(s.solution.status[0]))));
            std::vector<std::string> names;
            for (const Status status : s.solution.status) names.emplace_back(name(status));
            return nb::borrow<nb::any>(nb::cast(names));
          },
          "'ok', 'max_steps', 'step_too_small', 'non_finite', 'coarse_times' or 'no_convergence', one a sample.")
      .def_prop_ro(
          "nfe", [](const PythonSolution& s) { return counts(s, s.solution.nfe); }, "Evaluations of f, one a sample.")
      .def_prop_ro(
          "accepted", [](const PythonSolution& s) { return counts(s, s.solution.accepted); }, "Accepted steps.")
      .def_prop_ro(
          "rejected", [](const PythonSolution& s) { return counts(s, s.solution.rejected); }, "Rejected steps.")
      .def_prop_ro(
          "implicit_steps", [](const PythonSolution& s) { return counts(s, s.solution.implicit_steps); },
          "Accepted steps that were implicit: some of method='auto', all of an implicit one.")
      .def_prop_ro(
          "switches",
          [](const PythonSolution& s) {
            return nb::borrow<nb::any>(s.is_single ? nb::cast(s.solution.switches[0]) : nb::cast(s.solution.switches));
          },
          "When method='auto' went over to implicit steps, back to explicit ones, and so on; of a batch, a list of "
          "them.")
      .def_prop_ro(
          "event_times", [](const PythonSolution& s) { return event_times(s.solution.events, s.is_single); },
          "[n]: when a sample's events were, in the order of time; of a batch, a list of them.")
      .def_prop_ro(
          "event_numbers", [](const PythonSolution& s) { return event_numbers(s.solution.events, s.is_single); },
          "[n]: which of the list `events` each was; of a batch, a list of them.")
      .def_prop_ro(
          "event_states",
          [](const PythonSolution& s) { return event_states(s.solution.events, s.is_single, s.structure); },
          "[n, ...state]: the states at the events, before they move them; of a batch, a list of them.")
      .def_prop_ro(
          "dense",
          [](const PythonSolution& s) {
            if (!s.dense) throw CallError("[Solution] dense is there if it is asked for, by solve(..., dense=True).");
            return PythonDense{s.dense, s.is_single, s.structure};
          },
          "The states between the times, as a function of them.")
      .def(
          "_failure",
          [](const PythonSolution& s) -> nb::object {
            const auto at = std::ranges::find_if(s.solution.status, [](Status one) { return one != Status::kOk; });
            if (at == s.solution.status.end()) return nb::none();
            const auto i = static_cast<std::size_t>(at - s.solution.status.begin());
            nb::dict failure;
            failure["sample"] = i;
            failure["reason"] = std::string(name(*at));
            failure["t"] = s.solution.reached[i];
            failure["h"] = s.solution.last_step[i];
            failure["advice"] = s.solution.advice;
            return failure;
          },
          "Of the first sample that failed, as a row of a report's failures; None if none did.")
      .def("__repr__", &text_of)
      .def("__getstate__", &solution_state)
      .def("__setstate__", &set_solution_state)
      .def(
          "check", [](const PythonSolution& s) { s.solution.check(); },
          "SolveFailed if a sample failed, naming the first.");
}

}  // namespace costate::python
