// trace, derivatives and compiled programs.
#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/print.h"
#include "costate/graph/trace.h"
#include "python/bindings/bindings.h"

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

std::string type_and_hint(nb::handle wrt) {
  return text::concat(type_of(wrt), nb::hasattr(wrt, "parameters") ? ", whose .parameters may be meant." : ".");
}

/// What `wrt` lists.
nb::iterable to_items(nb::handle wrt, const char* expected) {
  if (!nb::isinstance<nb::iterable>(wrt)) throw CallError("[wrt] expected ", expected, "; got ", type_and_hint(wrt));
  return nb::borrow<nb::iterable>(wrt);
}

std::vector<std::size_t> positions_of(const Function& function, const nb::object& wrt) {
  std::vector<std::size_t> positions;
  if (wrt.is_none()) return positions;
  const bool is_one = nb::isinstance<nb::str>(wrt) || nb::isinstance<Parameter>(wrt);
  constexpr const char* kExpected = "names of inputs and Parameters";
  for (const nb::handle item : is_one ? nb::object(nb::make_tuple(wrt)) : to_items(wrt, kExpected)) {
    if (!nb::isinstance<nb::str>(item) && !nb::isinstance<Parameter>(item))
      throw CallError("[wrt] expected ", kExpected, "; got ", type_and_hint(item));
    std::vector<std::string> known;
    std::size_t found = function.inputs().size();
    for (std::size_t i = 0; i < function.inputs().size(); ++i) {
      const Input& input = function.inputs()[i];
      known.push_back(input.name);
      const bool matches = nb::isinstance<Parameter>(item)
                               ? input.parameter && *input.parameter == nb::cast<Parameter>(item)
                               : input.name == nb::cast<std::string>(item);
      if (matches) found = i;
    }
    if (found == function.inputs().size()) {
      if (nb::isinstance<Parameter>(item))
        throw InvalidArgument("[wrt] the function does not use Parameter '", nb::cast<Parameter>(item).name(),
                              "'; leave it out.");
      throw InvalidArgument("[wrt] ", text::unknown_name("input", nb::cast<std::string>(item), known));
    }
    positions.push_back(found);
  }
  if (positions.empty()) throw InvalidArgument("[wrt] no input is named; leave wrt out for all of them.");
  return positions;
}

nb::dict report_of(const RunReport& report) {
  nb::dict out;
  out["nfe_forward"] = report.nfe_forward;
  out["nfe_backward"] = report.nfe_backward;
  out["accepted"] = report.accepted;
  out["rejected"] = report.rejected;
  nb::list failures;
  for (const SampleFailure& failure : report.failures) {
    nb::dict entry;
    entry["sample"] = failure.sample;
    entry["reason"] = failure.reason;
    entry["t"] = failure.t;
    entry["h"] = failure.h;
    entry["advice"] = failure.advice;
    failures.append(entry);
  }
  out["failures"] = failures;
  return out;
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
  std::vector<HostArray> arrays;
  for (const nb::handle input : inputs) arrays.push_back(to_host(input));
  const Function& function = program.function();
  const bool single = is_single(function, arrays);
  std::size_t next = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) continue;
    if (next == arrays.size()) break;
    HostArray& array = arrays[next++];
    if (single && input.kind == InputKind::kSample) array = with_batch_of_one(array);
  }
  return {.result = run_long([&] { return program.run(arrays); }), .is_single = single};
}

nb::tuple outputs_of(const Program& program, const PythonResult& run) {
  nb::list outputs;
  for (std::size_t i = 0; i < run.result.outputs.size(); ++i) {
    const HostArray& output = run.result.outputs[i];
    const bool is_alone = run.is_single && program.function().outputs()[i].kind == OutputKind::kSample;
    outputs.append(to_numpy(is_alone ? output.reshape(without_first(output.shape())) : output));
  }
  return nb::tuple(outputs);
}

InputKind tangents_from_name(const std::string& name) {
  if (name == "shared") return InputKind::kShared;
  if (name == "sample") return InputKind::kSample;
  throw InvalidArgument("[jvp] ", text::unknown_name("shared_tangents", name, {"shared", "sample"}));
}

/// Of a Function, or of Arrays within a trace.
nb::any jacobian_python(const nb::object& f, const nb::object& wrt) {
  if (nb::isinstance<Function>(f)) {
    const auto& function = nb::cast<const Function&>(f);
    return nb::borrow<nb::any>(nb::cast(jacobian(function, positions_of(function, wrt))));
  }
  if (!holds_arrays(f))
    throw CallError("[jacobian] f must be a costate.Function, or an Array of the trace; got ", type_of(f), ".");
  if (!nb::isinstance<Array>(wrt) && !nb::isinstance<Parameter>(wrt))
    throw CallError("[jacobian] wrt must be one Array of the trace, or a Parameter; got ", type_of(wrt), ".");
  return nb::borrow<nb::any>(nb::cast(jacobian(to_array(f), to_array(wrt))));
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

Call the Program with one array an input, [batch, ...] ([...] if shared); it gives a tuple of arrays, one an output. One
sample may go without the batch axis. Parameters are read anew in each call. The first call of each kind of batch takes
longer, since it is then that the program is made.
)";

constexpr const char* kValueAndGradHelp =
    R"(A Function of f's outputs, the first of which is a scalar loss, then its gradients.

f       a Function of one sample's loss.
wrt     names of inputs, or Parameters, of which the gradients are wanted; all inputs if left out.

The gradient for an input of samples is one a sample, [batch, ...]. The gradient for a Parameter or a shared input is summed
over the batch: divide by its length if the loss of the batch is the mean of its samples' losses.

>>> import costate, numpy as np
>>> rate = costate.Parameter("rate", 2.0)
>>> loss = costate.trace(lambda x: costate.square(rate * x), {"x": ()})
>>> value, by_rate = costate.compile(costate.value_and_grad(loss, wrt=rate))(np.array([1.0, 3.0]))
>>> value, float(by_rate)
(array([ 4., 36.]), 40.0)
)";

constexpr const char* kJacobianHelp = R"(A Function of f's outputs, then the Jacobian of each output by each of `wrt`.

f       a Function; or an Array, inside a trace, which gives the Jacobian as an Array.
wrt     names of inputs, or Parameters; all inputs if left out. Inside a trace, one Array or Parameter.

The Jacobian of y by x has shape y.shape + x.shape. It is one a sample, [batch, ...], by Parameters and shared inputs, too. It
takes as many derivatives as x or y has numbers, whichever are fewer.

>>> import costate, numpy as np
>>> f = costate.trace(lambda x: costate.stack([x[0] * x[1], x[1]]), {"x": (2,)})
>>> costate.compile(costate.jacobian(f))(np.array([3.0, 5.0]))[1]
array([[5., 3.],
       [0., 1.]])
)";

}  // namespace

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
            const PythonResult result = run(program, inputs);
            return nb::make_tuple(outputs_of(program, result), report_of(result.result.report));
          },
          "The outputs and a report: evaluations, steps, and of each failed sample its row, the reason ('max_steps', "
          "'step_too_small', 'non_finite', 'invalid_times'), t and step where its solve ended, and advice. Such a "
          "sample counts nothing in gradients of what all samples share.");

  module.def("trace", &trace_python, nb::arg("f"), nb::arg("shapes"), nb::arg("shared") = std::vector<std::string>(),
             kTraceHelp);
  module.def(
      "compile",
      [](const Function& function, const nb::object& dtype) { return compile(function, {.dtype = to_dtype(dtype)}); },
      nb::arg("function"), nb::arg("dtype") = "f64", kCompileHelp);
  module.def(
      "vjp", [](const Function& f, const nb::object& wrt) { return vjp(f, positions_of(f, wrt)); }, nb::arg("f"),
      nb::arg("wrt").none() = nb::none(),
      "Reverse mode: takes f's inputs and one cotangent an output; gives f's outputs, then one cotangent an input.");
  module.def(
      "jvp",
      [](const Function& f, const nb::object& wrt, const std::string& shared_tangents) {
        return jvp(f, positions_of(f, wrt), tangents_from_name(shared_tangents));
      },
      nb::arg("f"), nb::arg("wrt").none() = nb::none(), nb::arg("shared_tangents") = "shared",
      R"(Forward mode: takes f's inputs and one tangent an input; gives f's outputs, then one tangent an output. Of
value_and_grad(loss): Hessian-vector products, through a solve too.

f                a Function.
wrt              names of inputs, or Parameters, that move; all inputs if left out.
shared_tangents  of Parameters and shared inputs: 'shared', one tangent for all samples, or 'sample', [batch, ...], one each.
)");
  module.def(
      "value_and_grad",
      [](const Function& f, const nb::object& wrt) { return value_and_grad(f, positions_of(f, wrt)); }, nb::arg("f"),
      nb::arg("wrt").none() = nb::none(), kValueAndGradHelp);
  module.def("jacobian", &jacobian_python, nb::arg("f"), nb::arg("wrt").none() = nb::none(), kJacobianHelp);
  module.def(
      "hessian", [](const Function& f, const nb::object& wrt) { return hessian(f, positions_of(f, wrt)); },
      nb::arg("f"), nb::arg("wrt").none() = nb::none(),
      R"(A Function of second derivatives: f's outputs, the first of which is a scalar, then a Hessian for each pair of `wrt`.

f       a Function of one sample's loss.
wrt     names of inputs, or Parameters; all inputs if left out. The Hessian by x and y has shape x.shape + y.shape.

It is one a sample, [batch, ...]. If both x and y are Parameters or shared inputs, it is summed over the batch, as gradients
are. It takes as many gradients as y has numbers.

>>> import costate, numpy as np
>>> f = costate.trace(lambda x: x[0] * x[0] * x[1], {"x": (2,)})
>>> costate.compile(costate.hessian(f))(np.array([3.0, 5.0]))[1]
array([[10.,  6.],
       [ 6.,  0.]])
)");
  module.def(
      "gradient",
      [](const Array& value, const nb::object& wrt) -> nb::object {
        std::vector<Array> arrays;
        const bool is_one = nb::isinstance<Array>(wrt) || nb::isinstance<Parameter>(wrt);
        if (is_one)  // an Array is a sequence too, of elements that value was not computed from
          arrays.push_back(to_array(wrt));
        else
          for (const nb::handle x : to_items(wrt, "an Array or a list of Arrays")) arrays.push_back(to_array(x));
        const std::vector<Array> gradients = gradient(value, arrays);
        return is_one ? nb::cast(gradients[0]) : nb::cast(gradients);
      },
      nb::arg("value"), nb::arg("wrt"),
      "Inside a trace: the gradient of a scalar with respect to an Array, or to each of a list of Arrays.");
}

}  // namespace costate::python
