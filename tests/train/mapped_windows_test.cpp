// Windows of trajectories that stay in their file, and epochs that go through it by shards.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <vector>

#include "costate/array/take_rows.h"
#include "costate/exec/program.h"
#include "costate/io/npy.h"
#include "costate/train/trajectory_fit.h"
#include "tests/io/scratch.h"
#include "tests/support/expect_error.h"
#include "tests/support/thread_ranks.h"
#include "tests/train/regression.h"

namespace costate {
namespace {

/// Trajectories of z' = A z in a file; the windows of one seven-sample stretch at every fifth sample.
struct SwingsInAFile {
  test::Scratch folder;
  HostArray states{Shape{6, 52, 2}};
  WindowOptions options{.length = 7, .stride = 5};

  SwingsInAFile() {
    for (std::int64_t i = 0; i < 6; ++i)
      for (std::int64_t k = 0; k < 52; ++k) {
        const double t = 0.1 * static_cast<double>(k), phase = static_cast<double>(i);
        states.set({i, k, 0}, std::cos(t + phase));
        states.set({i, k, 1}, -std::sin(t + phase));
      }
    write_npy(folder / "swings.npy", states);
  }
};

HostArray swing_weights(const std::function<TrainResult(const VectorField&, const std::vector<Parameter>&,
                                                        const TrajectoryFitOptions&)>& fit) {
  const Parameter a("a", HostArray(Shape{2, 2}));
  fit(vector_field({2}, [&](Array, Array z) { return matmul(a, z); }), {a},
      {.train = {.epochs = 2, .batch = 0, .polish = 25}});
  return a.value();
}

TEST(MappedWindows, TrainToTheBitsOfArrays) {
  const SwingsInAFile swings;
  const HostArray wanted = swing_weights([&](const auto& field, const auto& parameters, const auto& options) {
    return fit_trajectories(field, parameters, cut_windows(swings.states, 0.1, swings.options), options);
  });
  EXPECT_NEAR(wanted.at(1), 1, 1e-4);
  EXPECT_NEAR(wanted.at(2), -1, 1e-4);
  const MappedWindows windows(MappedArray(swings.folder / "swings.npy"), 0.1, swings.options);
  EXPECT_EQ(windows.count(), 60U);
  EXPECT_ERROR(MappedWindows(MappedArray(swings.folder / "swings.npy"), 0, swings.options), InvalidArgument,
               "[MappedWindows] spacing, the time from one sample to the next, must be positive and finite; got 0.");
  const auto mapped = [&](const auto& field, const auto& parameters, const auto& options) {
    return fit_trajectories(field, parameters, windows, options);
  };
  EXPECT_TRUE(swing_weights(mapped).same_bits(wanted));
  test::on_thread_ranks(3, [&](int) { EXPECT_TRUE(swing_weights(mapped).same_bits(wanted)); });
}

TEST(MappedWindows, ARankReadsItsOwnAlone) {
  const SwingsInAFile swings;
  const MappedWindows windows(MappedArray(swings.folder / "swings.npy"), 0.1, swings.options);
  const std::vector<std::size_t> rows = {3, 59, 10};
  const HostArray all = windows.take(rows, {0, 3}), one = windows.take(rows, {1, 2});
  const HostArray wanted = take_rows(cut_windows(swings.states, 0.1, swings.options).states, rows);
  EXPECT_TRUE(all.same_bits(wanted));
  EXPECT_TRUE(one[1].same_bits(wanted[1]));
  EXPECT_EQ(one[0].at(0), 0);
  EXPECT_EQ(one[2].at(13), 0);
  const Program program = compile(trace([](Array x) { return x * x; }, {{"x", {}}}));
  EXPECT_EQ(program.read_by_run(70).end, 70U);
  std::atomic<std::size_t> read = 0, most = 0;
  test::on_thread_ranks(3, [&](int) {
    const BatchRange own = program.read_by_run(300);
    read += own.end - own.begin;
    if (own.end - own.begin == 300) ++most;
  });
  EXPECT_EQ(read, 300U);
  EXPECT_EQ(most, 0U);
}

TEST(MappedWindows, AreRefusedAsWindowsOfArraysAre) {
  const test::Scratch folder;
  write_npy(folder / "flat.npy", HostArray(Shape{5}));
  write_npy(folder / "one.npy", HostArray(Shape{5, 2}));
  EXPECT_ERROR(MappedWindows(MappedArray(folder / "flat.npy"), 0.1, {}), ShapeError, "[trajectory, time, state]");
  EXPECT_ERROR(MappedWindows(MappedArray(folder / "one.npy"), 0.1, {.length = 6}), InvalidArgument, "2 to 5 samples");
  EXPECT_EQ(MappedWindows(MappedArray(folder / "one.npy"), 0.1, {.length = 3}).count(), 2U);
}

TEST(MappedWindows, EpochsGoThroughShardsAndMeetEachSampleOnce) {
  test::Regression regression;
  Objective objective = regression.objective();
  objective.shard = 8;
  std::vector<std::size_t> seen;
  objective.evaluate = [&, evaluate = objective.evaluate](const Batch& batch) {
    seen.insert(seen.end(), batch.samples.begin(), batch.samples.end());
    return evaluate(batch);
  };
  objective.validate = [] { return 1.0; };
  train(objective, {.epochs = 2, .batch = 4, .seed = 3});
  ASSERT_EQ(seen.size(), 80U);
  for (std::size_t epoch = 0; epoch < 2; ++epoch) {
    std::vector<std::size_t> order(seen.begin() + static_cast<std::ptrdiff_t>(40 * epoch),
                                   seen.begin() + static_cast<std::ptrdiff_t>(40 * epoch + 40));
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(order[i] / 8, order[i / 8 * 8] / 8);
    EXPECT_FALSE(std::ranges::is_sorted(order));
    std::ranges::sort(order);
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(order[i], i);
  }
  EXPECT_FALSE(std::equal(seen.begin(), seen.begin() + 40, seen.begin() + 40));
}

}  // namespace
}  // namespace costate
