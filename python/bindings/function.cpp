// trace and compiled programs.
#include <algorithm>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/graph/print.h"
#include "costate/graph/trace.h"
#include "python/bindings/bindings.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

/// Arguments as (name, shape) pairs; "shared" ones are one value for all samples of a batch.
std::vector<ArgumentSpec> to_arguments(const nb::dict& shapes, const std::vector<std::string>& shared) {
  std::vector<std::string> known;
  for (const nb::handle name : shapes.keys()) known.push_back(to_name(name));
  for (const std::string& name : shared)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw InvalidArgument("[trace] ", text::unknown_name("shared input", name, known));
  std::vector<ArgumentSpec> arguments;
  for (const auto& [name, shape] : shapes) {
    const auto text = nb::cast<std::string>(name);
    const bool is_shared = std::find(shared.begin(), shared.end(), text) != shared.end();
    arguments.push_back({text, to_shape(shape), is_shared ? InputKind::kShared : InputKind::kSample});
  }
  return arguments;
}

std::vector<Array> to_results(const nb::object& result) {
  if (!nb::isinstance<nb::tuple>(result) && !nb::isinstance<nb::list>(result)) return {to_array(result)};
  std::vector<Array> arrays;
  for (const nb::handle item : result) arrays.push_back(to_array(item));
  return arrays;
}

Function trace_python(const nb::callable& f, const nb::dict& shapes, const std::vector<std::string>& shared) {
  return trace_list(to_arguments(shapes, shared), [&](std::span<const Array> arguments) {
    nb::list values;
    for (const Array& argument : arguments) values.append(nb::cast(argument));
    return to_results(f(*values));
  });
}

/// Whether the inputs are those of one sample, without the batch axis; all that are one a sample must agree.
bool is_single(const Function& function, const std::vector<HostArray>& arrays) {
  std::vector<std::string> alone, batched;
  std::size_t next = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) continue;
    if (next == arrays.size()) break;
    const HostArray& array = arrays[next++];
    if (input.kind == InputKind::kSample) (array.shape() == input.shape ? alone : batched).push_back(input.name);
  }
  if (!alone.empty() && !batched.empty())
    throw ShapeError("[Program] input '", alone[0], "' has the shape of one sample and '", batched[0],
                     "' has not; give all of them a batch axis, or none, or trace with shared=['", alone[0], "'].");
  return !alone.empty();
}

struct PythonResult {
  RunResult result;
  bool is_single;
};

PythonResult run(const Program& program, const nb::args& inputs) {
  const BatchInputs batch = to_batch(program.function(), inputs);
  return {.result = run_long([&] { return program.run(batch.arrays); }), .is_single = batch.is_single};
}

nb::tuple outputs_of(const Program& program, PythonResult run) {
  nb::list outputs;
  for (std::size_t i = 0; i < run.result.outputs.size(); ++i)
    outputs.append(to_output(std::move(run.result.outputs[i]),
                             run.is_single && program.function().outputs()[i].kind == OutputKind::kSample));
  return nb::tuple(outputs);
}

constexpr const char* kTraceHelp =
    R"(Runs f once on Arrays that stand for its inputs, and keeps what it did as a Function.

f       a callable on Arrays, written for one sample; gives one Array (a number, a list of Arrays) or a tuple of them.
shapes  a dict: the name of each input, in the order of f's arguments, and its shape for one sample; () is a number.
shared  names of inputs that are one value for all samples of a batch. Parameters, which f may use, always are.

A Function has no numbers yet: compile makes it ready to run; vjp, jvp, value_and_grad, jacobian and hessian make Functions
of derivatives from it. Python's if and for are run once, while f is traced; costate.where chooses by value.

>>> import costate, numpy as np
>>> f = costate.trace(lambda x, scale: scale * costate.sum(x * x), {"x": (3,), "scale": ()}, shared=["scale"])
>>> costate.compile(f)(np.ones((2, 3)), 10.0)[0]
array([30., 30.])
)";

constexpr const char* kCompileHelp = R"(Makes a Function ready to run on NumPy arrays, as a Program.

function  from trace, vjp, jvp, value_and_grad, jacobian or hessian.
dtype     'f64' or 'f32', in which it computes; NumPy's names are taken, too.
lanes     how many samples go side by side through the program, on one thread; 0: as many as suit the batch. A solve inside with
          control='joint' takes the same steps for these, and for no others.
device    'cpu'; or 'cuda', experimental, for programs with solves: these and their gradients run on a card, a whole batch in
          one kernel each, and what is between them on the CPU (docs/gpu.md).

Call the Program with one array an input, [batch, ...] ([...] if shared); it gives a tuple of arrays, one an output. One
sample may go without the batch axis. Parameters are read anew in each call. The first call of each kind of batch takes
longer, since it is then that the program is made.
)";

}  // namespace

BatchInputs to_batch(const Function& function, const nb::args& inputs) {
  std::vector<HostArray> arrays;
  for (const nb::handle input : inputs) arrays.push_back(to_host(input));
  const bool single = is_single(function, arrays);
  std::size_t next = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) continue;
    if (next == arrays.size()) break;
    HostArray& array = arrays[next++];
    if (single && input.kind == InputKind::kSample) array = with_batch_of_one(array);
  }
  return {.arrays = std::move(arrays), .is_single = single};
}

NumpyArray to_output(HostArray array, bool is_single) {
  return to_numpy(is_single ? array.reshape(without_first(array.shape())) : std::move(array));
}

void bind_function(nb::module_& module) {
  nb::class_<Function>(module, "Function", "An immutable traced program for one sample.")
      .def_prop_ro("inputs",
                   [](const Function& f) {
                     std::vector<std::string> names;
                     for (const Input& input : f.inputs()) names.push_back(input.name);
                     return names;
                   })
      .def_prop_ro("outputs",
                   [](const Function& f) {
                     std::vector<std::string> names;
                     for (const Output& output : f.outputs()) names.push_back(output.name);
                     return names;
                   })
      .def_prop_ro("parameters", &Function::parameters, "The Parameters that the traced code used, in order.")
      .def("__call__",
           [](const Function&, const nb::args&, const nb::kwargs&) -> bool {
             throw CallError(
                 "[Function] has no numbers yet; costate.compile makes a program of it that is called on arrays.");
           })
      .def("__repr__", [](const Function& f) { return to_string(f); });

  nb::class_<Program>(module, "Program", "A Function made ready to run on batches of NumPy arrays.")
      .def(
          "__call__",
          [](const Program& program, const nb::args& inputs) { return outputs_of(program, run(program, inputs)); },
          "A tuple of the outputs for a batch: one [batch, ...] array an input (shared inputs without the batch axis). "
          "Inputs\nof one sample alone, all without the batch axis, give outputs without it. Ctrl-C ends it.")
      .def(
          "run",
          [](const Program& program, const nb::args& inputs) {
            PythonResult result = run(program, inputs);
            const nb::dict report = report_of(result.result.report);
            return nb::make_tuple(outputs_of(program, std::move(result)), report);
          },
          "The outputs and a report: evaluations, steps, and of each failed sample its row, the reason ('max_steps', "
          "'step_too_small', 'non_finite', 'invalid_times', 'coarse_times', 'no_convergence'), t and step where its "
          "solve ended, and "
          "advice. Such a sample counts nothing in gradients of what all samples share.");

  module.def("trace", &trace_python, nb::arg("f"), nb::arg("shapes"), nb::arg("shared") = std::vector<std::string>(),
             kTraceHelp);
  module.def(
      "compile",
      [](const Function& function, const nb::object& dtype, std::size_t lanes, const std::string& device) {
        return compile(function, {.dtype = to_dtype(dtype), .lanes = lanes, .device = device_from_name(device)});
      },
      nb::arg("function"), nb::arg("dtype") = "f64", nb::kw_only(), nb::arg("lanes") = 0, nb::arg("device") = "cpu",
      kCompileHelp);
}

}  // namespace costate::python
