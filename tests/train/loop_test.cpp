#include "costate/train/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include "costate/array/normal_numbers.h"
#include "costate/base/log.h"
#include "costate/train/checkpoint.h"
#include "tests/io/scratch.h"
#include "tests/support/expect_error.h"
#include "tests/train/regression.h"

namespace costate {
namespace {

namespace fs = std::filesystem;
using test::Regression;
using test::Scratch;

TEST(Train, FindsTheLine) {
  Regression regression;
  const TrainResult result = train(
      regression.objective(), {.epochs = 200, .batch = 8, .schedule = {.kind = ScheduleKind::kCosine, .base = 0.1}});
  EXPECT_NEAR(regression.w.value().at(0), 2, 1e-3);
  EXPECT_NEAR(regression.w.value().at(1), -1, 1e-3);
  EXPECT_NEAR(regression.b.value().at(0), 0.5, 1e-3);
  EXPECT_EQ(result.history.size(), 200U);
  EXPECT_EQ(result.reason, StopReason::kEpochs);
}

TEST(Train, PolishEndsWhereNoStepLowersTheLoss) {
  Regression regression;
  const TrainResult result = train(regression.objective(), {.epochs = 1, .polish = 1000});
  EXPECT_EQ(result.reason, StopReason::kConverged);
  EXPECT_LT(result.history.size(), 100U);
  EXPECT_NEAR(regression.w.value().at(0), 2, 1e-6);
}

TEST(Train, ResumesToTheSameBitsWhereverItWasKilled) {
  const Scratch folder;
  const auto options = [&](const std::string& file) {
    return TrainOptions{.epochs = 14,
                        .batch = 7,
                        .seed = 3,
                        .schedule = {.kind = ScheduleKind::kCosine, .base = 0.05},
                        .polish = 6,
                        .checkpoint = folder / file,
                        .checkpoint_seconds = 0,
                        .fingerprint = "f",
                        .resume = Resume::kYes};
  };
  for (const OptimizerKind kind : {OptimizerKind::kAdam, OptimizerKind::kSgd}) {
    Regression straight;
    TrainOptions once = options("straight");
    once.optimizer.kind = kind;
    const TrainResult expected = train(straight.objective(), once);
    for (const int killed_at : {0, 9, 19}) {
      TrainOptions killed = options("killed");
      killed.optimizer.kind = kind;
      {
        Regression first;
        killed.on_epoch = [&](const HistoryRow& row) {
          if (row.epoch == killed_at) throw std::runtime_error("killed");
        };
        EXPECT_THROW(train(first.objective(), killed), std::runtime_error);
      }
      Regression second;
      killed.on_epoch = {};
      const TrainResult result = train(second.objective(), killed);
      EXPECT_TRUE(second.w.value().same_bits(straight.w.value())) << "killed at " << killed_at;
      EXPECT_TRUE(second.b.value().same_bits(straight.b.value()));
      ASSERT_EQ(result.history.size(), expected.history.size());
      for (std::size_t i = 0; i < result.history.size(); ++i)
        EXPECT_EQ(result.history[i].loss, expected.history[i].loss);
      fs::remove(folder / "killed");
    }
    fs::remove(folder / "straight");
  }
}

/// Trains in sittings, each a fresh process's worth of objects that is asked to stop after some epochs.
struct Sittings {
  TrainResult result;
  HostArray w;

  Sittings(TrainOptions options, Objective (*objective)(Regression&), std::int64_t epochs_a_sitting) {
    do {
      Regression regression;
      std::int64_t done = 0;
      options.should_stop = [&] { return ++done == epochs_a_sitting; };
      result = train(objective(regression), options);
      w = regression.w.value();
    } while (result.reason == StopReason::kAsked);
  }
};

Objective with_validation(Regression& regression) {
  Objective objective = regression.objective();
  // Falls, then rises as w_0 passes 1.5 on its way to 2.
  objective.validate = [&] { return std::abs(regression.w.value().at(0) - 1.5); };
  return objective;
}

Objective without_validation(Regression& regression) { return regression.objective(); }

TEST(Train, AskedToStopAndResumedGivesTheSameBits) {
  for (const bool validates : {false, true})
    for (const OptimizerKind kind : {OptimizerKind::kAdamW, OptimizerKind::kLbfgs})
      for (const std::int64_t epochs_a_sitting : {3, 13}) {
        SCOPED_TRACE(name(kind) + (validates ? ", validated, " : ", ") + std::to_string(epochs_a_sitting));
        const Scratch folder;
        TrainOptions options{.epochs = 30, .batch = kind == OptimizerKind::kLbfgs ? 0U : 16U, .patience = 6};
        options.optimizer.kind = kind;
        options.schedule = {.kind = ScheduleKind::kExponential, .base = 0.2, .warmup_epochs = 2};
        const auto objective = validates ? with_validation : without_validation;
        Regression straight;
        const TrainResult expected = train(objective(straight), options);
        options.checkpoint = folder / "checkpoint";
        options.resume = Resume::kYes;
        const auto [result, w] = Sittings(options, objective, epochs_a_sitting);
        EXPECT_TRUE(w.same_bits(straight.w.value()));
        EXPECT_EQ(result.reason, expected.reason);
        EXPECT_EQ(result.best_epoch, expected.best_epoch);
        EXPECT_EQ(result.best_loss, expected.best_loss);
        ASSERT_EQ(result.history.size(), expected.history.size());
        for (const HistoryColumn& column : history_columns())
          for (std::size_t i = 0; i < result.history.size() && column.name != std::string("seconds"); ++i) {
            const double got = result.history[i].*column.value, wanted = expected.history[i].*column.value;
            EXPECT_TRUE(got == wanted || (std::isnan(got) && std::isnan(wanted))) << column.name << " of epoch " << i;
          }
      }
}

/// The samples in the order in which they were taken, an epoch after the other, without the last look.
std::vector<std::vector<std::size_t>> orders(std::uint64_t seed) {
  Regression regression;
  Objective objective = regression.objective();
  std::vector<std::size_t> taken;
  objective.evaluate = [&, good = objective.evaluate](const Batch& batch) {
    EXPECT_LE(batch.samples.size(), 7U);
    taken.insert(taken.end(), batch.samples.begin(), batch.samples.end());
    return good(batch);
  };
  train(objective, {.epochs = 3, .batch = 7, .seed = seed});
  std::vector<std::vector<std::size_t>> epochs;
  for (std::ptrdiff_t i = 0; i < 120; i += 40) epochs.emplace_back(taken.begin() + i, taken.begin() + i + 40);
  return epochs;
}

TEST(Train, EachEpochTakesEachSampleOnceInItsOwnOrder) {
  const auto epochs = orders(5);
  for (std::vector<std::size_t> order : epochs) {
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
  EXPECT_EQ(orders(5), epochs);
  EXPECT_NE(orders(6), epochs);
}

TEST(Train, TheLastStepCounts) {
  Regression regression;
  const Objective objective = regression.objective();
  const TrainOptions options{.epochs = 1, .optimizer = {.kind = OptimizerKind::kSgd}, .schedule = {.base = 0.1}};
  const TrainResult result = train(objective, options);
  EXPECT_LT(result.best_loss, result.history[0].loss);
  EXPECT_EQ(result.best_epoch, 0);
  std::vector<std::size_t> all(objective.num_samples);
  std::iota(all.begin(), all.end(), std::size_t{0});
  EXPECT_EQ(objective.evaluate({.samples = all}).loss, result.best_loss);
  EXPECT_NE(regression.w.value().at(0), 0);
}

TEST(Train, AStepThatRaisesTheLossDoesNot) {
  Regression regression;
  const TrainOptions options{.epochs = 1, .optimizer = {.kind = OptimizerKind::kSgd}, .schedule = {.base = 1e3}};
  const TrainResult result = train(regression.objective(), options);
  EXPECT_EQ(result.best_loss, result.history[0].loss);
  EXPECT_EQ(regression.w.value().at(0), 0);
}

TEST(Train, KeepsTheBestWeightsOfTheValidation) {
  Regression regression;
  Objective objective = regression.objective();
  // The "validation" is best when w_0 passes 1 on its way to 2.
  objective.validate = [&] { return std::abs(regression.w.value().at(0) - 1); };
  const TrainResult result = train(objective, {.epochs = 100, .schedule = {.base = 0.05}});
  EXPECT_NEAR(regression.w.value().at(0), 1, 0.06);
  EXPECT_LT(result.best_epoch, 60);
  EXPECT_EQ(result.best_loss, std::abs(regression.w.value().at(0) - 1));
}

TEST(Train, KeepsTheLastWeightsIfAskedTo) {
  for (const double rate : {0.05, 1e3}) {  // the latter only raises the loss
    Regression last, watched;
    TrainOptions options{.epochs = 7, .batch = 16, .optimizer = {.kind = OptimizerKind::kSgd}, .keep = Keep::kLast};
    options.schedule.base = rate;
    int evaluations = 0;
    Objective objective = last.objective();
    objective.evaluate = [&, good = objective.evaluate](const Batch& batch) {
      EXPECT_EQ(batch.epoch, evaluations++ / 3);
      return good(batch);
    };
    HostArray end;
    options.on_epoch = [&](const HistoryRow&) { end = last.w.value(); };
    const TrainResult result = train(objective, options);
    EXPECT_TRUE(last.w.value().same_bits(end));
    EXPECT_EQ(result.best_epoch, 6);
    EXPECT_EQ(evaluations, 3 * 7);  // no look at all samples in the end
    options.on_epoch = {};
    objective = watched.objective();
    objective.validate = [&] { return watched.w.value().at(0); };  // chooses nothing
    train(objective, options);
    EXPECT_TRUE(watched.w.value().same_bits(end));
  }
}

TEST(Train, StopsWhenPatienceEndsOrWhenAsked) {
  Regression regression;
  Objective objective = regression.objective();
  objective.validate = [] { return 1.0; };
  const TrainResult result = train(objective, {.epochs = 100, .patience = 5});
  EXPECT_EQ(result.reason, StopReason::kPatience);
  EXPECT_EQ(result.history.size(), 6U);
  const TrainResult asked = train(regression.objective(), {.epochs = 100, .should_stop = [] { return true; }});
  EXPECT_EQ(asked.reason, StopReason::kAsked);
  EXPECT_EQ(asked.history.size(), 1U);
}

TEST(Train, StoppedBeforeTheFirstValidationKeepsItsWeightsAndResumesToTheSameBits) {
  const Scratch folder;
  Regression straight, stopped, resumed;
  TrainOptions options{.epochs = 30, .validate_every = 10};
  const TrainResult expected = train(with_validation(straight), options);
  options.checkpoint = folder / "checkpoint";
  options.should_stop = [] { return true; };
  const TrainResult first = train(with_validation(stopped), options);
  EXPECT_EQ(first.best_epoch, 0);
  EXPECT_TRUE(std::isfinite(first.best_loss));
  options.should_stop = {};
  options.resume = Resume::kYes;
  EXPECT_EQ(train(with_validation(resumed), options).best_epoch, expected.best_epoch);
  EXPECT_TRUE(resumed.w.value().same_bits(straight.w.value()));
}

TEST(Train, CostlyEpochsEndPatienceSooner) {
  const Scratch folder;
  TrainOptions options{.epochs = 100, .patience = 7, .max_growth = 2};
  const auto trained = [&](std::int64_t later) {
    Regression regression;
    Objective objective = regression.objective();
    objective.validate = [] { return 1.0; };
    std::int64_t epochs = 0;
    objective.evaluate = [evaluate = objective.evaluate, &epochs, later](const Batch& batch) {
      Evaluation evaluation = evaluate(batch);
      evaluation.report.nfe_forward = epochs++ == 0 ? 10 : later;
      return evaluation;
    };
    return train(objective, options);
  };
  // 60 is six times the first epoch's 10 and three times what counts once: the third epoch of these is the ninth.
  const TrainResult costly = trained(60);
  EXPECT_EQ(costly.reason, StopReason::kEvaluations);
  EXPECT_EQ(costly.history.size(), 4U);
  EXPECT_EQ(trained(20).history.size(), 8U);
  EXPECT_EQ(trained(20).reason, StopReason::kPatience);
  options.max_growth = 0;
  EXPECT_EQ(trained(60).history.size(), 8U);
  options.patience_from = PatienceFrom::kPolish;  // and there is none
  EXPECT_EQ(trained(60).history.size(), 8U);
  EXPECT_ERROR(train(Regression().objective(), {.max_growth = 0.5}), InvalidArgument, "max_growth must be at least 1");
}

TEST(Train, PatienceMayCountThePolishAlone) {
  Regression regression;
  Objective objective = regression.objective();
  objective.validate = [] { return 1.0; };
  TrainOptions options{.epochs = 10, .polish = 20, .patience = 3, .patience_from = PatienceFrom::kPolish};
  EXPECT_EQ(train(objective, options).history.size(), 13U);
  // Before it costly epochs count: the first takes 10 evaluations, the third and further ones 60.
  std::int64_t epochs = 0;
  objective.evaluate = [evaluate = objective.evaluate, &epochs](const Batch& batch) {
    Evaluation evaluation = evaluate(batch);
    evaluation.report.nfe_forward = epochs++ < 2 ? 10 : 60;
    return evaluation;
  };
  options.max_growth = 4;
  const TrainResult costly = train(objective, options);
  EXPECT_EQ(costly.history.size(), 4U);
  EXPECT_EQ(costly.reason, StopReason::kEvaluations);
}

TEST(Train, WeightsStayGoodWhenLossesAreNotFinite) {
  Regression regression;
  Objective objective = regression.objective();
  const auto good = objective.evaluate;
  int calls = 0;
  objective.evaluate = [&](const Batch& batch) {
    Evaluation evaluation = good(batch);
    if (++calls % 3 == 0) evaluation.gradients[0].set(0, std::numeric_limits<double>::quiet_NaN());
    return evaluation;
  };
  const TrainResult result = train(objective, {.epochs = 300, .schedule = {.base = 0.05}});
  EXPECT_NEAR(regression.w.value().at(0), 2, 1e-3);
  double skipped = 0;
  for (const HistoryRow& row : result.history) skipped += row.skipped;
  EXPECT_EQ(skipped, 100);
}

TEST(Train, ALossThatIsNeverFiniteIsSaid) {
  std::vector<std::string> said;
  set_log_sink([&](LogLevel, const std::string& message) { said.push_back(message); });
  Regression regression;
  Objective objective = regression.objective();
  objective.evaluate = [good = objective.evaluate](const Batch& batch) {
    Evaluation evaluation = good(batch);
    evaluation.loss = std::numeric_limits<double>::quiet_NaN();
    return evaluation;
  };
  for (const Keep keep : {Keep::kBest, Keep::kLast}) {
    said.clear();
    EXPECT_TRUE(std::isnan(train(objective, {.epochs = 3, .keep = keep}).best_loss));
    ASSERT_EQ(said.size(), 1U);
    EXPECT_NE(said[0].find("no epoch had a finite loss"), std::string::npos) << said[0];
  }
  set_log_sink({});
}

TEST(Train, StepsAreCountedThroughTheWholeTraining) {
  Regression regression;
  Objective objective = regression.objective();
  std::vector<std::int64_t> steps;
  objective.evaluate = [&, good = objective.evaluate](const Batch& batch) {
    steps.push_back(batch.step);
    return good(batch);
  };
  train(objective, {.epochs = 2, .batch = 16});
  std::vector<std::int64_t> expected(9);  // three steps an epoch, and the last look at all samples
  std::iota(expected.begin(), expected.end(), std::int64_t{0});
  EXPECT_EQ(steps, expected);
}

/// Fresh samples of the line in each step.
Objective stream(Regression& regression) {
  const auto inputs = [](const Batch& batch) -> std::vector<HostArray> {
    EXPECT_TRUE(batch.samples.empty());
    const HostArray x = normal_numbers({16, 2}, Random(3), static_cast<std::uint64_t>(batch.step));
    HostArray y(Shape{16, 1});
    for (std::int64_t i = 0; i < 16; ++i) y.set(i, 2 * x(i, 0) - x(i, 1) + 0.5);
    return {x, y};
  };
  const std::vector<Parameter> parameters = {regression.w, regression.b};
  return {
      .parameters = parameters, .num_samples = kEndless, .evaluate = mean_loss(regression.loss(), parameters, inputs)};
}

TEST(Train, LearnsFromAStream) {
  Regression regression;
  const TrainResult result =
      train(stream(regression), {.epochs = 300, .schedule = {.kind = ScheduleKind::kCosine, .base = 0.1}});
  EXPECT_NEAR(regression.w.value().at(0), 2, 1e-3);
  EXPECT_NEAR(regression.b.value().at(0), 0.5, 1e-3);
  EXPECT_EQ(result.history.size(), 300U);  // an epoch is a step
}

TEST(Train, AStreamEndsAtItsLastWeightsUnlessValidated) {
  Regression regression;
  const TrainResult last = train(stream(regression), {.epochs = 30, .schedule = {.base = 0.1}});
  EXPECT_EQ(last.best_epoch, 29);
  EXPECT_EQ(last.best_loss, last.history.back().loss);
  Regression validated;
  Objective objective = stream(validated);
  // Best when w_0 passes 1 on its way to 2.
  objective.validate = [&] { return std::abs(validated.w.value().at(0) - 1); };
  const TrainResult best = train(objective, {.epochs = 30, .schedule = {.base = 0.1}});
  EXPECT_LT(best.best_epoch, 29);
  EXPECT_EQ(best.best_loss, std::abs(validated.w.value().at(0) - 1));
}

TEST(Train, AStreamGoesOnToTheSameBits) {
  const Scratch folder;
  Regression straight;
  const TrainResult expected = train(stream(straight), {.epochs = 20});
  const TrainOptions options{
      .epochs = 20, .checkpoint = folder / "stream", .checkpoint_seconds = 0, .resume = Resume::kYes};
  {
    Regression first;
    TrainOptions killed = options;
    killed.on_epoch = [&](const HistoryRow& row) {
      if (row.epoch == 9) throw std::runtime_error("killed");
    };
    EXPECT_THROW(train(stream(first), killed), std::runtime_error);
  }
  Regression second;
  const TrainResult result = train(stream(second), options);
  EXPECT_TRUE(second.w.value().same_bits(straight.w.value()));
  ASSERT_EQ(result.history.size(), expected.history.size());
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(result.history[i].loss, expected.history[i].loss);
}

TEST(Train, WhatAStreamDoesNotHaveIsRefused) {
  Regression regression;
  EXPECT_ERROR(train(stream(regression), {.batch = 8}), InvalidArgument, "got batch 8 and polish 0");
  EXPECT_ERROR(train(stream(regression), {.polish = 5}), InvalidArgument, "got batch 0 and polish 5");
  EXPECT_ERROR(train(stream(regression), {.patience = 5}), InvalidArgument, "patience on a stream needs validate");
}

TEST(Train, BadOptionsAreNamed) {
  Regression regression;
  Objective none = regression.objective();
  none.num_samples = 0;
  EXPECT_ERROR(train(none, {}), InvalidArgument, "there must be at least one sample");
  EXPECT_ERROR(train(regression.objective(), {.epochs = 0}), InvalidArgument, "epochs must be at least 1; got 0");
  EXPECT_ERROR(train(regression.objective(), {.keep = Keep::kLast, .patience = 3}), InvalidArgument,
               "the last weights are to be kept; got patience 3");
  EXPECT_ERROR(train(regression.objective(), {.epochs = 5, .schedule = {.warmup_epochs = 5}}), InvalidArgument,
               "warmup_epochs");
}

}  // namespace
}  // namespace costate
