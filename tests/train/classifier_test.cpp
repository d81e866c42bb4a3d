#include "costate/train/classifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/array/take_rows.h"
#include "costate/base/random.h"
#include "costate/solve/solve.h"
#include "costate/solve/vector_field.h"
#include "costate/train/checkpoint.h"
#include "tests/io/scratch.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::Scratch;

/// A linear map from the plane to three classes.
struct Sectors {
  Parameter w{"w", HostArray(Shape{3, 2})}, b{"b", HostArray(Shape{3})};

  Classifier classifier() const {
    return {.logits = [this](const Array& x) { return matmul(w, x) + b; }, .parameters = {w, b}};
  }
};

/// Points of the plane, each of the class whose sector of 120 degrees it lies in.
LabelledInputs sectors(std::int64_t count, std::uint64_t seed) {
  LabelledInputs data{HostArray(Shape{count, 2}), HostArray(Shape{count})};
  const Random random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    const double turn = random.uniform(0, static_cast<std::uint64_t>(i), 0, 3);
    data.labels.set(i, std::floor(turn));
    data.inputs.set({i, 0}, std::cos(turn * 2 * M_PI / 3));
    data.inputs.set({i, 1}, std::sin(turn * 2 * M_PI / 3));
  }
  return data;
}

ClassifierFitOptions options_of(std::int64_t epochs) {
  return {.train = {.epochs = epochs,
                    .batch = 32,
                    .optimizer = {.kind = OptimizerKind::kSgd},
                    .schedule = {.kind = ScheduleKind::kStep, .base = 0.5},
                    .keep = Keep::kLast},
          .dtype = Dtype::kF64};
}

TEST(Classifier, LearnsSectors) {
  const Sectors net;
  ClassifierFitOptions options = options_of(40);
  options.held = sectors(500, 2);
  const TrainResult result = fit_classifier(net.classifier(), sectors(300, 1), options);
  const ClassifierScore score = ClassifierScorer(net.classifier(), {2}, Dtype::kF64)(options.held);
  EXPECT_LT(score.misclassified, 0.02);
  EXPECT_EQ(result.history.back().validation_loss, score.misclassified);
  EXPECT_LT(result.history.back().misclassified, 0.02);
  EXPECT_EQ(result.history.front().learning_rate, 0.5);
  EXPECT_NEAR(result.history.back().learning_rate, 0.0005, 1e-15);
}

TEST(Classifier, ScoresAreThoseOfPlainLoops) {
  const Sectors net;
  net.w.set_value(HostArray(Shape{3, 2}, std::vector<double>{1, -2, 0.5, 3, -1, 0.25}));
  const LabelledInputs data = sectors(50, 3);
  double loss = 0;
  int wrong = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    double logits[3], total = 0;
    for (std::int64_t k = 0; k < 3; ++k) {
      logits[k] = net.w.value()(k, 0) * data.inputs(i, 0) + net.w.value()(k, 1) * data.inputs(i, 1);
      total += std::exp(logits[k]);
    }
    const auto label = static_cast<std::int64_t>(data.labels.at(i));
    loss += (std::log(total) - logits[label]) / 50;
    for (std::int64_t k = 0; k < 3; ++k)
      if (k != label && logits[k] >= logits[label]) {
        ++wrong;
        break;
      }
  }
  const ClassifierScore score = ClassifierScorer(net.classifier(), {2}, Dtype::kF64)(data);
  EXPECT_NEAR(score.loss, loss, 1e-14);
  EXPECT_GT(wrong, 5);
  EXPECT_EQ(score.misclassified, wrong / 50.0);
}

TEST(Classifier, TheFirstStepsLossAndErrorAreTheScore) {
  const Sectors net, same;
  net.w.set_value(HostArray(Shape{3, 2}, std::vector<double>{1, -2, 0.5, 3, -1, 0.25}));
  same.w.set_value(net.w.value());
  const LabelledInputs data = sectors(60, 4);
  ClassifierFitOptions options = options_of(1);
  options.train.batch = 0;
  const TrainResult result = fit_classifier(net.classifier(), data, options);
  const ClassifierScore score = ClassifierScorer(same.classifier(), {2}, Dtype::kF64)(data);
  EXPECT_NEAR(result.history[0].loss, score.loss, 1e-14);
  EXPECT_EQ(result.history[0].misclassified, score.misclassified);
}

TEST(Classifier, TiesAndNumbersThatAreNoneAreMisclassified) {
  const Sectors net;  // all logits are 0
  const ClassifierScorer score(net.classifier(), {2}, Dtype::kF64);
  EXPECT_EQ(score(sectors(9, 5)).misclassified, 1);
  net.b.set_value(HostArray::vector({std::numeric_limits<double>::quiet_NaN(), 0, 1}));
  EXPECT_EQ(score({HostArray(Shape{1, 2}), HostArray::vector({0.0})}).misclassified, 1);
}

/// Inputs that are disturbed anew in each epoch.
ClassifierFitOptions disturbed(const LabelledInputs& data) {
  ClassifierFitOptions options = options_of(10);
  options.inputs = [&data](const Batch& batch) {
    HostArray inputs = take_rows(data.inputs, batch.samples);
    const Random random(9);
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      inputs.set({row, 0},
                 inputs(row, 0) + 0.3 * random.normal(static_cast<std::uint64_t>(batch.epoch), batch.samples[i]));
    }
    return inputs;
  };
  return options;
}

TEST(Classifier, KilledAndResumedGivesTheSameBits) {
  const LabelledInputs data = sectors(100, 1), held = sectors(40, 2);
  ClassifierFitOptions options = disturbed(data);
  options.held = held;
  const Sectors straight;
  const TrainResult expected = fit_classifier(straight.classifier(), data, options);
  for (const int killed_at : {0, 4, 8}) {
    const Scratch folder;
    options.train.checkpoint = folder / "checkpoint";
    options.train.checkpoint_seconds = 0;
    options.train.resume = Resume::kYes;
    options.train.on_epoch = [&](const HistoryRow& row) {
      if (row.epoch == killed_at) throw std::runtime_error("killed");
    };
    const Sectors first, second;
    EXPECT_THROW(fit_classifier(first.classifier(), data, options), std::runtime_error);
    options.train.on_epoch = {};
    const TrainResult result = fit_classifier(second.classifier(), data, options);
    EXPECT_TRUE(second.w.value().same_bits(straight.w.value())) << "killed at " << killed_at;
    EXPECT_TRUE(second.b.value().same_bits(straight.b.value()));
    ASSERT_EQ(result.history.size(), expected.history.size());
    for (std::size_t i = 0; i < result.history.size(); ++i) {
      EXPECT_EQ(result.history[i].loss, expected.history[i].loss);
      EXPECT_EQ(result.history[i].misclassified, expected.history[i].misclassified);
      EXPECT_EQ(result.history[i].validation_loss, expected.history[i].validation_loss);
    }
  }
}

TEST(Classifier, InputsOfABatchArePutInPlaceOfItsSamples) {
  const LabelledInputs data = sectors(100, 1);
  const Sectors plain, noisy;
  fit_classifier(plain.classifier(), data, options_of(10));
  fit_classifier(noisy.classifier(), data, disturbed(data));
  EXPECT_FALSE(noisy.w.value().same_bits(plain.w.value()));
}

TEST(Classifier, ASolveInItCountsItsEvaluations) {
  const Sectors net;
  const Parameter rate("rate", HostArray::vector({0.3}));
  const auto logits = [&](const Array& x) {
    const VectorField turn = vector_field({2}, [&](Array, Array z) {
      return rate * concat({-z.slice(1, 2), z.slice(0, 1)});
    });
    const Array turned =
        solve(turn, x, constant(HostArray::vector({0, 1})), {.method = Method::kRk4, .steps_per_interval = 5});
    return matmul(net.w, turned[1]) + net.b;
  };
  const Classifier classifier{.logits = logits, .parameters = {net.w, net.b, rate}};
  const LabelledInputs data = sectors(20, 1);
  const TrainResult result = fit_classifier(classifier, data, options_of(1));
  const ClassifierScore score = ClassifierScorer(classifier, {2})(data);
  EXPECT_EQ(score.report.nfe_forward, 20 * 4 * 5);
  EXPECT_EQ(score.report.nfe_backward, 0);
  EXPECT_GE(result.history[0].nfe_forward, 20 * 4 * 5);
  EXPECT_GT(result.history[0].nfe_backward, 0);
}

TEST(Classifier, TheLastWeightsAreKeptUnlessTheBestAreAskedFor) {
  const LabelledInputs data = sectors(64, 1);
  LabelledInputs wrong = sectors(64, 1);  // of which the untrained net knows more than the trained one
  for (std::int64_t i = 0; i < 64; ++i) wrong.labels.set(i, std::fmod(wrong.labels.at(i) + 1, 3));
  ClassifierFitOptions options = options_of(5);
  options.held = wrong;
  const Sectors last, best;
  EXPECT_EQ(fit_classifier(last.classifier(), data, options).best_epoch, 4);
  options.train.keep = Keep::kBest;
  const TrainResult result = fit_classifier(best.classifier(), data, options);
  double least = 1;
  for (const HistoryRow& row : result.history) least = std::min(least, row.validation_loss);
  EXPECT_EQ(result.best_loss, least);
  EXPECT_EQ(result.history[static_cast<std::size_t>(result.best_epoch)].validation_loss, least);
}

TEST(Classifier, BadDataAreNamed) {
  const Sectors net;
  LabelledInputs data = sectors(10, 1);
  data.labels.set(7, 3);
  EXPECT_ERROR(fit_classifier(net.classifier(), data), DataError,
               "labels must be whole numbers from 0 to 2, the net's classes; that of sample 7 is 3");
  EXPECT_ERROR(ClassifierScorer(net.classifier(), {2})(data), DataError, "that of sample 7 is 3");
  data.labels = HostArray(Shape{9});
  EXPECT_ERROR(fit_classifier(net.classifier(), data), ShapeError, "got inputs [10, 2] and labels [9]");
  EXPECT_ERROR(ClassifierScorer(net.classifier(), {2})({HostArray(Shape{4, 3}), HostArray(Shape{4})}), ShapeError,
               "inputs must have shape [sample] + [2], which the net reads; got [4, 3]");
  const Classifier matrix{.logits = [](const Array& x) { return outer(x, x); }, .parameters = {net.w}};
  EXPECT_ERROR(fit_classifier(matrix, sectors(10, 1)), ShapeError, "logits must be [classes]; got [2, 2]");
  ClassifierFitOptions few = options_of(1);
  few.inputs = [](const Batch&) { return HostArray(Shape{3, 2}); };
  EXPECT_ERROR(fit_classifier(net.classifier(), sectors(32, 1), few), ShapeError,
               "must have shape [32, 2]; got [3, 2]");
}

TEST(Classifier, InputsThatAreNotFiniteAreNamed) {
  const Sectors net;
  LabelledInputs data = sectors(10, 1);
  data.inputs.set({7, 1}, std::nan(""));
  const char* const message =
      "inputs must be finite; number 1 of sample 7 is nan. Fill it in, or leave the sample out.";
  EXPECT_ERROR(fit_classifier(net.classifier(), data), DataError, message);
  EXPECT_ERROR(ClassifierScorer(net.classifier(), {2})(data), DataError, message);
  data.inputs = data.inputs.astype(Dtype::kF32);
  EXPECT_ERROR(fit_classifier(net.classifier(), data), DataError, message);
  ClassifierFitOptions blank = options_of(1);
  blank.inputs = [](const Batch& batch) {
    return HostArray(Shape{std::ssize(batch.samples), 2}, std::vector<double>(2 * batch.samples.size(), NAN));
  };
  EXPECT_ERROR(fit_classifier(net.classifier(), sectors(32, 1), blank), DataError, "number 0 of sample");
}

}  // namespace
}  // namespace costate
