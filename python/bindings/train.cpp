// The training loop, whose callbacks are Python's, and fits to trajectories.
#include "costate/train/train.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>

#include <optional>

#include "costate/base/error.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"
#include "python/bindings/train_keywords.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

Keywords<TrajectoryFitOptions> trajectory_keywords() {
  using O = TrajectoryFitOptions;
  return joined(joined({dtype_keyword<O>(), choice("device", &O::device, device_from_name)},
                       of_member(train_keywords(), &O::train)),
                of_member(solve_keywords(), &O::solve));
}

Keywords<WindowOptions> window_keywords() {
  return {option("length", &WindowOptions::length), option("stride", &WindowOptions::stride)};
}

double number_of(nb::handle value) {
  double number = 0;
  if (!nb::try_cast(value, number)) throw CallError("validate must give a number; got ", type_of(value), ".");
  return number;
}

/// The callbacks are of the caller's frame, which outlives the training.
Objective make_objective(nb::handle parameters, std::optional<std::int64_t> num_samples, const nb::callable& evaluate,
                         const nb::object& validate) {
  const bool is_endless = !num_samples;
  if (num_samples && *num_samples < 1)
    throw InvalidArgument("[train] num_samples must be at least 1, or None for a stream; got ", *num_samples, ".");
  Objective objective{.parameters = to_parameters(parameters),
                      .num_samples = is_endless ? kEndless : static_cast<std::size_t>(*num_samples)};
  objective.evaluate = [&evaluate, is_endless](const Batch& batch) {
    const nb::gil_scoped_acquire acquire;
    if (is_endless) return to_evaluation(evaluate(batch.step));
    return to_evaluation(evaluate(samples_of(batch)));
  };
  if (!validate.is_none())
    objective.validate = [&validate] {
      const nb::gil_scoped_acquire acquire;
      return number_of(validate());
    };
  return objective;
}

TrainResult train_python(nb::handle parameters, std::optional<std::int64_t> num_samples, const nb::callable& evaluate,
                         const nb::object& validate, const nb::kwargs& keywords) {
  const TrainOptions options = from_keywords(train_keywords(), keywords);
  check_callback(validate);
  const Objective objective = make_objective(parameters, num_samples, evaluate, validate);
  return run_long([&] { return train(objective, options); });
}

TrajectoryWindows make_windows(nb::handle times, nb::handle states, const nb::sequence& arguments) {
  TrajectoryWindows windows{.times = to_host(times).astype(Dtype::kF64),
                            .states = to_host(states).astype(Dtype::kF64),
                            .arguments = to_host_list(arguments)};
  if (windows.states.shape().rank() != 3)
    throw ShapeError("[TrajectoryWindows] states must have shape [window, time, state]; got ", windows.states.shape(),
                     ".");
  return windows;
}

TrainResult fit_mapped(const nb::object& field, nb::handle parameters, const MappedWindows& windows,
                       const TrajectoryFitOptions& options) {
  const VectorField traced = to_field("[fit_trajectories] field", field, Shape{windows.num_states()}, nb::dict());
  const std::vector<Parameter> trained = to_parameters(parameters);
  return run_long([&] { return fit_trajectories(traced, trained, windows, options); });
}

TrainResult fit_python(const nb::object& field, nb::handle parameters, nb::handle given, const nb::kwargs& keywords) {
  const TrajectoryFitOptions options = from_keywords(trajectory_keywords(), keywords);
  if (nb::isinstance<MappedWindows>(given))
    return fit_mapped(field, parameters, nb::cast<const MappedWindows&>(given), options);
  if (!nb::isinstance<TrajectoryWindows>(given))
    throw CallError("[fit_trajectories] windows must be TrajectoryWindows or MappedWindows; got ", type_of(given),
                    ". cut_windows makes them of an array.");
  const auto& windows = nb::cast<const TrajectoryWindows&>(given);
  nb::dict shapes;
  for (const HostArray& argument : windows.arguments)
    shapes[nb::cast("arg" + std::to_string(shapes.size()))] =
        nb::tuple(nb::cast(without_first(argument.shape()).axes()));
  const VectorField traced = to_field("[fit_trajectories] field", field, Shape{windows.states.shape()[2]}, shapes);
  const std::vector<Parameter> trained = to_parameters(parameters);
  return run_long([&] { return fit_trajectories(traced, trained, windows, options); });
}

constexpr const char* kTrainHelp =
    R"(Trains Parameters on a loss of samples, in epochs of shuffled batches; they end at the best weights, or at the last.

parameters           a Parameter, a list of them, or a net.
num_samples          how many there are. None: a stream without end, of which an epoch is one step.
evaluate             called with the numbers of a step's samples, an array of integers; of a stream, with the number of the
                     step, by which it draws fresh samples. Gives an Evaluation.
validate             called after each epoch; gives the loss that decides which weights are best. None: the training loss;
                     of a stream, the last weights count.
)";

constexpr const char* kTrainRest = R"(
Gives a TrainResult. Ctrl-C, and whatever a callback raises, ends it: the Parameters are left as they are then, and the checkpoint
is the last one written.

>>> import costate, numpy as np
>>> slope = costate.Parameter("slope", 0.0)
>>> x = np.linspace(0, 1, 20)
>>> loss = costate.trace(lambda x, y: costate.square(slope * x - y), {"x": (), "y": ()})
>>> program = costate.compile(costate.value_and_grad(loss, wrt=slope))
>>> evaluate = lambda rows: costate.mean_over_batch(*program.run(x[rows], 3 * x[rows]))
>>> result = costate.train(slope, 20, evaluate, epochs=5, polish=5)
>>> bool(abs(slope.value - 3) < 1e-6)
True
)";

constexpr const char* kFitHelp =
    R"(Trains Parameters on windows of trajectories: the mean square difference of a solve from each window's first state to
its further states. A window whose solve fails makes its step's loss NaN, and the step is skipped. For noisy starts, units and
hold-outs see fit.

field       f(t, z, ...) on Arrays, or a VectorField; it takes the windows' arguments behind z.
parameters  a Parameter, a list of them, or a net.
windows     from cut_windows, TrajectoryWindows of your own, or MappedWindows of a file larger than memory.
dtype       'f64' or 'f32', in which it computes.
device      'cpu'; or 'cuda', experimental, with gradient_steps='off': where the solves run (docs/gpu.md).
)";

constexpr const char* kFitRest = R"(
The keywords of solve, such as method, rtol and adjoint, are taken, too. Gives a TrainResult. Ctrl-C ends it.
)";

void bind_trajectory_fit(nb::module_& module) {
  nb::class_<TrajectoryWindows>(module, "TrajectoryWindows", construct_by_init(),
                                R"(Stretches of trajectories, for fit_trajectories.

times      [time], the same for all, or [window, time].
states     [window, time, state]; the first ones are the starts.
arguments  of the field, one a window: [window, ...] each.)")
      .def(
          "__init__",
          [](TrajectoryWindows* self, nb::handle times, nb::handle states, const nb::sequence& arguments) {
            new (self) TrajectoryWindows(make_windows(times, states, arguments));
          },
          nb::arg("times"), nb::arg("states"), nb::arg("arguments") = nb::tuple())
      .def_prop_ro("times", [](const TrajectoryWindows& windows) { return to_numpy(windows.times); })
      .def_prop_ro("states", [](const TrajectoryWindows& windows) { return to_numpy(windows.states); })
      .def_prop_ro("arguments", [](const TrajectoryWindows& windows) { return to_numpy(windows.arguments); });
  const std::string windows = "def cut_windows(states: object, spacing: float" + parameters_of(window_keywords()) +
                              ") -> " + name_of<TrajectoryWindows>();
  module.def(
      "cut_windows",
      [](nb::handle states, double spacing, const nb::kwargs& options) {
        return cut_windows(to_host(states).astype(Dtype::kF64), spacing, from_keywords(window_keywords(), options));
      },
      nb::arg("states"), nb::arg("spacing"), nb::arg("options"), nb::sig(windows.c_str()),
      R"(Windows of trajectories that were sampled at even times; the times of each window begin at 0.

states   [trajectory, time, state].
spacing  the time from one sample to the next.
length   samples of a window.
stride   samples from one window's start to the next; 0: length - 1, so that ends meet.

InvalidArgument if a trajectory is shorter than a window.
)");
  const std::string mapped = "def __init__(self, path: str | os.PathLike, spacing: float, name: str = ''" +
                             parameters_of(window_keywords()) + ") -> None";
  nb::class_<MappedWindows>(module, "MappedWindows",
                            R"(Windows of trajectories in a file that may be larger than memory.

A batch's windows are read from the disk when it is trained on; epochs go through the file by stretches of some megabytes.)")
      .def(
          "__init__",
          [](MappedWindows* self, const std::filesystem::path& path, double spacing, const std::string& name,
             const nb::kwargs& options) {
            new (self) MappedWindows(MappedArray(path, name), spacing, from_keywords(window_keywords(), options));
          },
          nb::arg("path"), nb::arg("spacing"), nb::arg("name") = "", nb::arg("options"), nb::sig(mapped.c_str()),
          R"(path     of a .npy file [trajectory, time, state] or [time, state] of float32 or float64, or of a .npz file that stores it.
spacing  the time from one sample to the next.
name     of the array in a .npz file.
length, stride  as in cut_windows.
)")
      .def("__len__", &MappedWindows::count)
      .def_prop_ro("times", [](const MappedWindows& windows) { return to_numpy(windows.times()); });
  const std::string fit = text::concat(
      "def fit_trajectories(field: object, parameters: object, windows: ", name_of<TrajectoryWindows>(), " | ",
      name_of<MappedWindows>(), parameters_of(trajectory_keywords()), ") -> ", name_of<TrainResult>());
  module.def("fit_trajectories", &fit_python, nb::arg("field"), nb::arg("parameters"), nb::arg("windows"),
             nb::arg("options"), nb::sig(fit.c_str()), text::concat(kFitHelp, kTrainOptionHelp, kFitRest).c_str());
}

nb::tuple train_state(const TrainResult& result) {
  return nb::make_tuple(rows_of(result.history), result.best_epoch, result.best_loss, static_cast<int>(result.reason));
}

void set_train_state(TrainResult& result, const nb::tuple& state) {
  new (&result) TrainResult{.history = to_rows(state[0]),
                            .best_epoch = nb::cast<std::int64_t>(state[1]),
                            .best_loss = nb::cast<double>(state[2]),
                            .reason = static_cast<StopReason>(nb::cast<int>(state[3]))};
}

}  // namespace

void bind_train(nb::module_& module) {
  nb::class_<TrainResult>(module, "TrainResult", "What training did.")
      .def_prop_ro(
          "history", [](const TrainResult& result) { return history_of(result.history); },
          "One array a column, one number an epoch.")
      .def_ro("best_epoch", &TrainResult::best_epoch,
              "Of the weights that were kept: that whose loss was lowest, or the last; -1 if none had a finite loss.")
      .def_ro("best_loss", &TrainResult::best_loss)
      .def_prop_ro(
          "reason", [](const TrainResult& result) { return name(result.reason); },
          "Why it ended: 'epochs', 'patience', 'asked' or, of the polish, 'converged'.")
      .def("__repr__",
           [](const TrainResult& result) {
             return text::concat("TrainResult(", result.history.size(), " epochs, best_loss=", result.best_loss,
                                 ", reason='", name(result.reason), "')");
           })
      .def("__getstate__", &train_state)
      .def("__setstate__", &set_train_state);
  const std::string signature =
      "def train(parameters: object, num_samples: int | None, evaluate: collections.abc.Callable, "
      "validate: collections.abc.Callable | None = None" +
      parameters_of(train_keywords()) + ") -> " + name_of<TrainResult>();
  module.def("train", &train_python, nb::arg("parameters"), nb::arg("num_samples").none(), nb::arg("evaluate"),
             nb::arg("validate").none() = nb::none(), nb::arg("options"), nb::sig(signature.c_str()),
             text::concat(kTrainHelp, kTrainOptionHelp, kTrainRest).c_str());
  bind_trajectory_fit(module);
}

}  // namespace costate::python
