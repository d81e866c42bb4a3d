// Optimizers, schedules, losses and the training loop, whose callbacks are Python's.
#include "costate/train/train.h"

#include <nanobind/stl/filesystem.h>

#include <functional>
#include <span>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

Keywords<OptimizerOptions> optimizer_keywords() {
  using O = OptimizerOptions;
  return {choice("kind", &O::kind, optimizer_from_name),
          option("beta1", &O::beta1),
          option("beta2", &O::beta2),
          option("epsilon", &O::epsilon),
          option("momentum", &O::momentum),
          option("weight_decay", &O::weight_decay),
          option("clip_norm", &O::clip_norm),
          option("history", &O::history)};
}

Keywords<Schedule> schedule_keywords() {
  using O = Schedule;
  return {choice("kind", &O::kind, schedule_from_name), option("base", &O::base),
          option("final_ratio", &O::final_ratio), option("warmup_epochs", &O::warmup_epochs)};
}

/// nb::next_overload for what is neither a callable nor None.
void check_callback(nb::handle value) {
  if (!value.is_none() && PyCallable_Check(value.ptr()) == 0) throw nb::next_overload();
}

nb::dict row_of(const HistoryRow& row) {
  nb::dict out;
  for (const HistoryColumn& column : history_columns()) out[column.name] = row.*column.value;
  return out;
}

/// A callable that training calls, or None. It is copied and destroyed by those who hold the GIL.
template <class Call>
Keyword<TrainOptions> callback(std::string name, Call TrainOptions::*member, Call (*make)(nb::object)) {
  return {.name = std::move(name),
          .annotation = "collections.abc.Callable | None",
          .get = [](const TrainOptions&) { return nb::none(); },
          .set =
              [member, make](TrainOptions& options, nb::handle value) {
                check_callback(value);
                options.*member = value.is_none() ? Call() : make(nb::borrow(value));
              }};
}

std::function<void(const HistoryRow&)> make_on_epoch(nb::object function) {
  return [function](const HistoryRow& row) {
    const nb::gil_scoped_acquire acquire;
    function(row_of(row));
  };
}

std::function<bool()> make_should_stop(nb::object function) {
  return [function] {
    const nb::gil_scoped_acquire acquire;
    return nb::bool_(nb::object(function())).ptr() == Py_True;
  };
}

Keyword<TrainOptions> checkpoint_keyword() {
  return {.name = "checkpoint",
          .annotation = "str | os.PathLike",
          .get = [](const TrainOptions& options) { return nb::cast(options.checkpoint.string()); },
          .set = [](TrainOptions& options,
                    nb::handle value) { options.checkpoint = argument_as<std::filesystem::path>(value); }};
}

Keyword<TrainOptions> resume_keyword() {
  return {.name = "resume",
          .annotation = "bool",
          .get = [](const TrainOptions& options) { return nb::cast(options.resume == Resume::kYes); },
          .set = [](TrainOptions& options,
                    nb::handle value) { options.resume = argument_as<bool>(value) ? Resume::kYes : Resume::kNo; }};
}

Keywords<TrainOptions> train_keywords() {
  using O = TrainOptions;
  return {option("epochs", &O::epochs),
          option("batch", &O::batch),
          option("seed", &O::seed),
          instance("optimizer", &O::optimizer),
          instance("schedule", &O::schedule),
          option("polish", &O::polish),
          option("patience", &O::patience),
          checkpoint_keyword(),
          option("checkpoint_seconds", &O::checkpoint_seconds),
          option("fingerprint", &O::fingerprint),
          resume_keyword(),
          callback("on_epoch", &O::on_epoch, make_on_epoch),
          callback("should_stop", &O::should_stop, make_should_stop)};
}

Keywords<TrajectoryFitOptions> trajectory_keywords() {
  using O = TrajectoryFitOptions;
  const Keyword<O> dtype{.name = "dtype",
                         .annotation = "object",
                         .get = [](const O& options) { return nb::cast(name(options.dtype)); },
                         .set = [](O& options, nb::handle value) { options.dtype = to_dtype(value); }};
  return joined(joined({dtype}, of_member(train_keywords(), &O::train)), of_member(solve_keywords(), &O::solve));
}

Keywords<WindowOptions> window_keywords() {
  return {option("length", &WindowOptions::length), option("stride", &WindowOptions::stride)};
}

Evaluation to_evaluation(nb::handle value) {
  if (!nb::isinstance<Evaluation>(value))
    throw CallError("evaluate must give a costate.Evaluation, as mean_over_batch(program(x)) is one; got ",
                    type_of(value), ".");
  return nb::cast<Evaluation>(value);
}

std::vector<HostArray> to_arrays(const nb::sequence& values) {
  std::vector<HostArray> arrays;
  for (const nb::handle value : values) arrays.push_back(to_host(value).astype(Dtype::kF64));
  return arrays;
}

nb::list to_list(const std::vector<HostArray>& arrays) {
  nb::list out;
  for (const HostArray& array : arrays) out.append(to_numpy(array));
  return out;
}

Evaluation mean_of_outputs(const nb::sequence& outputs, const nb::object& report) {
  RunResult result{.outputs = to_arrays(outputs), .report = {}};
  if (result.outputs.empty())
    throw CallError("[mean_over_batch] outputs must be those of a Program of value_and_grad; got none.");
  if (nb::isinstance<nb::dict>(report)) result.report = to_report(nb::borrow<nb::dict>(report));
  return mean_over_batch(std::move(result));
}

std::map<std::string, HostArray> to_state(const nb::dict& state) {
  std::map<std::string, HostArray> arrays;
  for (const auto& [name, array] : state) arrays.emplace(to_name(name), to_host(array).astype(Dtype::kF64));
  return arrays;
}

nb::dict state_of(const Optimizer& optimizer) {
  nb::dict state;
  for (const auto& [name, array] : optimizer.state()) state[name.c_str()] = to_numpy(array);
  return state;
}

double number_of(nb::handle value) {
  double number = 0;
  if (!nb::try_cast(value, number)) throw CallError("validate must give a number; got ", type_of(value), ".");
  return number;
}

/// The callbacks are of the caller's frame, which outlives the training.
Objective make_objective(nb::handle parameters, std::size_t num_samples, const nb::callable& evaluate,
                         const nb::object& validate) {
  Objective objective{.parameters = to_parameters(parameters), .num_samples = num_samples, .evaluate = {}};
  objective.evaluate = [&evaluate](std::span<const std::size_t> samples) {
    const nb::gil_scoped_acquire acquire;
    return to_evaluation(evaluate(to_numpy(std::vector<std::int64_t>(samples.begin(), samples.end()))));
  };
  if (!validate.is_none())
    objective.validate = [&validate] {
      const nb::gil_scoped_acquire acquire;
      return number_of(validate());
    };
  return objective;
}

TrainResult train_python(nb::handle parameters, std::size_t num_samples, const nb::callable& evaluate,
                         const nb::object& validate, const nb::kwargs& keywords) {
  const TrainOptions options = from_keywords(train_keywords(), keywords);
  check_callback(validate);
  const Objective objective = make_objective(parameters, num_samples, evaluate, validate);
  return run_long([&] { return train(objective, options); });
}

TrajectoryWindows make_windows(nb::handle times, nb::handle states, const nb::sequence& arguments) {
  TrajectoryWindows windows{.times = to_host(times).astype(Dtype::kF64),
                            .states = to_host(states).astype(Dtype::kF64),
                            .arguments = to_arrays(arguments)};
  if (windows.states.shape().rank() != 3)
    throw ShapeError("[TrajectoryWindows] states must have shape [window, time, state]; got ", windows.states.shape(),
                     ".");
  return windows;
}

TrainResult fit_python(const nb::object& field, nb::handle parameters, const TrajectoryWindows& windows,
                       const nb::kwargs& keywords) {
  const TrajectoryFitOptions options = from_keywords(trajectory_keywords(), keywords);
  nb::dict shapes;
  for (const HostArray& argument : windows.arguments)
    shapes[nb::cast("arg" + std::to_string(shapes.size()))] =
        nb::tuple(nb::cast(without_first(argument.shape()).axes()));
  const VectorField traced = to_field("[fit_trajectories] field", field, Shape{windows.states.shape()[2]}, shapes);
  const std::vector<Parameter> trained = to_parameters(parameters);
  return run_long([&] { return fit_trajectories(traced, trained, windows, options); });
}

constexpr const char* kTrainOptions = R"(
epochs               how many, without those of polish.
batch                samples a step; 0: all.
seed                 of the order of the samples. Equal seeds give equal bits.
optimizer, schedule  OptimizerOptions and a Schedule.
polish               further epochs of L-BFGS on all samples, which reaches minima that Adam circles.
patience             stop after this many epochs without a better loss; 0: never.
checkpoint           path of a file that is written at least every checkpoint_seconds, and at the end; '': none.
fingerprint          a text that says what is trained; a checkpoint of another one is refused.
resume               go on from the checkpoint if there is one, to the same bits as without the break.
on_epoch             called after each epoch with a dict of the columns of the history.
should_stop          called after each epoch; training ends if it gives True.
)";

constexpr const char* kTrainHelp =
    R"(Trains Parameters on a loss of samples, in epochs of shuffled batches; they end at the best weights.

parameters           a Parameter, a list of them, or a net.
num_samples          how many there are.
evaluate             called with the numbers of a step's samples, an array of integers; gives an Evaluation.
validate             called after each epoch; gives the loss that decides which weights are best. None: the training loss.
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
windows     from cut_windows, or TrajectoryWindows of your own.
dtype       'f64' or 'f32', in which it computes.
)";

constexpr const char* kFitRest = R"(
The keywords of solve, such as method, rtol and adjoint, are taken, too. Gives a TrainResult. Ctrl-C ends it.
)";

void bind_optimizers(nb::module_& module) {
  bind_options(module, "OptimizerOptions", optimizer_keywords(), R"(Which optimizer, and how it steps.

kind            'adam' (Kingma and Ba 2015), 'adamw' (Loshchilov and Hutter 2019), 'sgd' with momentum, or 'lbfgs' (Nocedal
                and Wright 2006), which wants all samples in each step.
beta1, beta2, epsilon  of Adam.
momentum        of SGD: v = momentum v + g, x -= rate v.
weight_decay    AdamW: x -= rate * weight_decay * x; others add weight_decay * x to the gradient.
clip_norm       gradients with a larger norm over all Parameters are scaled down to it; 0: none are.
history         L-BFGS: pairs that are kept.)");
  bind_options(module, "Schedule", schedule_keywords(), R"(The learning rate over the epochs, which learning_rate reads.

kind           'constant'; 'cosine', half a cosine from base to base * final_ratio; 'exponential', a constant factor an epoch.
base           the rate that it begins with.
final_ratio    that of the last epoch to base.
warmup_epochs  the rate rises linearly over them before the schedule proper begins.)");
  module.def(
      "learning_rate", &learning_rate, nb::arg("schedule"), nb::arg("epoch"), nb::arg("epochs"),
      "The rate of epoch 0, ..., epochs - 1. InvalidArgument for a base or ratio that is not positive and finite.");
  nb::class_<Evaluation>(
      module, "Evaluation", construct_by_init(),
      "The mean loss of some samples, and its gradient for each Parameter: what optimizers are told.")
      .def(
          "__init__",
          [](Evaluation* self, double loss, const nb::sequence& gradients) {
            new (self) Evaluation{.loss = loss, .gradients = to_arrays(gradients), .report = {}};
          },
          nb::arg("loss"), nb::arg("gradients"))
      .def_ro("loss", &Evaluation::loss)
      .def_prop_ro(
          "gradients", [](const Evaluation& one) { return to_list(one.gradients); },
          "One array a Parameter, in order.");
  module.def("mean_over_batch", &mean_of_outputs, nb::arg("outputs"), nb::arg("report").none() = nb::none(),
             R"(The Evaluation of a batch, from what a Program of value_and_grad gave.

outputs  of program(...): each sample's loss, then gradients summed over the batch.
report   of program.run(...), from which a history has its counts: mean_over_batch(*program.run(x)).
)");
  nb::class_<StepResult>(module, "StepResult", "What a step of an optimizer did.")
      .def_ro("loss", &StepResult::loss, "Before the step.")
      .def_ro("gradient_norm", &StepResult::gradient_norm, "Before clipping.")
      .def_ro("was_skipped", &StepResult::was_skipped,
              "Loss or gradient were not finite, or L-BFGS found no lower point: nothing was changed.")
      .def_prop_ro(
          "report", [](const StepResult& step) { return report_of(step.report); },
          "As that of Program.run, of all evaluations.");
  nb::class_<Optimizer>(module, "Optimizer", construct_by_init(),
                        R"(Changes Parameters step by step, for a loop of your own.

parameters  a Parameter, a list of them, or a net.
options     OptimizerOptions; Adam if left out.)")
      .def(
          "__init__",
          [](Optimizer* self, nb::handle parameters, const OptimizerOptions& options) {
            new (self) Optimizer(options, to_parameters(parameters));
          },
          nb::arg("parameters"), nb::arg("options") = OptimizerOptions{})
      .def(
          "step",
          [](Optimizer& optimizer, const nb::callable& evaluate, double learning_rate) {
            return optimizer.step([&] { return to_evaluation(evaluate()); }, learning_rate);
          },
          nb::arg("evaluate"), nb::arg("learning_rate"),
          "One step. `evaluate` gives the Evaluation at the Parameters' current values; it is called once, by L-BFGS "
          "once "
          "more for each point of its line search. ShapeError if its gradients are not one a Parameter, shaped like "
          "it.")
      .def("state", &state_of, "All that the next step depends on besides the Parameters: a dict of arrays, for save.")
      .def(
          "set_state", [](Optimizer& optimizer, const nb::dict& state) { optimizer.set_state(to_state(state)); },
          nb::arg("state"), "Goes on from a state. DataError if it is not that of such an optimizer.");
}

void bind_losses(nb::module_& module) {
  module.def(
      "loss_sum",
      [](const std::string& loss, nb::handle prediction, nb::handle target, nb::handle mask) {
        return loss_sum(loss_from_name(loss), to_array(prediction), to_array(target), to_array(mask));
      },
      nb::arg("loss"), nb::arg("prediction"), nb::arg("target"), nb::arg("mask"),
      R"(Inside a trace: the sum of a loss over the cells where the mask is not 0, a scalar.

loss  'mse', 'mae', or 'huber': d^2 / 2 up to |d| = 1, |d| - 1/2 beyond (Huber 1964).

The three arrays have one shape. Where the mask is 0, prediction and target may be NaN; neither value nor gradient sees them.
)");
  module.def(
      "cross_entropy",
      [](nb::handle logits, nb::handle one_hot) { return cross_entropy(to_array(logits), to_array(one_hot)); },
      nb::arg("logits"), nb::arg("one_hot"),
      "Inside a trace: -log softmax(logits)[class], a scalar, for logits [n] and the class as a unit vector [n]. "
      "ShapeError if the shapes differ.");
}

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
      .def_prop_ro("arguments", [](const TrajectoryWindows& windows) { return to_list(windows.arguments); });
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
  const std::string fit =
      text::concat("def fit_trajectories(field: object, parameters: object, windows: ", name_of<TrajectoryWindows>(),
                   parameters_of(trajectory_keywords()), ") -> ", name_of<TrainResult>());
  module.def("fit_trajectories", &fit_python, nb::arg("field"), nb::arg("parameters"), nb::arg("windows"),
             nb::arg("options"), nb::sig(fit.c_str()), text::concat(kFitHelp, kTrainOptions + 1, kFitRest).c_str());
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
  bind_optimizers(module);
  bind_losses(module);
  nb::class_<TrainResult>(module, "TrainResult", "What training did.")
      .def_prop_ro(
          "history", [](const TrainResult& result) { return history_of(result.history); },
          "One array a column, one number an epoch.")
      .def_ro("best_epoch", &TrainResult::best_epoch, "That whose loss was lowest; -1 if none had a finite loss.")
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
      "def train(parameters: object, num_samples: int, evaluate: collections.abc.Callable, "
      "validate: collections.abc.Callable | None = None" +
      parameters_of(train_keywords()) + ") -> " + name_of<TrainResult>();
  module.def("train", &train_python, nb::arg("parameters"), nb::arg("num_samples"), nb::arg("evaluate"),
             nb::arg("validate").none() = nb::none(), nb::arg("options"), nb::sig(signature.c_str()),
             text::concat(kTrainHelp, kTrainOptions + 1, kTrainRest).c_str());
  bind_trajectory_fit(module);
}

}  // namespace costate::python
