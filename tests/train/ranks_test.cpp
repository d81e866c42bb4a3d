// Ranks that share a batch, and a training: each ends with the bits of one rank alone.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "costate/array/normal_numbers.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "costate/train/loop.h"
#include "tests/io/scratch.h"
#include "tests/support/expect_error.h"
#include "tests/support/thread_ranks.h"
#include "tests/train/regression.h"

namespace costate {
namespace {

using test::on_thread_ranks;
using test::Regression;
using test::Scratch;

/// z' = rate z^2 from z0 > 0 ends at 1 / (rate z0): a sample beyond fails, and is left out of the sums.
Function growth_loss(const Parameter& rate) {
  const VectorField field = vector_field({1}, [&](Array, Array z) { return rate * square(z); });
  return trace(
      [&](Array z0) {
        return sum(solve(field, z0, constant(HostArray::vector({0, 1})), {.max_steps = 200})[1]);
      },
      {{"z0", {1}}});
}

void expect_same(const RunResult& found, const RunResult& wanted) {
  ASSERT_EQ(found.outputs.size(), wanted.outputs.size());
  for (std::size_t i = 0; i < found.outputs.size(); ++i)
    EXPECT_TRUE(found.outputs[i].same_bits(wanted.outputs[i])) << "output " << i;
  EXPECT_EQ(found.report.nfe_forward, wanted.report.nfe_forward);
  EXPECT_EQ(found.report.accepted, wanted.report.accepted);
  ASSERT_EQ(found.report.failures.size(), wanted.report.failures.size());
  for (std::size_t i = 0; i < found.report.failures.size(); ++i) {
    EXPECT_EQ(found.report.failures[i].sample, wanted.report.failures[i].sample);
    EXPECT_EQ(found.report.failures[i].reason, wanted.report.failures[i].reason);
    EXPECT_EQ(found.report.failures[i].t, wanted.report.failures[i].t);
    EXPECT_EQ(found.report.failures[i].advice, wanted.report.failures[i].advice);
  }
}

TEST(Ranks, RunsHaveTheBitsOfOneRank) {
  const Parameter rate("rate", HostArray::vector({1.0}));
  const Function f = value_and_grad(growth_loss(rate), std::vector<Parameter>{rate});
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64})
    for (const std::int64_t batch : {1, 5, 70, 333}) {
      HostArray z0(Shape{batch, 1});
      for (std::int64_t i = 0; i < batch; ++i) z0.set(i, 0.1 + 0.7 * std::abs(std::sin(static_cast<double>(i))));
      if (batch > 5) z0.set(4, 3.0), z0.set(batch - 2, 2.0);
      const Program program = compile(f, {.dtype = dtype});
      const RunResult alone = program.run({z0});
      EXPECT_EQ(alone.report.failures.size(), batch > 5 ? 2U : 0U);
      for (const int ranks : {2, 3, 7}) on_thread_ranks(ranks, [&](int) { expect_same(program.run({z0}), alone); });
    }
}

TEST(Ranks, ManyTilesHaveMoreThan64Groups) {
  constexpr std::int64_t kBatch = 64 * 200;  // of one lane: 200 groups
  const Parameter w("w", HostArray::vector({0.3}));
  const Function f =
      value_and_grad(trace([&](Array x) { return sum(square(w * x)); }, {{"x", {1}}}), std::vector<Parameter>{w});
  const HostArray x = normal_numbers(Shape{kBatch, 1}, Random(3), 0);
  const Program program = compile(f, {.lanes = 1});
  const RunResult alone = program.run({x});
  double sum = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) sum += 2 * 0.3 * x.at(i) * x.at(i);
  EXPECT_NEAR(alone.outputs[1].at(0), sum, 1e-12 * sum);
  on_thread_ranks(100, [&](int) { expect_same(program.run({x}), alone); });
}

/// Trains on so many ranks; the weights of each.
std::vector<HostArray> trained_on(int ranks, TrainOptions options) {
  std::vector<HostArray> weights(static_cast<std::size_t>(ranks));
  on_thread_ranks(ranks, [&](int rank) {
    Regression regression;
    train(regression.objective(), options);
    weights[static_cast<std::size_t>(rank)] = regression.w.value();
  });
  return weights;
}

TEST(Ranks, TrainingsEndAtTheSameBits) {
  const TrainOptions options{.epochs = 7, .batch = 24, .seed = 5, .polish = 4};
  const HostArray alone = trained_on(1, options)[0];
  for (const int ranks : {2, 3, 6})
    for (const HostArray& weights : trained_on(ranks, options)) EXPECT_TRUE(weights.same_bits(alone));
}

TEST(Ranks, TheFirstOneWritesAndAnyNumberResumes) {
  const Scratch folder;
  TrainOptions options{.epochs = 20, .batch = 24, .polish = 4};
  const HostArray whole = trained_on(1, options)[0];
  options.checkpoint = folder / "checkpoint.safetensors";
  options.resume = Resume::kYes;
  int stop_after = 6;
  std::atomic<int> asked = 0;
  const auto sitting = [&](int ranks) {
    return [&, ranks](int rank) {
      Regression regression;
      TrainOptions mine = options;
      int epochs = 0;
      mine.should_stop = [&] {
        asked += rank == ranks - 1 ? 1 : 0;
        return rank == ranks - 1 && ++epochs == stop_after;  // one of them alone is told to stop
      };
      const TrainResult result = train(regression.objective(), mine);
      EXPECT_EQ(result.reason, stop_after < 100 ? StopReason::kAsked : StopReason::kEpochs);
      EXPECT_EQ(regression.w.value().same_bits(whole), stop_after >= 100);
    };
  };
  on_thread_ranks(3, sitting(3));
  EXPECT_EQ(asked, 6);
  stop_after = 5;
  on_thread_ranks(2, sitting(2));
  stop_after = 100;
  on_thread_ranks(4, sitting(4));
  EXPECT_EQ(folder.num_files(), 1U);
}

TEST(Ranks, MoreThanSamplesAreRefused) {
  on_thread_ranks(41, [](int) {
    Regression regression;
    EXPECT_ERROR(train(regression.objective(), {.epochs = 1}), InvalidArgument,
                 "there must be a sample for each rank; got 40 for 41. Start fewer processes, or give more data.");
  });
}

TEST(Ranks, ThatSeeDifferentCheckpointsAreToldSo) {
  const Scratch folder;
  trained_on(1, {.epochs = 3, .checkpoint = folder / "one.safetensors"});
  on_thread_ranks(2, [&](int rank) {
    Regression regression;
    const TrainOptions options{.epochs = 9,
                               .checkpoint = folder / (rank == 0 ? "one.safetensors" : "none.safetensors"),
                               .resume = Resume::kYes};
    EXPECT_ERROR(train(regression.objective(), options), InvalidArgument,
                 "rank 1 has '0 epochs' where rank 0 has '3 epochs'; all must see the folder of the checkpoint");
  });
}

}  // namespace
}  // namespace costate
