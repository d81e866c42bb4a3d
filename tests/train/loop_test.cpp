#include "costate/train/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/io/files.h"
#include "costate/io/safetensors.h"
#include "costate/train/checkpoint.h"
#include "costate/train/losses.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(fs::temp_directory_path() / ("costate-train-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// y = w · x + b on 40 samples of y = 2 x_0 - x_1 + 0.5.
struct Regression {
  Parameter w{"w", HostArray::vector({0.0, 0.0})}, b{"b", HostArray::vector({0.0})};
  HostArray x{Shape{40, 2}}, y{Shape{40, 1}};
  Program program;

  Regression()
      : program(
            compile(value_and_grad(trace([this](Array in, Array seen) { return sum(square(sum(w * in) + b - seen)); },
                                         {{"x", {2}}, {"y", {1}}}),
                                   std::vector<Parameter>{w, b}))) {
    for (std::int64_t i = 0; i < 40; ++i) {
      x.set(2 * i, std::sin(static_cast<double>(i)));
      x.set(2 * i + 1, std::cos(2.0 * static_cast<double>(i)));
      y.set(i, 2 * x.at(2 * i) - x.at(2 * i + 1) + 0.5);
    }
  }

  Objective objective() {
    return {.parameters = {w, b}, .num_samples = 40, .evaluate = [this](std::span<const std::size_t> samples) {
              const auto count = static_cast<std::int64_t>(samples.size());
              HostArray xs(Shape{count, 2}), ys(Shape{count, 1});
              for (std::int64_t i = 0; i < count; ++i) {
                const auto from = static_cast<std::int64_t>(samples[static_cast<std::size_t>(i)]);
                for (std::int64_t k = 0; k < 2; ++k) xs.set(2 * i + k, x.at(2 * from + k));
                ys.set(i, y.at(from));
              }
              const RunResult result = program.run({xs, ys});
              Evaluation evaluation{
                  .loss = 0, .gradients = {result.outputs[1], result.outputs[2]}, .report = result.report};
              for (std::int64_t i = 0; i < count; ++i)
                evaluation.loss += result.outputs[0].at(i) / static_cast<double>(count);
              for (HostArray& gradient : evaluation.gradients)
                for (std::int64_t i = 0; i < gradient.size(); ++i)
                  gradient.set(i, gradient.at(i) / static_cast<double>(count));
              return evaluation;
            }};
  }
};

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

TEST(Train, ResumesToTheSameBitsWhereverItWasKilled) {
  const TemporaryFolder folder;
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
    for (const int killed_at : {0, 1, 9, 18, 19}) {
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

TEST(Train, WeightsStayGoodWhenLossesAreNotFinite) {
  Regression regression;
  Objective objective = regression.objective();
  const auto good = objective.evaluate;
  int calls = 0;
  objective.evaluate = [&](std::span<const std::size_t> samples) {
    Evaluation evaluation = good(samples);
    if (++calls % 3 == 0) evaluation.gradients[0].set(0, std::numeric_limits<double>::quiet_NaN());
    return evaluation;
  };
  const TrainResult result = train(objective, {.epochs = 300, .schedule = {.base = 0.05}});
  EXPECT_NEAR(regression.w.value().at(0), 2, 1e-3);
  double skipped = 0;
  for (const HistoryRow& row : result.history) skipped += row.skipped;
  EXPECT_EQ(skipped, 100);
}

TEST(Train, BadOptionsAreNamed) {
  Regression regression;
  EXPECT_ERROR(train(regression.objective(), {.epochs = 0}), InvalidArgument, "epochs must be at least 1; got 0");
  EXPECT_ERROR(train(regression.objective(), {.epochs = 5, .schedule = {.warmup_epochs = 5}}), InvalidArgument,
               "warmup_epochs");
}

TEST(CheckpointFile, IsRefusedWhereItDoesNotFit) {
  const TemporaryFolder folder;
  const fs::path path = folder / "checkpoint.safetensors";
  Regression regression;
  const auto run = [&](const std::string& fingerprint) {
    Regression fresh;
    train(fresh.objective(), {.epochs = 3, .checkpoint = path, .fingerprint = fingerprint, .resume = Resume::kYes});
  };
  run("a");
  EXPECT_ERROR(run("b"), InvalidArgument, "another configuration");
  const std::string bytes = read_file(path);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(path, std::ios::binary) << bytes.substr(0, size);
    EXPECT_THROW(run("a"), DataError) << size;
  }
  write_safetensors(path, {.arrays = {{"x", HostArray::vector({1.0})}}, .metadata = {}});
  EXPECT_ERROR(run("a"), DataError, "not a checkpoint");
  EXPECT_ERROR(values_by_name({regression.w, regression.w}), InvalidArgument, "two parameters are called 'w'");
}

TEST(CheckpointFile, SurvivesAFolderThatCannotBeWritten) {
  const TemporaryFolder folder;
  const fs::path path = folder / "missing/checkpoint.safetensors";
  Regression regression;
  EXPECT_THROW(train(regression.objective(), {.epochs = 3, .checkpoint = path}), IoError);
}

class Losses : public ::testing::TestWithParam<Loss> {};

TEST_P(Losses, HaveTheirValueAndDerivativeWhereTheMaskIsSet) {
  const Function f = trace([&](Array p, Array t, Array m) { return loss_sum(GetParam(), p, t, m); },
                           {{"prediction", {4}}, {"target", {4}}, {"mask", {4}}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const HostArray p(Shape{1, 4}, std::vector<double>{1.0, 0.3, 5.0, nan}),
      t(Shape{1, 4}, std::vector<double>{3.0, 0.1, nan, 1.0}), m(Shape{1, 4}, std::vector<double>{1, 1, 0, 0});
  const std::vector<std::size_t> wrt = {0};
  const RunResult result = compile(value_and_grad(f, wrt)).run({p, t, m});
  const auto cell = [&](double d) {
    if (GetParam() == Loss::kMse) return std::pair{d * d, 2 * d};
    if (GetParam() == Loss::kMae) return std::pair{std::abs(d), d > 0 ? 1.0 : -1.0};
    return std::abs(d) <= 1 ? std::pair{d * d / 2, d} : std::pair{std::abs(d) - 0.5, d > 0 ? 1.0 : -1.0};
  };
  EXPECT_NEAR(result.outputs[0].at(0), cell(-2.0).first + cell(0.2).first, 1e-15);
  EXPECT_NEAR(result.outputs[1].at(0), cell(-2.0).second, 1e-15);
  EXPECT_NEAR(result.outputs[1].at(1), cell(0.2).second, 1e-15);
  EXPECT_EQ(result.outputs[1].at(2), 0);
  EXPECT_EQ(result.outputs[1].at(3), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Losses, ::testing::Values(Loss::kMse, Loss::kMae, Loss::kHuber),
                         [](const auto& loss) { return name(loss.param); });

}  // namespace
}  // namespace costate
