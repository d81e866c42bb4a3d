// Programs that run forward now and in reverse later.
#include "costate/exec/pullback.h"

#include "costate/base/error.h"
#include "python/bindings/bindings.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

/// A Pullback, and what its calls from Python need of the run.
struct PythonPullback {
  PullbackProgram program;
  Pullback pullback;
  std::int64_t batch;
  bool is_single;
};

struct PythonRun {
  nb::tuple outputs;
  nb::dict report;
  PythonPullback pullback;
};

PythonRun run(const PullbackProgram& program, const nb::args& inputs) {
  const BatchInputs batch = to_batch(program.function(), inputs);
  PullbackRun result = run_long([&] { return program.run(batch.arrays); });
  const std::int64_t length = result.outputs.empty() ? 1 : result.outputs[0].shape()[0];
  nb::list outputs;
  for (HostArray& output : result.outputs) outputs.append(to_output(std::move(output), batch.is_single));
  return {.outputs = nb::tuple(outputs),
          .report = report_of(result.report),
          .pullback = {program, std::move(result.pullback), length, batch.is_single}};
}

/// One array an output; None is zeros.
std::vector<HostArray> to_cotangents(const PythonPullback& self, const nb::args& given) {
  const Function& function = self.program.function();
  std::vector<HostArray> cotangents;
  for (const nb::handle value : given) {
    const std::size_t i = cotangents.size();
    if (value.is_none() && i < function.outputs().size()) {
      cotangents.emplace_back(function.output_shape(i).with_first(self.batch));
      continue;
    }
    HostArray cotangent = to_host(value);
    cotangents.push_back(self.is_single ? with_batch_of_one(cotangent) : std::move(cotangent));
  }
  return cotangents;
}

struct PythonGradients {
  nb::tuple gradients;
  nb::dict report;
};

PythonGradients pull_back(const PythonPullback& self, const nb::args& given) {
  const std::vector<HostArray> cotangents = to_cotangents(self, given);
  PullbackResult result = run_long([&] { return self.pullback(cotangents); });
  nb::list gradients;
  for (std::size_t i = 0; i < result.gradients.size(); ++i) {
    const InputKind kind = self.program.function().inputs()[self.program.wrt()[i]].kind;
    gradients.append(to_output(std::move(result.gradients[i]), self.is_single && kind == InputKind::kSample));
  }
  return {.gradients = nb::tuple(gradients), .report = report_of(result.report)};
}

constexpr const char* kPullbackHelp =
    R"(The reverse of one run: takes one cotangent an output, gives a tuple of gradients.

Cotangents have the outputs' shapes, [batch, ...]; None stands for zeros. There is one gradient for each input that wrt names,
in its order: [batch, ...] for those of samples, summed over the batch for Parameters and shared inputs. They are at the
numbers that the run had: a Parameter may have another value by now. It may be called many times, with the same bits each
time, and from any thread; what the run recorded is freed with this object.)";

constexpr const char* kCompilePullbackHelp =
    R"(Makes a Function ready to run forward now and in reverse later, as a PullbackProgram.

function  from trace, vjp, jvp or jacobian; its outputs are one of each sample.
wrt       names of inputs, or Parameters, of which gradients are wanted; all inputs and Parameters if left out. Nothing is
          recorded for the others.
dtype     'f64' or 'f32', in which it computes; NumPy's names are taken, too.
lanes, device  as in compile.

Call it as a Program, with one array an input. It gives the tuple of outputs, and a Pullback, which has recorded what the
reverse needs: pullback(cotangent, ...) gives the gradients, with the same bits as vjp(function) in one go. Several runs may
wait for their reverse at a time. Of solves, all tiles of a run share memory_budget. Where no gradient is wanted, call a
Program of the same Function.

>>> import costate, numpy as np
>>> rate = costate.Parameter("rate", 2.0)
>>> f = costate.trace(lambda x: rate * x * x, {"x": ()})
>>> outputs, pullback = costate.compile_pullback(f)(np.array([1.0, 3.0]))
>>> outputs[0]
array([ 2., 18.])
>>> by_x, by_rate = pullback(np.array([1.0, 10.0]))
>>> by_x, float(by_rate)
(array([  4., 120.]), 91.0)
)";

}  // namespace

void bind_pullback(nb::module_& module) {
  nb::class_<PythonPullback>(module, "Pullback", kPullbackHelp)
      .def(
          "__call__",
          [](const PythonPullback& self, const nb::args& cotangents) { return pull_back(self, cotangents).gradients; },
          "A tuple of gradients from one cotangent an output. Ctrl-C ends it.")
      .def(
          "run",
          [](const PythonPullback& self, const nb::args& cotangents) {
            const PythonGradients found = pull_back(self, cotangents);
            return nb::make_tuple(found.gradients, found.report);
          },
          "The gradients and a report as that of Program.run, of the reverse alone.");

  nb::class_<PullbackProgram>(module, "PullbackProgram",
                              "A Function made ready to run forward on batches of NumPy arrays, and in reverse later.")
      .def_prop_ro(
          "wrt",
          [](const PullbackProgram& program) {
            std::vector<std::string> names;
            for (const std::size_t i : program.wrt()) names.push_back(program.function().inputs()[i].name);
            return names;
          },
          "The names of the inputs and Parameters of which a Pullback gives gradients.")
      .def(
          "__call__",
          [](const PullbackProgram& program, const nb::args& inputs) {
            PythonRun result = run(program, inputs);
            return nb::make_tuple(result.outputs, std::move(result.pullback));
          },
          "The tuple of outputs for a batch, as Program gives it, and the Pullback of this run. Ctrl-C ends it.")
      .def(
          "run",
          [](const PullbackProgram& program, const nb::args& inputs) {
            PythonRun result = run(program, inputs);
            return nb::make_tuple(result.outputs, result.report, std::move(result.pullback));
          },
          "The outputs, a report as that of Program.run, and the Pullback.");

  module.def(
      "compile_pullback",
      [](const Function& function, const nb::object& wrt, const nb::object& dtype, std::size_t lanes,
         const std::string& device) {
        return compile_pullback(function, {.wrt = positions_of(function, wrt),
                                           .dtype = to_dtype(dtype),
                                           .lanes = lanes,
                                           .device = device_from_name(device)});
      },
      nb::arg("function"), nb::arg("wrt").none() = nb::none(), nb::kw_only(), nb::arg("dtype") = "f64",
      nb::arg("lanes") = 0, nb::arg("device") = "cpu", kCompilePullbackHelp);
}

}  // namespace costate::python
