// Optimizers, schedules and losses.
#include "costate/train/optimizers.h"

#include "costate/exec/program.h"
#include "costate/train/losses.h"
#include "costate/train/schedules.h"
#include "python/bindings/bindings.h"
#include "python/bindings/keywords.h"
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

Evaluation mean_of_outputs(const nb::sequence& outputs, const nb::object& report) {
  RunResult result{.outputs = to_host_list(outputs), .report = {}};
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

nb::dict optimizer_state(const Optimizer& optimizer) {
  nb::dict state;
  for (const auto& [name, array] : optimizer.state()) state[name.c_str()] = to_numpy(array);
  return state;
}

void bind_schedules(nb::module_& module) {
  bind_options(module, "OptimizerOptions", optimizer_keywords(), R"(Which optimizer, and how it steps.

kind            'adam' (Kingma and Ba 2015), 'adamw' (Loshchilov and Hutter 2019), 'sgd' with momentum, or 'lbfgs' (Nocedal
                and Wright 2006), which wants all samples in each step.
beta1, beta2, epsilon  of Adam.
momentum        of SGD: v = momentum v + g, x -= rate v.
weight_decay    AdamW: x -= rate * weight_decay * x; others add weight_decay * x to the gradient.
clip_norm       gradients with a larger norm over all Parameters are scaled down to it; 0: none are.
history         L-BFGS: pairs that are kept.)");
  bind_options(module, "Schedule", schedule_keywords(), R"(The learning rate over the epochs, which learning_rate reads.

kind           'constant'; 'cosine', half a cosine from base to base * final_ratio; 'exponential', a constant factor an epoch;
               'step', a tenth after 3/8, 5/8 and 7/8 of the epochs each.
base           the rate that it begins with.
final_ratio    that of the last epoch to base.
warmup_epochs  the rate rises linearly over them before the schedule proper begins.)");
  module.def(
      "learning_rate", &learning_rate, nb::arg("schedule"), nb::arg("epoch"), nb::arg("epochs"),
      "The rate of epoch 0, ..., epochs - 1. InvalidArgument for a base or ratio that is not positive and finite.");
}

void bind_evaluation(nb::module_& module) {
  nb::class_<Evaluation>(
      module, "Evaluation", construct_by_init(),
      "The mean loss of some samples, and its gradient for each Parameter: what optimizers are told.")
      .def(
          "__init__",
          [](Evaluation* self, double loss, const nb::sequence& gradients) {
            new (self) Evaluation{.loss = loss, .gradients = to_host_list(gradients), .report = {}};
          },
          nb::arg("loss"), nb::arg("gradients"))
      .def_ro("loss", &Evaluation::loss)
      .def_prop_ro(
          "gradients", [](const Evaluation& one) { return to_numpy(one.gradients); },
          "One array a Parameter, in order.");
  module.def("mean_over_batch", &mean_of_outputs, nb::arg("outputs"), nb::arg("report").none() = nb::none(),
             R"(The Evaluation of a batch, from what a Program of value_and_grad gave.

outputs  of program(...): each sample's loss, then gradients summed over the batch.
report   of program.run(...), from which a history has its counts: mean_over_batch(*program.run(x)).
)");
}

void bind_optimizer(nb::module_& module) {
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
          R"(One step along the gradient.

evaluate       gives the Evaluation at the Parameters' current values; it is called once, by L-BFGS once more for each point of its
               line search.
learning_rate  the length of the step, in the optimizer's own sense.

ShapeError if the gradients are not one a Parameter, shaped like it.
)")
      .def("state", &optimizer_state,
           "All that the next step depends on besides the Parameters: a dict of arrays, for save.")
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
}

}  // namespace

Evaluation to_evaluation(nb::handle value) {
  if (!nb::isinstance<Evaluation>(value))
    throw CallError("evaluate must give a costate.Evaluation, as mean_over_batch(program(x)) is one; got ",
                    type_of(value), ".");
  return nb::cast<Evaluation>(value);
}

void bind_optimizers(nb::module_& module) {
  bind_schedules(module);
  bind_evaluation(module);
  bind_optimizer(module);
  bind_losses(module);
}

}  // namespace costate::python
