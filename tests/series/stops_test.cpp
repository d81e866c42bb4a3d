// Fits whose caller ends them at some moment, and that go on later: to the bits of one that nobody disturbed.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "costate/base/interrupt.h"
#include "costate/io/safetensors.h"
#include "costate/series/fit.h"
#include "costate/train/checkpoint.h"
#include "tests/io/scratch.h"
#include "tests/series/series.h"

namespace costate {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

/// Two states, so that hidden ones and widths are worth a choice.
TimeSeries turning() {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < 30; ++i) {
    times.push_back(0.3 * static_cast<double>(i));
    states.push_back(std::cos(times.back()) + 0.05 * std::sin(7 * times.back()));
    states.push_back(std::sin(times.back()));
  }
  return series_of({trajectory(times, states)});
}

/// A search over forms, in three rounds.
FitConfig searching(const TimeSeries& series) {
  FitConfig config = config_of(series);
  config.model.hidden = FitConfig().model.hidden;
  config.model.memory = FitConfig().model.memory;
  config.epochs = 24;
  config.polish = 4;
  return config;
}

std::string bytes_of(const FitResult& result) { return to_safetensors(result.ensemble.to_file()); }

FitOptions options_in(const Scratch& folder) {
  fs::create_directories(folder / "trials");
  return {.checkpoint = folder / "checkpoint.safetensors", .fingerprint = "the config\n"};
}

TEST(StoppedFit, GoesOnToTheSameBitsWheneverItWasStopped) {
  const TimeSeries series = turning();
  const FitConfig config = searching(series);
  std::atomic<int> questions = 0;
  const auto counts = [&] {
    ++questions;
    return false;
  };
  const FitResult undisturbed = fit(series, config, {.should_stop = counts});
  EXPECT_FALSE(undisturbed.was_stopped);
  EXPECT_GT(undisturbed.trials.size(), 6U) << "a search of several rounds";
  const int all = questions;
  for (int part = 0; part < 12; ++part) {
    const int last = 1 + all * part / 12;
    const Scratch folder;
    FitOptions options = options_in(folder);
    std::atomic<int> asked = 0;
    options.should_stop = [&] { return ++asked >= last; };
    const FitResult stopped = fit(series, config, options);
    EXPECT_TRUE(stopped.was_stopped) << last;
    EXPECT_LE(stopped.trials.size(), undisturbed.trials.size());
    for (std::size_t i = 0; i < stopped.trials.size(); ++i)
      EXPECT_EQ(stopped.trials[i].candidate, undisturbed.trials[i].candidate) << last << ", trial " << i + 1;
    options.resume = Resume::kYes;
    options.should_stop = {};
    const FitResult resumed = fit(series, config, options);
    EXPECT_FALSE(resumed.was_stopped);
    EXPECT_EQ(bytes_of(resumed), bytes_of(undisturbed)) << last;
  }
}

TEST(StoppedFit, BeginsTrainingsAnewWhoseCheckpointIsOfAnother) {
  const TimeSeries series = turning();
  const FitConfig config = searching(series);
  const Scratch folder;
  FitOptions options = options_in(folder);
  const std::string expected = bytes_of(fit(series, config, options));
  // As a choice leaves them that time had ended.
  fs::copy_file(folder / "trials/trial-1.safetensors", folder / "trials/trial-8.safetensors",
                fs::copy_options::overwrite_existing);
  fs::copy_file(folder / "trials/trial-2.safetensors", folder / "checkpoint.safetensors",
                fs::copy_options::overwrite_existing);
  options.resume = Resume::kYes;
  EXPECT_EQ(bytes_of(fit(series, config, options)), expected);
  options.fingerprint = "another config\n";
  EXPECT_THROW(fit(series, config, options), InvalidArgument);
}

/// The weights run away, and each solve takes all the steps that it may.
TEST(StoppedFit, EndsWithinASolveOfAnyLength) {
  struct Enough {};
  const TimeSeries series = turning();
  FitConfig config = searching(series);
  config.learning_rate = 1000;
  config.epochs = 3;
  config.polish = 0;
  const auto begin = internal::InterruptClock::now();
  const InterruptScope scope([&] {
    if (internal::InterruptClock::now() - begin > std::chrono::seconds(1)) throw Enough();
  });
  EXPECT_THROW(fit(series, config), Enough);
  EXPECT_LT(internal::InterruptClock::now() - begin, std::chrono::seconds(20)) << "a busy machine included";
}

}  // namespace
}  // namespace costate
