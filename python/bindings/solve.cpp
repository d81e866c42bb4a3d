// Vector fields and solves, on NumPy arrays and inside traces.
#include "costate/solve/solve.h"

#include <algorithm>
#include <memory>

#include "costate/base/error.h"
#include "python/bindings/bindings.h"
#include "python/bindings/dense.h"
#include "python/bindings/events.h"
#include "python/bindings/fields.h"

namespace costate::python {
namespace {

VectorField make_field(const nb::callable& f, const StateLayout& state, const nb::dict& arguments) {
  std::vector<ArgumentSpec> specs;
  for (const auto& [name, shape] : arguments) specs.push_back({to_name(name), to_shape(shape)});
  return internal::trace_field(state.parts, specs,
                               [&](Array t, std::span<const Array> parts, std::span<const Array> more) {
                                 return state.to_parts(state.call(f, t, parts, more), "[vector_field] f must give");
                               });
}

/// What solve() gives in Python: a Solution, without the batch axis if z0 had none. Its states have gone to NumPy.
struct PythonSolution {
  Solution solution;
  HostArray times;
  bool is_single;
  nb::object states;
  std::string shape;                                // of the states, for repr
  nb::object structure = nb::none();                // of a state of several arrays
  std::shared_ptr<const DenseSolution> dense = {};  // where asked for
};

/// A tuple of two numbers that ascend, as SciPy's t_span, or a list of them that begins with 0.
bool is_span(nb::handle value) {
  if (!nb::isinstance<nb::list>(value) && !nb::isinstance<nb::tuple>(value)) return false;
  if (nb::len(value) != 2 || holds_arrays(value)) return false;
  double from = 0, to = 0;
  return nb::try_cast(value[0], from) && nb::try_cast(value[1], to) && from < to &&
         (nb::isinstance<nb::tuple>(value) || from == 0);
}

/// InvalidArgument if a span of times stands where z0 belongs, and times that no solve could want behind it.
void check_order(nb::handle z0, const HostArray& times) {
  if (!is_span(z0) || times.shape().rank() > 1) return;
  bool ascends = true;
  for (std::int64_t i = 1; i < times.size(); ++i) ascends = ascends && times.at(i) >= times.at(i - 1);
  if (times.size() > 1 && (ascends || nb::isinstance<nb::list>(z0))) return;
  throw InvalidArgument(
      "[solve] z0 looks like a span of times, and times like a state, as in SciPy's solve_ivp(f, t_span, y0); call "
      "solve(f, z0, times). If this is meant, make z0 a NumPy array.");
}

/// What a solve is asked for besides its options.
struct SolveRequest {
  bool throws;
  bool dense;
  nb::sequence events;      // of costate.Event
  std::int64_t max_events;  // so many of them a solve inside a trace tells of
};

nb::any solve_traced(const VectorField& field, const FlatStart<Array>& start, const Array& times,
                     const SolveOptions& options, std::span<const Array> arguments, const SolveRequest& request) {
  if (request.dense)
    throw NotSupported(
        "[solve] dense=True is for a solve of numbers; inside a trace, its times may be computed there.");
  const nb::object& structure = start.layout.structure;
  const auto in_rows = [&](const Array& states) {
    return reshape(states, start.z0.shape().with_first(states.shape()[0]));
  };
  if (nb::len(request.events) == 0) {
    const Array states = in_rows(solve(field, start.z0, times, options, arguments));
    return structured(structure, nb::borrow<nb::any>(nb::cast(states)));
  }
  if (!structure.is_none())
    throw NotSupported("[solve] inside a trace, events are for a state of one array; got a state of several.");
  const std::vector<SolveEvent> events = to_events(field, start.layout, request.events);
  EventSolution solution =
      solve(field, start.z0, times, options, arguments, {.events = events, .max_events = request.max_events});
  solution.states = in_rows(solution.states);
  solution.event_states = in_rows(solution.event_states);
  return nb::borrow<nb::any>(nb::cast(std::move(solution)));
}

/// One array of numbers as z0.
FlatStart<HostArray> start_of_array(const nb::object& f, HostArray z0) {
  const Shape& shape = z0.shape();
  const bool is_single =
      nb::isinstance<VectorField>(f) ? shape == nb::cast<const VectorField&>(f).parts()[0].shape : shape.rank() <= 1;
  const Shape state = is_single ? shape : without_first(shape);
  return {.z0 = std::move(z0), .layout = StateLayout(state), .is_single = is_single};
}

/// The solution's states as arrays of NumPy, which own the numbers from now on.
void take_states(PythonSolution& s) {
  nb::object states = to_numpy(std::move(s.solution.states));
  if (s.is_single) states = states[0];
  const auto axes = to_integers(nb::object(states.attr("shape")), "the shape of states");
  const std::vector<std::int64_t> without_state(axes.begin(), axes.begin() + (s.is_single ? 1 : 2));
  s.shape = s.structure.is_none()
                ? text::concat(Shape(axes))
                : "(" + nb::cast<std::string>(s.structure.attr("text")(nb::cast(without_state))) + ")";
  s.states = structured(s.structure, nb::borrow<nb::any>(states));
}

/// A Solution; or, where f or an event uses a value of the trace around it, which has one sample, what a solve in that
/// trace gives.
nb::any solve_numpy(const nb::object& f, const FlatStart<HostArray>& start, const HostArray& times,
                    const nb::sequence& args, SolveOptions options, const SolveRequest& request) {
  std::vector<HostArray> arguments;
  for (const nb::handle argument : args) arguments.push_back(to_host(argument));
  if (start.is_single)
    for (HostArray& argument : arguments) argument = with_batch_of_one(argument);
  nb::dict shapes;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    shapes[nb::cast("arg" + std::to_string(i))] = nb::tuple(nb::cast(without_first(arguments[i].shape()).axes()));
  const VectorField field = to_field("[solve] f", f, start.layout, shapes);
  const std::vector<SolveEvent> events = to_events(field, start.layout, request.events);
  const bool captures = !field.captured().empty() ||
                        std::ranges::any_of(events, [](const SolveEvent& event) { return !event.captured().empty(); });
  if (start.is_single && captures) {
    std::vector<Array> constants;
    for (const nb::handle argument : args) constants.push_back(to_array(argument));
    return solve_traced(field, {.z0 = constant(start.z0), .layout = start.layout}, constant(times), options, constants,
                        request);
  }
  options.dtype = start.z0.dtype();
  const HostArray z0 = start.is_single ? with_batch_of_one(start.z0) : start.z0;
  PythonSolution out{.solution = {},
                     .times = times.astype(Dtype::kF64),
                     .is_single = start.is_single,
                     .states = {},
                     .shape = {},
                     .structure = start.layout.structure};
  run_long([&] {
    if (!request.dense) {
      out.solution = solve(field, z0, times, options, arguments, events);
      return;
    }
    DenseResult result = solve_dense(field, z0, times, options, arguments, events);
    out.solution = std::move(result.solution);
    out.dense = std::make_shared<const DenseSolution>(std::move(result.dense));
  });
  if (request.throws) out.solution.check();
  take_states(out);
  return nb::borrow<nb::any>(nb::cast(std::move(out)));
}

nb::any solve_python(const nb::object& f, const nb::object& z0, const nb::object& times, const nb::sequence& args,
                     bool throws, const nb::sequence& events, std::int64_t max_events, bool dense,
                     const nb::kwargs& keywords) {
  const SolveRequest request{.throws = throws, .dense = dense, .events = events, .max_events = max_events};
  const SolveOptions options = from_keywords(solve_keywords(), keywords);
  const nb::object structure = structure_of(f, z0);
  if (!start_holds_arrays(structure, z0) && !holds_arrays(times) && !holds_arrays(args)) {
    const HostArray numbers = to_host(times);
    if (!structure.is_none()) return solve_numpy(f, flat_numbers(structure, z0), numbers, args, options, request);
    check_order(z0, numbers);
    return solve_numpy(f, start_of_array(f, to_host(z0)), numbers, args, options, request);
  }
  const TracedArguments arguments = traced_arguments(args);
  const Array one = structure.is_none() ? to_array(z0) : Array();
  const FlatStart<Array> start =
      structure.is_none() ? FlatStart<Array>{.z0 = one, .layout = StateLayout(one.shape())} : flat_array(structure, z0);
  return solve_traced(to_field("[solve] f", f, start.layout, arguments.shapes), start, to_array(times), options,
                      arguments.values, request);
}

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

nb::tuple state_of(const PythonSolution& s) {
  std::vector<int> status;
  for (const Status one : s.solution.status) status.push_back(static_cast<int>(one));
  return nb::make_tuple(s.states, status, s.solution.reached, s.solution.last_step, s.solution.nfe, s.solution.accepted,
                        s.solution.rejected, to_numpy(s.times), s.is_single, s.shape, s.structure,
                        s.solution.events.first, s.solution.events.event, s.solution.events.times,
                        to_numpy(s.solution.events.states), dense_of(s));
}

void set_state(PythonSolution& s, const nb::tuple& state) {
  new (&s) PythonSolution{.solution = {.states = {},
                                       .status = {},
                                       .reached = nb::cast<std::vector<double>>(state[2]),
                                       .last_step = nb::cast<std::vector<double>>(state[3]),
                                       .nfe = nb::cast<std::vector<std::int64_t>>(state[4]),
                                       .accepted = nb::cast<std::vector<std::int64_t>>(state[5]),
                                       .rejected = nb::cast<std::vector<std::int64_t>>(state[6]),
                                       .advice = {},
                                       .events = {.first = nb::cast<std::vector<std::int64_t>>(state[11]),
                                                  .event = nb::cast<std::vector<std::int64_t>>(state[12]),
                                                  .times = nb::cast<std::vector<double>>(state[13]),
                                                  .states = to_host(state[14])}},
                          .times = to_host(state[7]),
                          .is_single = nb::cast<bool>(state[8]),
                          .states = state[0],
                          .shape = nb::cast<std::string>(state[9]),
                          .structure = state[10]};
  if (!state[15].is_none()) s.dense = nb::cast<const PythonDense&>(state[15]).dense;
  for (const int one : nb::cast<std::vector<int>>(state[1])) s.solution.status.push_back(static_cast<Status>(one));
}

/// rtol and atol may be lists, as in SciPy: then they are rtols and atols.
void takes_list_too(Keywords<SolveOptions>& keywords, const std::string& name,
                    std::vector<double> SolveOptions::*list) {
  Keyword<SolveOptions>& keyword = *std::ranges::find_if(keywords, [&](const auto& one) { return one.name == name; });
  const auto set_list = [name, list](SolveOptions& options, nb::handle value) {
    if (!(options.*list).empty())
      throw InvalidArgument("[solve] both ", name, " and ", name, "s are lists; leave one out.");
    options.*list = argument_as<std::vector<double>>(value);
  };
  keyword.annotation = "float | collections.abc.Sequence[float]";
  keyword.set = [set_number = keyword.set, set_list](SolveOptions& options, nb::handle value) {
    if (double number = 0; nb::try_cast(value, number)) return set_number(options, value);
    set_list(options, value);
  };
  std::ranges::find_if(keywords, [&](const auto& one) { return one.name == name + "s"; })->set = set_list;
}

/// mass_matrix may be a matrix, too.
void takes_matrix(Keywords<SolveOptions>& keywords) {
  Keyword<SolveOptions>& keyword =
      *std::ranges::find_if(keywords, [](const auto& one) { return one.name == "mass_matrix"; });
  keyword.annotation = "object";
  keyword.set = [](SolveOptions& options, nb::handle value) {
    const HostArray numbers = to_host(value).astype(Dtype::kF64);
    const Shape& shape = numbers.shape();
    const bool is_square = shape.rank() == 2 && shape[0] == shape[1];
    if (shape.rank() != 1 && !is_square)
      throw ShapeError("[solve] mass_matrix must be a square matrix, or its numbers row by row; got shape ", shape,
                       ".");
    options.mass_matrix.clear();
    for (std::int64_t i = 0; i < numbers.size(); ++i) options.mass_matrix.push_back(numbers.at(i));
  };
}

}  // namespace

Keywords<SolveOptions> solve_keywords() {
  Keywords<SolveOptions> keywords;
  for (const SolveOption& option : solve_options())
    keywords.push_back(of_table(option.name, option.kind, option.access));
  takes_list_too(keywords, "rtol", &SolveOptions::rtols);
  takes_list_too(keywords, "atol", &SolveOptions::atols);
  takes_matrix(keywords);
  return keywords;
}

VectorField to_field(const char* what, const nb::object& f, const StateLayout& state, const nb::dict& arguments) {
  if (nb::isinstance<VectorField>(f)) return nb::cast<VectorField>(f);
  if (PyCallable_Check(f.ptr()) == 0)
    throw CallError(what, " must be a callable f(t, z, ...) or a VectorField; got ", type_of(f), ".");
  return make_field(nb::cast<nb::callable>(f), state, arguments);
}

TracedArguments traced_arguments(const nb::sequence& args) {
  TracedArguments found;
  for (const nb::handle argument : args) {
    found.values.push_back(to_array(argument));
    found.shapes[nb::cast("arg" + std::to_string(found.values.size() - 1))] =
        nb::tuple(nb::cast(found.values.back().shape().axes()));
  }
  return found;
}

std::function<Array(Array, Array)> to_function(const nb::callable& f) {
  return [&f](const Array& x, const Array& y) { return to_array(f(x, y)); };
}

nb::any to_python(Solution solution, const HostArray& times, bool is_single) {
  PythonSolution out{.solution = std::move(solution),
                     .times = times.astype(Dtype::kF64),
                     .is_single = is_single,
                     .states = {},
                     .shape = {}};
  take_states(out);
  return nb::borrow<nb::any>(nb::cast(std::move(out)));
}

void bind_solve(nb::module_& module) {
  nb::class_<VectorField>(module, "VectorField", nb::dynamic_attr(), "A traced right-hand side z' = f(t, z, ...).")
      .def_prop_ro("parameters", [](const VectorField& field) { return field.function().parameters(); })
      .def("__repr__", [](const VectorField& field) {
        std::vector<std::string> parts;
        for (const StatePart& part : field.parts()) parts.push_back(text::concat(part.name, ": ", part.shape));
        return field.parts().size() == 1 ? text::concat("VectorField(state=", field.parts()[0].shape, ")")
                                         : "VectorField(" + text::join(parts) + ")";
      });

  nb::class_<PythonSolution>(module, "Solution", nb::type_slots(kSolutionSlots),
                             "States at the asked times, and how each sample's solve went.")
      .def_prop_ro(
          "states", [](const PythonSolution& s) { return s.states; },
          nb::for_getter(nb::sig("def states(self) -> numpy.ndarray")),
          "[batch, time, ...state], or [time, ...state] for one sample; NaN from where a sample failed. Of a "
          "state of several arrays, these in the structure of z0, each [..., time, ...its axes].")
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
      .def("__repr__", &text_of)
      .def("__getstate__", &state_of)
      .def("__setstate__", &set_state)
      .def(
          "check", [](const PythonSolution& s) { s.solution.check(); },
          "SolveFailed if a sample failed, naming the first.");

  module.def(
      "vector_field",
      [](const nb::callable& f, nb::handle state_shape, const nb::dict& arguments) {
        const StateLayout state = layout_of_shapes(state_shape);
        return with_structure(make_field(f, state, arguments), state.structure);
      },
      nb::arg("f"), nb::arg("state_shape"), nb::arg("arguments") = nb::dict(),
      nb::sig(
          "def vector_field(f: collections.abc.Callable, state_shape: object, arguments: dict = {}) -> VectorField"),
      R"(Traces f(t, z, ...) once for one sample's state, for solves that share it.

state_shape  of one sample: (2,); or a dict, tuple, named tuple or dataclass of shapes, for a state of several arrays.
arguments    a dict: further inputs of f by name and shape, which solve takes as args=.
)");
  const std::string signature =
      "def solve(f: object, z0: object, times: object, *, args: collections.abc.Sequence = (), throw: bool = True, "
      "events: collections.abc.Sequence = (), max_events: int = 16, dense: bool = False" +
      parameters_of(solve_keywords(), true) + ") -> typing.Any";
  module.def("solve", &solve_python, nb::arg("f"), nb::arg("z0"), nb::arg("times"), nb::kw_only(),
             nb::arg("args") = nb::tuple(), nb::arg("throw") = true, nb::arg("events") = nb::tuple(),
             nb::arg("max_events") = 16, nb::arg("dense") = false, nb::arg("options"), nb::sig(signature.c_str()),
             R"(Solves z' = f(t, z, *args), z(times[0]) = z0, and gives the states at `times`.

f       a callable on costate Arrays, traced once for one sample, or a VectorField.
z0      [d] or a number: one sample; [batch, ...]: one state a row. float32 solves in f32, all else in f64. Where
        z0, times or args hold Arrays or Parameters, or f uses one of the trace around it, the solve becomes part of
        the program, of one sample, and this returns an Array [time, ...state].
        Or a dict, named tuple, dataclass or tuple of arrays, nested or not: f is called with such a one, gives such a one,
        and the states are such a one. One sample where no array has two axes; else each has the batch as its first.
times   [time] or [batch, time], ascending or descending; a time that is repeated has the same state again. A solve in
        f32 computes in f64 what f makes of t alone; where f takes t beside z or args, times must not be too close for f32.
args    further inputs of f, one a sample: [batch, ...] ([...] if z0 is one sample).
events  a list of costate.Event: what is noted, moves the state or ends a sample's solve where its g goes through zero. An
        output at the time of an event is the state before it; outputs after one that ends the solve are NaN. Solves with
        events choose their steps by the error of each sample. Inside a trace the solve gives an EventSolution: the states,
        and the first `max_events` times, numbers and states of events, all with gradients through the events' times; z0 is
        one array then.
dense   True: the Solution has `dense`, a DenseSolution, which gives z and dz/dt at any time of the solve.

method                         by name; the message of an unknown one lists them. SciPy's RK45, RK23 and DOP853 are
                               'dopri5', 'bosh3' and 'dop853'.
rtol, atol                     a step's error is at most atol + rtol |z|, as a root mean square.
rtols, atols                   in place of them, one for each number of z, or one for each part of a field that has several; a
                               list as rtol or atol is the same.
                               inf: that number is not controlled, such as an integral beside the state, and moves no step.
error_norm                     'rms'; 'part_rms': the largest of the parts' own; 'max': the largest of all numbers.
first_step                     size of the first attempt; 0: chosen.
min_step, at_min_step          no step is shorter, but those that end at a stop or the last time; 0: no limit. Where a shorter
                               one is asked for, the status is 'step_too_small' ('fail'), or the step is taken, whatever its
                               error, with the status 'ok' ('accept').
max_step                       no step is longer; 0: no limit. For inputs so short that steps could pass over them.
stop_at                        times at which steps end, in any order: where f jumps or bends. Knots of interpolate(...) at
                               t, or at a * t + b, are such times of themselves.
mass_matrix                    M of M z' = f, [n, n] or its numbers row by row, for 'rodas5p', 'radau5', 'radauIIA3' and
                               'radauIIA5'. A row of zeros is the equation 0 = f_i, which z0 must satisfy (index 1).
safety, factor_min, factor_min_accepted, factor_rejected, factor_rejected_again, factor_max, factor_max_after_reject,
beta1, beta2, beta3,
previous_floor                 of the controller of steps: the next size is the last one times safety error^(-beta1 / k)
                               previous^(-beta2 / k) before^(-beta3 / k), k being the order of the error estimate, within the
                               factors. diffrax's PIDController has beta1 = pcoeff + icoeff + dcoeff, beta2 = -(pcoeff + 2
                               dcoeff), beta3 = dcoeff.
memory_budget                  bytes for each thread that a gradient keeps of the solve; it changes no bit.
steps_per_interval, step_size  fixed steps instead: so many between two times, or at most so long.
max_steps                      of a sample, attempts included.
control                        'per_sample', or 'joint': one step for the batch, by the mean error of all. A sample that
                               blows up then fails all.
adjoint                        of a solve inside a trace: 'discrete', the steps taken back exactly; 'reversible', the same
                               without states that are kept, of methods that can; 'interpolating' or 'quadrature', the adjoint
                               equation with z from the dense output; 'backsolve', with z solved backwards, too; 'forward', a
                               tangent for each number that a gradient is asked for.
adjoint_rtol, adjoint_atol     of what the last four solve; 0: rtol and atol.
gradient_steps                 'auto': steps that will be differentiated are also chosen to follow small disturbances, so that
                               gradients are right where the state rests; 'on': always, so that a solve takes the same
                               steps with and without its gradient; 'off': never.

Derivatives of a solve inside a trace, by z0, times, args and Parameters: gradients (value_and_grad, vjp), tangents (jvp),
Hessian-vector products by jvp(value_and_grad(loss)), vjp(jvp(loss)) or vjp(value_and_grad(loss)). Of a solve with events:
gradients.

A time T at which f jumps, as in where(t <= T, 1, 0), has no derivative so, and NotSupported says so where it is asked
for. Solve to T and go on from there, both times differentiated:

    y = solve(before, y0, stack([0.0, T]))[-1]
    y = solve(after, y, stack([T, 2.0]))[-1]

Selects that are continuous (maximum, relu, where(t > T, t - T, 0)) have their derivative. A jump that the state decides,
as in where(z > level, 1, 0), is not looked for: derivatives lack what a moved crossing changes.

Gives a Solution: states, times, status, nfe, accepted, rejected; with events event_times, event_numbers, event_states; with
dense=True dense. Arrays of a trace that f uses without being passed them are
found, and reach it as arguments do.

Raises SolveFailed if a sample cannot be solved, unless throw=False: its states are NaN then, and its status says why.
Ctrl-C ends a solve.

>>> import costate, numpy as np
>>> solution = costate.solve(lambda t, z: -z, [1.0], [0.0, 1.0], rtol=1e-9, atol=1e-9)
>>> bool(abs(solution.states[1, 0] - np.exp(-1)) < 1e-8)
True
)");
}

}  // namespace costate::python
