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

/// What `wrt` lists.
nb::iterable to_items(nb::handle wrt, const char* expected) {
  if (!nb::isinstance<nb::iterable>(wrt)) throw CallError("[wrt] expected ", expected, "; got ", type_of(wrt), ".");
  return nb::borrow<nb::iterable>(wrt);
}

std::vector<std::size_t> positions_of(const Function& function, const nb::object& wrt) {
  std::vector<std::size_t> positions;
  if (wrt.is_none()) return positions;
  const bool is_one = nb::isinstance<nb::str>(wrt) || nb::isinstance<Parameter>(wrt);
  constexpr const char* kExpected = "names of inputs and Parameters";
  for (const nb::handle item : is_one ? nb::object(nb::make_tuple(wrt)) : to_items(wrt, kExpected)) {
    if (!nb::isinstance<nb::str>(item) && !nb::isinstance<Parameter>(item))
      throw CallError("[wrt] expected ", kExpected, "; got ", type_of(item), ".");
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

RunResult run(const Program& program, const nb::args& inputs) {
  std::vector<HostArray> arrays;
  for (const nb::handle input : inputs) arrays.push_back(to_host(input));
  return run_long([&] { return program.run(arrays); });
}

nb::tuple outputs_of(const RunResult& result) {
  nb::list outputs;
  for (const HostArray& output : result.outputs) outputs.append(to_numpy(output));
  return nb::tuple(outputs);
}

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
      .def("__repr__", [](const Function& f) { return to_string(f); });

  nb::class_<Program>(module, "Program", "A Function made ready to run on batches of NumPy arrays.")
      .def(
          "__call__", [](const Program& program, const nb::args& inputs) { return outputs_of(run(program, inputs)); },
          "Outputs for a batch: one [batch, ...] array an input (shared inputs without the batch axis). Ctrl-C ends "
          "it.")
      .def(
          "run",
          [](const Program& program, const nb::args& inputs) {
            const RunResult result = run(program, inputs);
            return nb::make_tuple(outputs_of(result), report_of(result.report));
          },
          "The outputs and a report: evaluations, steps, and of each failed sample its row, the reason ('max_steps', "
          "'step_too_small', 'non_finite', 'invalid_times'), t and step where its solve ended, and advice. Such a "
          "sample counts nothing in gradients of what all samples share.");

  module.def("trace", &trace_python, nb::arg("f"), nb::arg("shapes"), nb::arg("shared") = std::vector<std::string>(),
             "Runs f once on Arrays of the given shapes (of one sample) and keeps what it did.");
  module.def(
      "compile",
      [](const Function& function, const std::string& dtype) {
        return compile(function, {.dtype = dtype_from_name(dtype)});
      },
      nb::arg("function"), nb::arg("dtype") = "f64", "Lowers a Function; dtype is 'f32' or 'f64'.");
  module.def(
      "vjp", [](const Function& f, const nb::object& wrt) { return vjp(f, positions_of(f, wrt)); }, nb::arg("f"),
      nb::arg("wrt").none() = nb::none(),
      "Reverse mode: takes f's inputs and one cotangent an output; gives f's outputs, then one cotangent an input.");
  module.def(
      "jvp", [](const Function& f, const nb::object& wrt) { return jvp(f, positions_of(f, wrt)); }, nb::arg("f"),
      nb::arg("wrt").none() = nb::none(),
      "Forward mode: takes f's inputs and one tangent an input; gives f's outputs, then one tangent an output. Of "
      "value_and_grad(loss): Hessian-vector products, through a solve too.");
  module.def(
      "value_and_grad",
      [](const Function& f, const nb::object& wrt) { return value_and_grad(f, positions_of(f, wrt)); }, nb::arg("f"),
      nb::arg("wrt").none() = nb::none(),
      "The outputs of f, the first of which is a scalar loss, then its gradient for each input (by name) or Parameter "
      "of wrt.");
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
