// The training of classifiers, whose nets and inputs may be Python's.
#include "costate/train/classifier.h"

#include "python/bindings/bindings.h"
#include "python/bindings/train_keywords.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

Keywords<ClassifierFitOptions> classifier_fit_keywords() {
  using O = ClassifierFitOptions;
  return joined({dtype_keyword<O>()}, of_member(train_keywords(), &O::train));
}

/// The callables are of the caller's frame, which outlives the training.
TrainResult fit_classifier_python(const nb::callable& logits, nb::handle parameters, const LabelledInputs& data,
                                  const nb::object& inputs, const LabelledInputs* held, const nb::kwargs& keywords) {
  ClassifierFitOptions options = from_keywords(classifier_fit_keywords(), keywords);
  check_callback(inputs);
  const Classifier classifier{.logits =
                                  [&logits](const Array& x) {
                                    const nb::gil_scoped_acquire acquire;
                                    return to_array(logits(x));
                                  },
                              .parameters = to_parameters(parameters)};
  if (!inputs.is_none())
    options.inputs = [&inputs](const Batch& batch) {
      const nb::gil_scoped_acquire acquire;
      return to_host(inputs(samples_of(batch), batch.epoch));
    };
  if (held != nullptr) options.held = *held;
  return run_long([&] { return fit_classifier(classifier, data, options); });
}

constexpr const char* kHelp =
    R"(Trains a classifier on the mean of -log softmax(logits)[class]; where a solve is in it, too. It ends at the best weights, or at
the last.

logits      a callable, such as a net: inside a trace, from one sample's input to an Array [classes], the largest number for the
            class that it finds.
parameters  a Parameter, a list of them, or a net.
data        LabelledInputs.
inputs      called with the numbers of a step's samples, an array of integers, and the epoch; gives what is trained on in place of
            their inputs, [sample, ...], as by augmented. A training resumes to the bit if it depends on these alone.
held        other LabelledInputs: after an epoch, the share of them that is misclassified is its validation_loss, which decides
            on the best weights. With keep='last' it only watches, so that they may be those of a test.
dtype       'f32' or 'f64', in which it computes.
)";

constexpr const char* kRest = R"(
Gives a TrainResult, whose history has the share of the training samples that was misclassified, each at the weights before
its step. Ctrl-C, and whatever a callback raises, ends it.

>>> import costate
>>> points, classes = costate.concentric_circles(300, seed=1)
>>> net = costate.Mlp(2, [16], 2, activation="relu", seed=1)
>>> rings = costate.LabelledInputs(points, classes.argmax(axis=1))
>>> result = costate.fit_classifier(net, net, rings, epochs=30, batch=32, schedule=costate.Schedule(base=0.02))
>>> bool(result.history["misclassified"][-1] < 0.02)
True
)";

}  // namespace

void bind_classifier(nb::module_& module) {
  const std::string data = name_of<LabelledInputs>();
  const std::string signature =
      text::concat("def fit_classifier(logits: collections.abc.Callable, parameters: object, data: ", data,
                   ", inputs: collections.abc.Callable | None = None, held: ", data, " | None = None",
                   parameters_of(classifier_fit_keywords()), ") -> ", name_of<TrainResult>());
  module.def("fit_classifier", &fit_classifier_python, nb::arg("logits"), nb::arg("parameters"), nb::arg("data"),
             nb::arg("inputs").none() = nb::none(), nb::arg("held").none() = nb::none(), nb::arg("options"),
             nb::sig(signature.c_str()), text::concat(kHelp, kTrainOptionHelp, kRest).c_str());
}

}  // namespace costate::python
