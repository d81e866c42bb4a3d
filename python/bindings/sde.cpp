// SDEs, on NumPy arrays and inside traces.
#include "costate/solve/sde.h"

#include <string>
#include <vector>

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"

namespace costate::python {
namespace {

StochasticField to_stochastic_field(const nb::callable& f, const nb::callable& g, const StateLayout& state,
                                    const std::vector<Shape>& arguments) {
  std::vector<ArgumentSpec> specs;
  for (const Shape& shape : arguments) specs.push_back({"arg" + std::to_string(specs.size()), shape});
  return stochastic_field(state.parts[0].shape, specs, [&](Array t, Array z, std::span<const Array> more) {
    const std::span<const Array> parts(&z, 1);
    return std::pair{state.to_parts(state.call(f, t, parts, more), "[solve_sde] f must give")[0],
                     state.to_parts(state.call(g, t, parts, more), "[solve_sde] g must give")[0]};
  });
}

/// The names of the paths of a batch: a stream, and the samples' numbers or, where None, the rows.
HostArray to_path_names(const nb::object& stream, const nb::object& samples, std::int64_t batch) {
  std::int64_t number = 0;
  if (!nb::try_cast(stream, number))
    throw CallError("[solve_sde] stream must be a whole number; got ", type_of(stream), ".");
  HostArray names = path_names(batch, number);
  if (samples.is_none()) return names;
  const HostArray given = to_host(samples);
  if (given.size() != batch || given.shape().rank() > 1)
    throw ShapeError("[solve_sde] samples must hold ", batch, " whole numbers, one a sample; got shape ", given.shape(),
                     ".");
  for (std::int64_t i = 0; i < batch; ++i) names.set({i, 1}, given.at(i));
  return names;
}

nb::any solve_sde_traced(const nb::callable& f, const nb::callable& g, const nb::object& z0, const nb::object& times,
                         const nb::sequence& args, const SdeOptions& options, const nb::object& stream,
                         const nb::object& samples) {
  if (samples.is_none())
    throw InvalidArgument(
        "[solve_sde] inside a trace, samples must name the sample: a number of an input, so that each row of a batch "
        "meets noise of its own.");
  std::vector<Array> values;
  std::vector<Shape> shapes;
  for (const nb::handle argument : args) {
    values.push_back(to_array(argument));
    shapes.push_back(values.back().shape());
  }
  const Array start = to_array(z0), path = stack({reshape(to_array(stream), {}), reshape(to_array(samples), {})});
  const StochasticField field = to_stochastic_field(f, g, StateLayout(start.shape()), shapes);
  return nb::borrow<nb::any>(nb::cast(solve_sde(field, start, to_array(times), options, path, values)));
}

nb::any solve_sde_python(const nb::callable& f, const nb::callable& g, const nb::object& z0, const nb::object& times,
                         const nb::sequence& args, const std::string& method, int steps_per_interval, double step_size,
                         std::uint64_t seed, const nb::object& stream, const nb::object& samples, bool throws,
                         std::size_t memory_budget) {
  SdeOptions options{.method = sde_method_from_name(method),
                     .seed = seed,
                     .steps_per_interval = steps_per_interval,
                     .step_size = step_size,
                     .memory_budget = memory_budget};
  if (holds_arrays(z0) || holds_arrays(args) || holds_arrays(stream) || holds_arrays(samples))
    return solve_sde_traced(f, g, z0, times, args, options, stream, samples);
  HostArray start = to_host(z0);
  const bool is_single = start.shape().rank() <= 1;
  if (is_single) start = with_batch_of_one(start);
  std::vector<HostArray> arguments;
  std::vector<Shape> shapes;
  for (const nb::handle argument : args) {
    arguments.push_back(is_single ? with_batch_of_one(to_host(argument)) : to_host(argument));
    shapes.push_back(without_first(arguments.back().shape()));
  }
  const HostArray path = to_path_names(stream, samples, start.shape()[0]), numbers = to_host(times);
  const StochasticField field = to_stochastic_field(f, g, StateLayout(without_first(start.shape())), shapes);
  options.dtype = start.dtype();
  Solution solution = run_long([&] { return solve_sde(field, start, numbers, options, path, arguments); });
  if (throws) solution.check();
  return to_python(std::move(solution), numbers, is_single);
}

NumpyArray brownian_path_python(const nb::object& times, std::int64_t channels, std::uint64_t seed,
                                const nb::object& stream, const nb::object& samples) {
  const Shape shape = samples.is_none() ? Shape{} : to_host(samples).shape();
  const bool is_single = shape.rank() == 0;
  const std::int64_t batch = shape.size();
  return to_output(brownian_path(to_host(times), channels, seed, to_path_names(stream, samples, batch)), is_single);
}

}  // namespace

void bind_sde(nb::module_& module) {
  const SdeOptions defaults;
  const std::string signature = text::concat(
      "def solve_sde(f: collections.abc.Callable, g: collections.abc.Callable, z0: object, times: object, *, args: "
      "collections.abc.Sequence = (), method: str = '",
      name(defaults.method), "', steps_per_interval: int = ", defaults.steps_per_interval,
      ", step_size: float = 0.0, seed: int = ", defaults.seed,
      ", stream: object = 0, samples: object = None, throw: bool = True, memory_budget: int = ", defaults.memory_budget,
      ") -> typing.Any");
  module.def(
      "solve_sde", &solve_sde_python, nb::arg("f"), nb::arg("g"), nb::arg("z0"), nb::arg("times"), nb::kw_only(),
      nb::arg("args") = nb::tuple(), nb::arg("method") = name(defaults.method),
      nb::arg("steps_per_interval") = defaults.steps_per_interval, nb::arg("step_size") = defaults.step_size,
      nb::arg("seed") = defaults.seed, nb::arg("stream") = 0, nb::arg("samples") = nb::none(), nb::arg("throw") = true,
      nb::arg("memory_budget") = defaults.memory_budget, nb::sig(signature.c_str()),
      R"(Solves dz = f(t, z, *args) dt + g(t, z, *args) dW, z(times[0]) = z0, by fixed steps, and gives the states at `times`.

f, g    callables on costate Arrays, traced once for one sample. g has the shape of z: diagonal noise, a channel for each number
        of z; or one axis more, [..., m]: a matrix, with m channels of noise. What it reads is found out.
z0      as in solve: [d] or a number is one sample, [batch, ...] one state a row; float32 solves in f32, with the same path.
        Where z0, args, stream or samples hold Arrays or Parameters, the solve becomes part of the program, of one sample, and
        this returns an Array [time, ...state].
times   [time], not descending, the same for all samples; inside a trace, numbers.
args    further inputs of f and g, one a sample: [batch, ...] ([...] if z0 is one sample).

method
  'euler_maruyama'     Ito; strong order 1/2, 1 where g does not read z; weak order 1.
  'milstein'           Ito; strong order 1. Diagonal noise: g[i] reads z[i] alone, or g reads no z.
  'srk'                Ito; strong order 3/2 (Roessler 2010: SRIW1, and SRA1 where g does not read z). As milstein.
  'heun_stratonovich'  Stratonovich; strong order 1 of diagonal noise and where g does not read z, else 1/2.
steps_per_interval, step_size  so many steps between two times, or at most so long; neither: one. Paths are found fastest where
                               steps are 2^-k of the whole time. No step may be shorter than 2^-20 of it.

seed, stream, samples  name the paths: whole numbers, of stream and samples from 0 to 2^24 - 1. samples is one for each sample, the
        row if None; inside a trace it must be given, usually as an input, and so may stream: another one is new noise without a
        new program. Of each name and channel W is a function of the time from times[0] to times[-1], whatever the steps, the
        method, the precision, the batch and the threads: brownian_path.
memory_budget          bytes for each thread that a gradient keeps of the solve; it changes no bit.

Derivatives of a solve inside a trace: by z0, args and Parameters, of the steps taken on that path, exact to rounding, as of solve;
none by times.

Gives a Solution. Raises SolveFailed if a state is inf or NaN, unless throw=False.

>>> import costate, numpy as np
>>> solution = costate.solve_sde(lambda t, z: 0.1 * z, lambda t, z: 0.3 * z, [1.0], [0.0, 1.0], method="srk",
...                              steps_per_interval=256, seed=7)
>>> w = costate.brownian_path([0.0, 1.0], seed=7)[-1]
>>> bool(np.allclose(solution.states[-1], np.exp((0.1 - 0.3**2 / 2) + 0.3 * w), rtol=1e-4))
True
)");
  module.def(
      "brownian_path", &brownian_path_python, nb::arg("times"), nb::arg("channels") = 1, nb::kw_only(),
      nb::arg("seed") = 0, nb::arg("stream") = 0, nb::arg("samples") = nb::none(),
      nb::sig("def brownian_path(times: object, channels: int = 1, *, seed: int = 0, stream: object = 0, samples: "
              "object = None) -> numpy.ndarray"),
      R"(The paths W that solve_sde meets, 0 at times[0]: [time, channels], of several samples [sample, time, channels].

They are those of a solve whose first and last times are these; times between may be any.)");
}

}  // namespace costate::python
