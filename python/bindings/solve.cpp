// Solves, on NumPy arrays and inside traces.
#include "costate/solve/solve.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "costate/base/error.h"
#include "costate/solve/device.h"
#include "costate/solve/save_function.h"
#include "python/bindings/bindings.h"
#include "python/bindings/device.h"
#include "python/bindings/events.h"
#include "python/bindings/fields.h"
#include "python/bindings/solution.h"
#include "python/bindings/watching.h"

namespace costate::python {
namespace {

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
  nb::object jac;                          // of f; or None
  nb::sequence events;                     // of costate.Event
  std::optional<std::int64_t> max_events;  // so many of them a solve inside a trace tells of
  nb::object save;                         // of (t, z, *args), kept in place of z; or None
  SolveWatch watch;
  Device device = Device::kCpu;
  std::optional<std::int64_t> stream;      // of arrays that stand on a card
  nb::object norm;                         // error_norm as a callable, or None
  const PythonSolution* before = nullptr;  // that the solve goes on from
};

/// What only solves on the CPU have.
void check_device(const SolveRequest& request, bool is_traced) {
  if (request.device == Device::kCpu) return;
  if (is_traced)
    throw InvalidArgument(
        "[solve] device is for a solve of numbers; where the solves of a program run says "
        "compile(function, device='",
        name(request.device), "').");
  const char* what = request.before != nullptr     ? "a solve that goes on from a Solution"
                     : nb::len(request.events) > 0 ? "events"
                     : !request.save.is_none()     ? "save"
                     : !request.watch.is_empty()   ? "on_step, on_accept, on_reject and progress"
                                                   : nullptr;
  if (what != nullptr)
    throw NotSupported("[solve] device='", name(request.device), "' does not have ", what,
                       " yet; solve on the CPU (device='cpu').");
}

/// A solve from an array that stands on a card.
nb::any solve_there_python(const nb::object& f, const nb::object& z0, const nb::object& times, const nb::sequence& args,
                           const SolveOptions& options, const SolveRequest& request) {
  if (request.device == Device::kCpu)
    throw InvalidArgument(
        "[solve] z0 stands on a card; say device='cuda' to solve there, or give a copy on the host (of PyTorch's, "
        "z0.cpu()).");
  check_device(request, false);
  if (request.dense)
    throw NotSupported(
        "[solve] dense=True is for arrays of the host; got a z0 that stands on a card. Give a copy on the host.");
  if (!request.jac.is_none())
    throw NotSupported("[solve] jac is for implicit methods, which device='cuda' does not have; leave it out.");
  return solve_on_card(f, z0, to_host(times), args, options, request.norm, request.throws,
                       to_stream("solve", request.stream));
}

/// What a solve keeps in place of states, and the structure that it has; None: one array, or none at all.
struct Saved {
  std::optional<SaveFunction> function;
  nb::object structure = nb::none();
};

Saved to_saved(const VectorField& field, const StateLayout& state, const nb::object& save) {
  Saved saved;
  if (save.is_none()) return saved;
  if (PyCallable_Check(save.ptr()) == 0)
    throw CallError("[solve] save must be a callable save(t, z, ...) or None; got ", type_of(save), ".");
  saved.function =
      save_of_parts(field, [&](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
        const nb::object value = state.call(save, t, parts, arguments);
        const nb::object structure = structure_of_saved(value);
        try {
          if (structure.is_none()) return to_array(value);
          const FlatStart<Array> flat = flat_array(structure, value);
          saved.structure = flat.layout.structure;
          return flat.z0;
        } catch (const DtypeError&) {
          throw DtypeError("[solve] save must give an array, or several in a dict, tuple or dataclass; got ",
                           value.is_none() ? "None. Does it return what it computes?" : type_of(value) + ".");
        }
      });
  return saved;
}

nb::any solve_traced(const VectorField& field, const FlatStart<Array>& start, const Array& times, SolveOptions options,
                     std::span<const Array> arguments, const SolveRequest& request) {
  check_device(request, true);
  if (request.dense)
    throw NotSupported(
        "[solve] dense=True is for a solve of numbers; inside a trace, its times may be computed there.");
  if (!request.watch.is_empty())
    throw NotSupported("[solve] on_step, on_accept, on_reject and progress are for a solve of numbers.");
  options.norm = to_norm(request.norm, field.state_size());
  const nb::object& structure = start.layout.structure;
  const Saved saved = to_saved(field, start.layout, request.save);
  const auto in_rows = [&](const Array& states) {
    return reshape(states, start.z0.shape().with_first(states.shape()[0]));
  };
  if (nb::len(request.events) == 0 && saved.function) {
    const Array kept = solve_saving(field, *saved.function, start.z0, times, options, arguments);
    return structured(saved.structure, nb::borrow<nb::any>(nb::cast(kept)));
  }
  if (nb::len(request.events) == 0) {
    const Array states = in_rows(solve(field, start.z0, times, options, arguments));
    return structured(structure, nb::borrow<nb::any>(nb::cast(states)));
  }
  if (!structure.is_none() || !saved.structure.is_none())
    throw NotSupported("[solve] inside a trace, events are for a state of one array, and save gives one; got several.");
  const std::vector<SolveEvent> events = to_events(field, start.layout, request.events);
  const EventList list{.events = events, .max_events = request.max_events.value_or(EventList{}.max_events)};
  EventSolution solution = saved.function
                               ? solve_saving(field, *saved.function, start.z0, times, options, arguments, list)
                               : solve(field, start.z0, times, options, arguments, list);
  if (!saved.function) solution.states = in_rows(solution.states);
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

/// A Solution; or, where f or an event uses a value of the trace around it, which has one sample, what a solve in that
/// trace gives.
nb::any solve_numpy(const nb::object& f, const FlatStart<HostArray>& start, const HostArray& times,
                    const nb::sequence& args, SolveOptions options, const SolveRequest& request) {
  std::vector<HostArray> arguments;
  for (const nb::handle argument : args) arguments.push_back(to_host(argument));
  const auto is_shared = [&](std::size_t i) {  // of a field that says so
    if (!nb::isinstance<VectorField>(f)) return false;
    const std::vector<ArgumentSpec>& specs = nb::cast<const VectorField&>(f).arguments();
    return i < specs.size() && specs[i].kind == InputKind::kShared;
  };
  for (std::size_t i = 0; start.is_single && i < arguments.size(); ++i)
    if (!is_shared(i)) arguments[i] = with_batch_of_one(arguments[i]);
  nb::dict shapes;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (!is_shared(i))
      shapes[nb::cast("arg" + std::to_string(i))] = nb::tuple(nb::cast(without_first(arguments[i].shape()).axes()));
  const VectorField field = to_field("[solve] f", f, start.layout, shapes, request.jac);
  const std::vector<SolveEvent> events = to_events(field, start.layout, request.events);
  const Saved saved = to_saved(field, start.layout, request.save);
  const bool captures = !field.captured().empty() || (saved.function && !saved.function->captured().empty()) ||
                        std::ranges::any_of(events, [](const SolveEvent& event) { return !event.captured().empty(); });
  if (start.is_single && captures) {
    std::vector<Array> constants;
    for (const nb::handle argument : args) constants.push_back(to_array(argument));
    return solve_traced(field, {.z0 = constant(start.z0), .layout = start.layout}, constant(times), options, constants,
                        request);
  }
  if (request.max_events)
    throw CallError("[solve] max_events is for a solve inside a trace; one of numbers gives all events. Leave it out.");
  check_device(request, false);
  if (saved.function && request.dense)
    throw NotSupported(
        "[solve] save is for the states at the times; got dense=True as well, which keeps all. Leave one out.");
  options.dtype = start.z0.dtype();
  options.norm = to_norm(request.norm, field.state_size());
  const HostArray z0 = start.is_single ? with_batch_of_one(start.z0) : start.z0;
  PythonSolution out{.solution = {},
                     .times = times.astype(Dtype::kF64),
                     .is_single = start.is_single,
                     .states = {},
                     .shape = {},
                     .structure = start.layout.structure};
  run_long([&] {
    if (request.device != Device::kCpu && !request.dense) {
      out.solution = solve_on(request.device, field, z0, times, options, arguments);
      return;
    }
    if (request.before != nullptr) {
      out.solution =
          continue_solve(field, request.before->solution.end, times, options, arguments, events, request.watch);
      return;
    }
    if (saved.function) {
      out.solution = solve_saving(field, *saved.function, z0, times, options, arguments, events, request.watch);
      return;
    }
    if (!request.dense) {
      out.solution = solve(field, z0, times, options, arguments, events, request.watch);
      return;
    }
    DenseResult result = request.device == Device::kCpu
                             ? solve_dense(field, z0, times, options, arguments, events, request.watch)
                             : solve_dense_on(request.device, field, z0, times, options, arguments);
    out.solution = std::move(result.solution);
    out.dense = std::make_shared<const DenseSolution>(std::move(result.dense));
  });
  if (request.throws) out.solution.check();
  take_states(out, saved.function ? saved.structure : out.structure);
  return nb::borrow<nb::any>(nb::cast(std::move(out)));
}

/// The start of a solve that goes on from another.
FlatStart<HostArray> start_of(const PythonSolution& before) {
  const HostArray& states = before.solution.end.states;
  StateLayout layout =
      before.structure.is_none() ? StateLayout(states.shape().without_first()) : StateLayout(before.structure);
  HostArray z0 = before.is_single ? states.reshape(states.shape().without_first()) : states;
  return {.z0 = std::move(z0), .layout = std::move(layout), .is_single = before.is_single};
}

nb::any continue_python(const nb::object& f, const PythonSolution& before, const nb::object& times,
                        const nb::sequence& args, const SolveOptions& options, SolveRequest request) {
  if (request.dense || !request.save.is_none())
    throw NotSupported("[solve] dense=True and save are for a solve from a z0; got a Solution to go on from.");
  if (before.solution.end.is_empty())
    throw InvalidArgument(
        "[solve] a solve of fixed steps cannot be gone on from, nor one by SUNDIALS' or of arrays on a card; give its "
        "last "
        "states as z0.");
  request.before = &before;
  return solve_numpy(f, start_of(before), to_host(times), args, options, request);
}

nb::any solve_python(const nb::object& f, const nb::object& z0, const nb::object& times, const nb::sequence& args,
                     bool throws, const nb::sequence& events, std::optional<std::int64_t> max_events,
                     const nb::object& save, bool dense, const nb::object& jac, const nb::object& on_step,
                     const nb::object& on_accept, const nb::object& on_reject, const nb::object& progress,
                     const std::string& device, std::optional<std::int64_t> stream, const nb::kwargs& keywords) {
  const auto rest = nb::borrow<nb::kwargs>(nb::steal(PyDict_Copy(keywords.ptr())));
  nb::object norm = nb::none();
  if (rest.contains("error_norm") && PyCallable_Check(nb::object(rest["error_norm"]).ptr()) != 0) {
    norm = rest["error_norm"];
    nb::del(rest["error_norm"]);
  }
  const SolveRequest request{.throws = throws,
                             .dense = dense,
                             .jac = jac,
                             .events = events,
                             .max_events = max_events,
                             .save = save,
                             .watch = to_watch(on_step, on_accept, on_reject, progress),
                             .device = device_from_name(device),
                             .stream = stream,
                             .norm = norm};
  const SolveOptions options = from_keywords(solve_keywords(), rest);
  if (nb::isinstance<PythonSolution>(z0))
    return continue_python(f, nb::cast<const PythonSolution&>(z0), times, args, options, request);
  if (stands_on_card(z0)) return solve_there_python(f, z0, times, args, options, request);
  if (stream) throw CallError("[solve] stream is for a z0 that stands on a card; got ", type_of(z0), ". Leave it out.");
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
  return solve_traced(to_field("[solve] f", f, start.layout, arguments.shapes, jac), start, to_array(times), options,
                      arguments.values, request);
}

/// error_norm may be a callable here, where the state is known.
Keywords<SolveOptions> with_callable_norm(Keywords<SolveOptions> keywords) {
  std::ranges::find_if(keywords, [](const auto& one) { return one.name == "error_norm"; })->annotation =
      "str | collections.abc.Callable";
  return keywords;
}

}  // namespace

nb::any to_python(Solution solution, const HostArray& times, bool is_single) {
  PythonSolution out{.solution = std::move(solution),
                     .times = times.astype(Dtype::kF64),
                     .is_single = is_single,
                     .states = {},
                     .shape = {}};
  take_states(out, nb::none());
  return nb::borrow<nb::any>(nb::cast(std::move(out)));
}

void bind_solve(nb::module_& module) {
  bind_solution(module);

  bind_step_view(module);

  const std::string signature =
      "def solve(f: object, z0: object, times: object, *, args: collections.abc.Sequence = (), throw: bool = True, "
      "events: collections.abc.Sequence = (), max_events: int | None = None, save: "
      "collections.abc.Callable | None = None, dense: bool = False, jac: "
      "collections.abc.Callable | None = None, on_step: "
      "collections.abc.Callable | None = None, on_accept: collections.abc.Callable | None = None, on_reject: "
      "collections.abc.Callable | None = None, progress: collections.abc.Callable | None = None, device: str = 'cpu', "
      "stream: int | None = None" +
      parameters_of(with_callable_norm(solve_keywords()), true) + ") -> typing.Any";
  module.def("solve", &solve_python, nb::arg("f"), nb::arg("z0"), nb::arg("times"), nb::kw_only(),
             nb::arg("args") = nb::tuple(), nb::arg("throw") = true, nb::arg("events") = nb::tuple(),
             nb::arg("max_events") = nb::none(), nb::arg("save") = nb::none(), nb::arg("dense") = false,
             nb::arg("jac") = nb::none(), nb::arg("on_step") = nb::none(), nb::arg("on_accept") = nb::none(),
             nb::arg("on_reject") = nb::none(), nb::arg("progress") = nb::none(), nb::arg("device") = "cpu",
             nb::arg("stream") = nb::none(), nb::arg("options"), nb::sig(signature.c_str()),
             R"(Solves z' = f(t, z, *args), z(times[0]) = z0, and gives the states at `times`.

f       a callable on costate Arrays, traced once for one sample, or a VectorField.
z0      [d] or a number: one sample; [batch, ...]: one state a row. float32 solves in f32, all else in f64. Where
        z0, times or args hold Arrays or Parameters, or f uses one of the trace around it, the solve becomes part of
        the program, of one sample, and this returns an Array [time, ...state].
        A Solution: the solve goes on where that one ended, whose last time times[0] must be, with its step sizes,
        controllers and last slopes.
        Or a dict, named tuple, dataclass or tuple of arrays, nested or not: f is called with such a one, gives such a one,
        and the states are such a one. One sample where no array has two axes; else each has the batch as its first.
times   [time] or [batch, time], ascending or descending; a time that is repeated has the same state again. A solve in
        f32 computes in f64 what f makes of t alone; where f takes t beside z or args, times must not be too close for f32.
args    further inputs of f, one a sample: [batch, ...] ([...] if z0 is one sample).
events  a list of costate.Event: what is noted, moves the state or ends a sample's solve where its g goes through zero. An
        output at the time of an event is the state before it; outputs after one that ends the solve are NaN. Solves with
        events choose their steps by the error of each sample. Inside a trace the solve gives an EventSolution: the states,
        and the first `max_events` (16) times, numbers and states of events, all with gradients through the events' times; z0 is
        one array then.
save    save(t, z, *args) gives what is kept of z at `times`, in place of z: an array, or several in a dict, tuple or
        dataclass. `states` has these; z is kept nowhere else. NaN where z is. States at events, and those to go on from, are z.
jac     jac(t, z, *args) gives df/dz for the linear systems of implicit methods; None: from the graph (vector_field).
on_step, on_accept, on_reject  called with a StepView before each attempted step, and after it; one thread solves then. progress
        is called with the part of the times that is behind, from 0 to 1.
dense   True: the Solution has `dense`, a DenseSolution, which gives z and dz/dt at any time of the solve.
device  'cpu'; or 'cuda', experimental, for solves of numbers by explicit methods: one kernel for all steps (docs/gpu.md). Of
        solves inside a trace compile(function, device=...) says it. A z0 that stands on the card, with args that do (arrays of
        any library that has DLPack, as PyTorch's), stays there: `states` is a DeviceArray then, which torch.from_dlpack takes.
stream  of such arrays, as DLPack numbers it: None or 1 the legacy default one, 2 that of each thread, else a handle.

method                         by name; the message of an unknown one lists them. SciPy's RK45, RK23 and DOP853 are
                               'dopri5', 'bosh3' and 'dop853'. 'auto' takes steps of tsit5 until the field proves stiff, then
                               of rodas5p, and back, for each sample. 'bdf' and 'adams' are SUNDIALS' CVODE, one sample after
                               the other, where its library is installed; 'kencarp4' takes explicit_part(...) explicitly.
rtol, atol                     a step's error is at most atol + rtol |z|, as a root mean square.
rtols, atols                   in place of them, one for each number of z, or one for each part of a field that has several; a
                               list as rtol or atol is the same.
                               inf: that number is not controlled, such as an integral beside the state, and moves no step.
error_norm                     'rms'; 'part_rms': the largest of the parts' own; 'max': the largest of all numbers; or a callable that
                               gives the error of a step of an Array of the errors of z's numbers, in tolerances.
first_step                     size of the first attempt; 0: chosen by first_step_rule,
first_step_rule                which is 'method', by its error estimate, or 'hairer', by its order alone, as torchdiffeq does.
min_step, at_min_step          no step is shorter, but those that end at a stop or the last time; 0: no limit. Where a shorter
                               one is asked for, the status is 'step_too_small' ('fail'), or the step is taken, whatever its
                               error, with the status 'ok' ('accept').
max_step                       no step is longer; 0: no limit. For inputs so short that steps could pass over them.
stop_at                        times at which steps end, in any order: where f jumps or bends. Knots of interpolate(...) at
                               t, or at a * t + b, are such times of themselves, and so are those at which comparisons of
                               such lines change, their abs, maximum, minimum, relu and sign.
mass_matrix                    M of M z' = f, [n, n] or its numbers row by row, for 'rodas5p', 'radau5', 'radauIIA3' and
                               'radauIIA5'. A row of zeros is the equation 0 = f_i, which z0 must satisfy (index 1).
nonnegative                    numbers of z by their index that no step may take below 0: one that would is tried again with
                               half its size.
safety, factor_min, factor_min_accepted, factor_rejected, factor_rejected_again, factor_max, factor_max_after_reject,
beta1, beta2, beta3,
previous_floor                 of the controller of steps: the next size is the last one times safety error^(-beta1 / k)
                               previous^(-beta2 / k) before^(-beta3 / k), k being the order of the error estimate, within the
                               factors. diffrax's PIDController has beta1 = pcoeff + icoeff + dcoeff, beta2 = -(pcoeff + 2
                               dcoeff), beta3 = dcoeff.
memory_budget                  bytes for each thread that a gradient keeps of the solve; it changes no bit.
steps_per_interval, step_size  fixed steps instead: so many between two times, or at most so long.
max_steps                      of a sample, attempts included.
control                        'per_sample', or 'joint': one step for the batch, by the mean error of all; in a trace for the
                               samples that go side by side (lanes of compile). A sample that blows up then fails all.
adjoint                        of a solve inside a trace: 'discrete', the steps taken back exactly; 'reversible', the same
                               without states that are kept, of methods that can; 'interpolating' or 'quadrature', the adjoint
                               equation with z from the dense output; 'backsolve', with z solved backwards, too; 'forward', a
                               tangent for each number that a gradient is asked for; of 'bdf' and 'adams' 'cvodes', off by 60
                               to 2,300 times the tolerance.
adjoint_rtol, adjoint_atol     of what the last five solve; 0: rtol and atol.
gradient_steps                 'auto': steps that will be differentiated are also chosen to follow small disturbances, so that
                               gradients are right where the state rests; 'on': always, so that a solve takes the same
                               steps with and without its gradient; 'off': never.

Derivatives of a solve inside a trace, by z0, times, args and Parameters: gradients (value_and_grad, vjp), tangents (jvp),
Hessian-vector products by jvp(value_and_grad(loss)), vjp(jvp(loss)) or vjp(value_and_grad(loss)), hessian(loss). With
events, too: through their times and resets. Gradients alone: of methods that step on a grid alone (symplectic_euler,
velocity_verlet, reversible_heun, alf, explicit_adams, implicit_adams), of 'bdf' and 'adams', and of events with a
mass_matrix; with a mass_matrix by times.

A time T at which f jumps, as in where(t <= T, 1, 0), has no derivative so, and NotSupported says so where it is asked
for. Solve to T and go on from there, both times differentiated:

    y = solve(before, y0, stack([0.0, T]))[-1]
    y = solve(after, y, stack([T, 2.0]))[-1]

Selects that are continuous (maximum, relu, where(t > T, t - T, 0)) have their derivative. A jump that the state decides,
as in where(z > level, 1, 0), is not looked for: derivatives lack what a moved crossing changes.

Gives a Solution: states, times, status, nfe, accepted, rejected, implicit_steps, switches; with events event_times, event_numbers, event_states; with
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
