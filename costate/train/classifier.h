// Training of classifiers: from inputs and their classes to Parameters, and what a trained one gets wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "costate/array/labelled_inputs.h"
#include "costate/exec/program.h"
#include "costate/graph/array.h"
#include "costate/train/loop.h"

namespace costate {

/// A net that gives one number for each class, the largest for the class that it finds. Solves may be anywhere in it.
struct Classifier {
  std::function<Array(const Array&)> logits;  // of one sample's input, [classes]
  std::vector<Parameter> parameters;
};

struct ClassifierFitOptions {
  TrainOptions train = {};
  Dtype dtype = Dtype::kF32;
  /// What a batch is trained on in place of its own samples of the data, such as shifted images; empty: these. A
  /// training resumes to the bit if it depends on the batch alone.
  std::function<HostArray(const Batch& batch)> inputs = {};
  /// Other samples: after an epoch, the share of them that is misclassified is its validation_loss, by which
  /// Keep::kBest chooses. Keep::kLast only watches, so that they may be those of the test. Empty: none.
  LabelledInputs held = {};
};

/// Trains on the mean cross-entropy -log softmax(logits)[class]. The history has the share of the training samples that
/// was misclassified, each at the weights before its step; a sample whose solve fails is.
///
/// Throws as train; ShapeError if there is not one label for each input, logits are no vector, or `inputs` gives
/// another shape; DataError for a label that is no class of the net's, or an input that is not finite.
TrainResult fit_classifier(const Classifier& classifier, const LabelledInputs& data,
                           const ClassifierFitOptions& options = {});

/// What a classifier does to a set of samples.
struct ClassifierScore {
  double loss = 0;           // mean cross-entropy
  double misclassified = 0;  // share of the samples whose class has not the largest number of all, alone
  RunReport report = {};
};

/// A classifier compiled to be scored, as often as its Parameters change.
class ClassifierScorer {
 public:
  /// `input`: the shape of a sample's input.
  ClassifierScorer(const Classifier& classifier, const Shape& input, Dtype dtype = Dtype::kF32);

  /// At the Parameters' current values. Throws as fit_classifier.
  ClassifierScore operator()(const LabelledInputs& data) const;

 private:
  std::int64_t classes_;
  Program program_;
};

}  // namespace costate
