// One traced function of a sample serves training and scoring: its cross-entropy, and 1 where it is misclassified.
#include "costate/train/classifier.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/graph/softmax.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

/// Numbers 0, 1, … of the classes.
Array class_numbers(std::int64_t count) { return constant(HostArray::evenly_spaced(0, 1, count)); }

/// 0 if the class has the largest number, alone; 1 otherwise, and where a number is NaN.
Array is_misclassified(const Array& logits, const Array& one_hot) {
  const Array found = sum(where(one_hot, logits, 0.0));
  return 1.0 - equal(sum(logits >= found), 1.0);
}

/// Inputs: x and the number of its class. Outputs: the cross-entropy and is_misclassified.
Function loss_of(const Classifier& classifier, const Shape& input) {
  return trace(
      [&](Array x, Array label) {
        const Array logits = classifier.logits(x);
        const Array one_hot = equal(class_numbers(logits.shape()[0]), label);
        return std::vector<Array>{cross_entropy(logits, label), is_misclassified(logits, one_hot)};
      },
      {{"x", input}, {"label", {}}});
}

/// How many classes the logits have, from a trace of its own. ShapeError if they are no vector.
std::int64_t num_classes(const Classifier& classifier, const Shape& input) {
  const Shape logits = trace([&](Array x) { return classifier.logits(x); }, {{"x", input}}).output_shape(0);
  if (logits.rank() != 1) throw ShapeError("[fit_classifier] logits must be [classes]; got ", logits, ".");
  return logits.size();
}

template <class T>
std::int64_t place_not_finite(const HostArray& inputs) {
  const std::span<const T> numbers = inputs.data<T>();
  return std::ranges::find_if_not(numbers, [](T number) { return std::isfinite(number); }) - numbers.begin();
}

/// `sample_of`: which sample of the data a row is.
template <class SampleOf>
void check_finite(const HostArray& inputs, const SampleOf& sample_of) {
  const std::int64_t place =
      inputs.dtype() == Dtype::kF32 ? place_not_finite<float>(inputs) : place_not_finite<double>(inputs);
  if (place == inputs.size()) return;
  const std::int64_t width = inputs.shape().without_first().size();
  throw DataError("[fit_classifier] inputs must be finite; number ", place % width, " of sample ",
                  sample_of(place / width), " is ", inputs.at(place), ". Fill it in, or leave the sample out.");
}

/// Data of a net that takes inputs of shape `input` and knows so many classes.
void check_data(const LabelledInputs& data, const Shape& input, std::int64_t classes) {
  const Shape &inputs = data.inputs.shape(), &labels = data.labels.shape();
  if (inputs.rank() == 0 || labels.rank() != 1 || inputs[0] != labels[0])
    throw ShapeError("[fit_classifier] there must be a label for each input; got inputs ", inputs, " and labels ",
                     labels, ".");
  if (!(inputs.without_first() == input))
    throw ShapeError("[fit_classifier] inputs must have shape [sample] + ", input, ", which the net reads; got ",
                     inputs, ".");
  for (std::int64_t i = 0; i < data.count(); ++i) {
    const double label = data.labels.at(i);
    if (!(label >= 0 && label < static_cast<double>(classes)) || std::floor(label) != label)
      throw DataError("[fit_classifier] labels must be whole numbers from 0 to ", classes - 1, ", the net's classes; ",
                      "that of sample ", i, " is ", label, ".");
  }
  check_finite(data.inputs, [](std::int64_t sample) { return sample; });
}

/// What a batch is trained on. ShapeError if the options give something that is no input of each sample.
HostArray inputs_of(const Batch& batch, const HostArray& all, const ClassifierFitOptions& options) {
  if (!options.inputs) return take_rows(all, batch.samples);
  HostArray given = options.inputs(batch);
  const Shape wanted = all.shape().without_first().with_first(std::ssize(batch.samples));
  if (!(given.shape() == wanted))
    throw ShapeError("[fit_classifier] the inputs that a batch is trained on must have shape ", wanted, "; got ",
                     given.shape(), ".");
  check_finite(
      given, [&](std::int64_t row) { return static_cast<std::int64_t>(batch.samples[static_cast<std::size_t>(row)]); });
  return given;
}

}  // namespace

TrainResult fit_classifier(const Classifier& classifier, const LabelledInputs& data,
                           const ClassifierFitOptions& options) {
  const Shape input = data.inputs.shape().without_first();
  check_data(data, input, num_classes(classifier, input));
  const Program program =
      compile(value_and_grad(loss_of(classifier, input), classifier.parameters), {.dtype = options.dtype});
  Objective objective{.parameters = classifier.parameters, .num_samples = static_cast<std::size_t>(data.count())};
  objective.evaluate = [&](const Batch& batch) {
    RunResult result = program.run({inputs_of(batch, data.inputs, options), take_rows(data.labels, batch.samples)});
    const double misclassified = result.outputs[1].mean();
    result.outputs.erase(result.outputs.begin() + 1);
    Evaluation evaluation = mean_over_batch(std::move(result));
    evaluation.misclassified = misclassified;
    return evaluation;
  };
  if (options.held.count() == 0) return train(objective, options.train);
  const ClassifierScorer score(classifier, input, options.dtype);
  objective.validate = [&] { return score(options.held).misclassified; };
  return train(objective, options.train);
}

ClassifierScorer::ClassifierScorer(const Classifier& classifier, const Shape& input, Dtype dtype)
    : classes_(num_classes(classifier, input)), program_(compile(loss_of(classifier, input), {.dtype = dtype})) {}

ClassifierScore ClassifierScorer::operator()(const LabelledInputs& data) const {
  check_data(data, program_.function().inputs()[0].shape, classes_);
  RunResult result = program_.run({data.inputs, data.labels});
  return {
      .loss = result.outputs[0].mean(), .misclassified = result.outputs[1].mean(), .report = std::move(result.report)};
}

}  // namespace costate
