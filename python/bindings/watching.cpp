#include "python/bindings/watching.h"

#include <vector>

namespace costate::python {
namespace {

/// A StepView that may be kept.
struct PythonStep {
  std::int64_t sample;
  double t, h, error;
  std::vector<double> state;
};

/// A callable that is told of steps, from a thread without Python's lock.
std::function<void(const StepView&)> step_call(const nb::object& call) {
  if (call.is_none()) return {};
  return [call](const StepView& step) {
    const nb::gil_scoped_acquire acquire;
    call(nb::cast(PythonStep{step.sample, step.t, step.h, step.error, {step.state.begin(), step.state.end()}}));
  };
}

}  // namespace

SolveWatch to_watch(const nb::object& on_step, const nb::object& on_accept, const nb::object& on_reject,
                    const nb::object& progress) {
  SolveWatch watch{.on_step = step_call(on_step),
                   .on_accept = step_call(on_accept),
                   .on_reject = step_call(on_reject),
                   .on_progress = {}};
  if (!progress.is_none())
    watch.on_progress = [progress](double part) {
      const nb::gil_scoped_acquire acquire;
      progress(part);
    };
  return watch;
}

void bind_step_view(nb::module_& module) {
  nb::class_<PythonStep>(module, "StepView",
                         "An attempted step of a sample, as on_step, on_accept and on_reject of solve hear of it.")
      .def_ro("sample", &PythonStep::sample)
      .def_ro("t", &PythonStep::t)
      .def_ro("h", &PythonStep::h, "Its size; negative backward in time.")
      .def_ro("error", &PythonStep::error, "In tolerances; 0 before the attempt, and of fixed steps.")
      .def_prop_ro(
          "state", [](const PythonStep& step) { return to_numpy(step.state); }, "[state] at t, flat.");
}

}  // namespace costate::python
