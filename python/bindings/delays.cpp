// Delay equations, on NumPy arrays and inside traces.
#include "python/bindings/delays.h"

#include <optional>
#include <string>
#include <vector>

#include "costate/base/error.h"
#include "costate/solve/delays.h"
#include "python/bindings/fields.h"

namespace costate::python {
namespace {

/// code(t, z, delayed…, arguments…).
Array call_rhs(const nb::callable& code, const Array& t, const Array& z, std::span<const Array> delayed,
               std::span<const Array> arguments) {
  const nb::gil_scoped_acquire acquire;  // a solve of numbers runs without
  std::vector<Array> all(delayed.begin(), delayed.end());
  all.insert(all.end(), arguments.begin(), arguments.end());
  const StateLayout state(z.shape());
  return state.to_parts(state.call(code, t, std::span(&z, 1), all), "[solve_delays] f must give")[0];
}

/// history(t, arguments…), or what does not depend on t.
Array call_history(const nb::object& history, const Array& t, std::span<const Array> arguments) {
  const nb::gil_scoped_acquire acquire;
  if (PyCallable_Check(history.ptr()) == 0) return to_array(history);
  nb::list values;
  values.append(nb::cast(t));
  for (const Array& argument : arguments) values.append(nb::cast(argument));
  return to_array(history(*values));
}

nb::any solve_delays_traced(const nb::callable& f, const nb::object& history, const nb::object& times,
                            const nb::sequence& lags, const nb::object& z0, const nb::sequence& args,
                            const DelayOptions& options) {
  std::vector<Array> values;
  for (const nb::handle argument : args) values.push_back(to_array(argument));
  std::vector<Lag> sizes;
  for (const nb::handle lag : lags) sizes.emplace_back(to_array(lag));
  const DelaySolution solution =
      solve_delays([&](Array t, Array z, std::span<const Array> delayed) { return call_rhs(f, t, z, delayed, values); },
                   [&](Array t) { return call_history(history, t, values); }, sizes, to_array(times), options,
                   z0.is_none() ? Array() : to_array(z0));
  return nb::borrow<nb::any>(nb::cast(solution.states));
}

nb::any solve_delays_numpy(const nb::callable& f, const nb::object& history, const nb::object& times,
                           const nb::sequence& lags, const nb::object& z0, const nb::sequence& args,
                           DelayOptions options, bool throws) {
  DelayEquation equation{
      .rhs = [&](Array t, Array z, std::span<const Array> delayed,
                 std::span<const Array> more) { return call_rhs(f, t, z, delayed, more); },
      .history = [&](Array t, std::span<const Array> more) { return call_history(history, t, more); },
      .lags = {}};
  for (const nb::handle lag : lags)
    if (!nb::try_cast(lag, equation.lags.emplace_back()))
      throw CallError("[solve_delays] lags must be numbers; got ", type_of(lag), ".");
  const bool is_callable = PyCallable_Check(history.ptr()) != 0;
  std::optional<HostArray> start;
  if (!z0.is_none())
    start = to_host(z0);
  else if (!is_callable)
    start = to_host(history);
  std::vector<HostArray> arguments;
  for (const nb::handle argument : args) arguments.push_back(to_host(argument));
  // A constant past is an argument of each sample's own, behind the others.
  const bool is_single = start ? start->shape().rank() <= 1 : arguments.empty() || arguments[0].shape().rank() == 0;
  if (!is_callable) {
    arguments.push_back(to_host(history));
    equation.rhs = [&](Array t, Array z, std::span<const Array> delayed, std::span<const Array> more) {
      return call_rhs(f, t, z, delayed, more.first(more.size() - 1));
    };
    equation.history = [](Array, std::span<const Array> more) { return more.back(); };
  }
  if (is_single) {
    if (start) start = with_batch_of_one(*start);
    for (HostArray& argument : arguments) argument = with_batch_of_one(argument);
  }
  options.solve.dtype = start ? start->dtype() : Dtype::kF64;
  const HostArray numbers = to_host(times);
  const DelayResult result = run_long([&] { return solve_delays(equation, start, numbers, options, arguments); });
  if (throws) result.check();
  return nb::borrow<nb::any>(to_output(result.states, is_single));
}

nb::any solve_delays_python(const nb::callable& f, const nb::object& history, const nb::object& times,
                            const nb::sequence& lags, const nb::object& z0, const nb::sequence& args, int nodes,
                            double max_piece, bool throws, const nb::kwargs& keywords) {
  const DelayOptions options{
      .solve = from_keywords(solve_keywords(), keywords), .nodes = nodes, .max_piece = max_piece};
  const bool is_traced = holds_arrays(z0) || holds_arrays(args) || holds_arrays(lags) || holds_arrays(history);
  return is_traced ? solve_delays_traced(f, history, times, lags, z0, args, options)
                   : solve_delays_numpy(f, history, times, lags, z0, args, options, throws);
}

}  // namespace

void bind_delays(nb::module_& module) {
  const std::string signature =
      "def solve_delays(f: collections.abc.Callable, history: object, times: object, lags: collections.abc.Sequence, "
      "*, "
      "z0: object = None, args: collections.abc.Sequence = (), nodes: int = 24, max_piece: float = 0.0, throw: bool = "
      "True" +
      parameters_of(solve_keywords(), true) + ") -> typing.Any";
  module.def(
      "solve_delays", &solve_delays_python, nb::arg("f"), nb::arg("history"), nb::arg("times"), nb::arg("lags"),
      nb::kw_only(), nb::arg("z0") = nb::none(), nb::arg("args") = nb::tuple(), nb::arg("nodes") = DelayOptions{}.nodes,
      nb::arg("max_piece") = DelayOptions{}.max_piece, nb::arg("throw") = true, nb::arg("options"),
      nb::sig(signature.c_str()),
      R"(Solves z'(t) = f(t, z(t), z(t - lag_1), ..., z(t - lag_L), *args), z(t) = history before times[0], by the method of steps.

f        a callable f(t, z, z_lag_1, ..., z_lag_L, *args) on costate Arrays, for one sample.
history  a callable history(t, *args) for one sample; or what is constant before times[0], an array as z0.
times    [time], not descending, the same for all samples; inside a trace, numbers.
lags     positive numbers; inside a trace, Parameters too, by which the solve has a derivative.
z0       the state at times[0] where it is not the history's: [d] is one sample, [batch, ...] one a row; float32 solves in f32.
         Where z0, args, lags or history hold Arrays or Parameters, the solve becomes part of the program, of one sample.
args     further inputs of f and history, one a sample: [batch, ...].

nodes, max_piece  the time is cut where derivatives may jump, at times[0], stop_at and sums of lags behind these, and into pieces no longer
                  than the shortest lag and max_piece (0: no limit). Each is kept as the polynomial through the dense output at
                  so many points; where its last coefficients are above 100 tolerances the sample fails as 'unresolved', and a
                  smaller max_piece is the cure. At most 4096 pieces.

Other keywords are those of solve, which takes each piece; steps go by their error.

Gives the states [batch, time, ...], [time, ...] for one sample. Raises SolveFailed if a sample fails, unless throw=False: its
states are NaN from that piece on.

Derivatives of a solve inside a trace are those of the computed solution: by z0, args, Parameters, history and lags.

>>> import costate, numpy as np
>>> z = costate.solve_delays(lambda t, z, z_1: -z_1, [1.0], [0.0, 1.0, 2.0], [1.0], rtol=1e-9, atol=1e-9)
>>> bool(np.allclose(z[:, 0], [1.0, 0.0, -0.5]))
True
)");
}

}  // namespace costate::python
