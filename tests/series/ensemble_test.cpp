// Members of several seeds, and the bands that they give.
#include "costate/series/ensemble.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "costate/base/random.h"
#include "costate/base/threads.h"
#include "costate/io/toml.h"
#include "costate/series/fit.h"
#include "costate/series/forecast.h"
#include "tests/series/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kNoise = 0.1;

/// z0' = -z1, z1' = z0: a circle, with noise of deviation 0.1 on every sample.
TimeSeries noisy_circle(std::size_t samples) {
  const Random random(11);
  std::vector<double> times, states;
  for (std::size_t i = 0; i < samples; ++i) {
    times.push_back(0.2 * static_cast<double>(i));
    states.push_back(std::cos(times.back()) + kNoise * random.normal(0, i));
    states.push_back(std::sin(times.back()) + kNoise * random.normal(1, i));
  }
  return series_of({trajectory(times, states)});
}

FitConfig config_of_seeds(const TimeSeries& series, std::int64_t seeds) {
  FitConfig config = config_of(series);
  config.seeds = seeds;
  return config;
}

/// A folder that is gone when the test ends.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / text::concat("costate-ensemble-test-", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

TEST(ForecastNoise, IsWhatForecastsMissBeyondWhatMembersDifferBy) {
  // Errors of variance 0.09 + (0.4 ahead)^2 in the first state, of which members know 0.09; of 1 in the second.
  const Random random(5);
  std::vector<Miss> misses;
  constexpr std::size_t kEach = 4000;
  for (std::size_t i = 0; i < kEach; ++i) {
    const double ahead = 1 + static_cast<double>(i % 8), known = 0.09;
    misses.push_back({0, ahead, std::sqrt(known + 0.16 * ahead * ahead) * random.normal(0, i), known});
    misses.push_back({1, ahead, random.normal(1, i), 0});
  }
  const ForecastNoise noise = noise_of(misses, {kEach, kEach}, {1, 1});
  // A quantile of 500 misses is known to about a twentieth.
  for (const double ahead : {1.0, 4.0, 8.0}) EXPECT_NEAR(noise.at(0, ahead) / (0.4 * ahead), 1, 0.15) << ahead;
  EXPECT_NEAR(noise.at(0, 4.5), 0.5 * (noise.at(0, 4) + noise.at(0, 5)), 1e-12);
  EXPECT_EQ(noise.at(0, 100), noise.at(0, 8)) << "what lies behind the validation part is as its end";
  EXPECT_NEAR(noise.at(1, 3), 1, 0.15);
  EXPECT_TRUE(noise_of({}, {0, 0}, {1, 1}).deviation.empty());
}

TEST(ForecastNoise, AFewCellsAreTakenTogetherAndAtTheirLargest) {
  const ForecastNoise noise = noise_of({{0, 1, 0.1, 0}, {0, 2, 0.2, 0}, {1, 1, 30, 0}}, {2, 1}, {1, 100});
  EXPECT_NEAR(noise.at(0, 1), 0.3 / kBandDeviations, 1e-12);  // 30 in units of 100
  EXPECT_NEAR(noise.at(1, 1), 30 / kBandDeviations, 1e-12);
}

TEST(Ensemble, MeansAreByWeightAndWithoutFailures) {
  const TimeSeries series = decay(5);
  const SeriesModel model = fit(series, config_of(series)).model();
  const Ensemble ensemble({{model, 1}, {model, 3}, {model, 1}}, {.ahead = {0}, .deviation = {{3}}});
  const Spread all = ensemble.spread(std::vector<double>{1, 2, 4});
  EXPECT_DOUBLE_EQ(all.mean, 2.2);
  EXPECT_DOUBLE_EQ(all.variance, (1.2 * 1.2 + 3 * 0.2 * 0.2 + 1.8 * 1.8) / 5);
  EXPECT_DOUBLE_EQ(ensemble.spread(std::vector<double>{kNan, 2, 4}).mean, 2.5);
  EXPECT_TRUE(std::isnan(ensemble.spread(std::vector<double>{1, kNan, 4}).mean)) << "most of the weight has no answer";
  const std::vector<HostArray> paths(3, HostArray(Shape{1, 1}, std::vector<double>{7.0}));
  const BandedPath path = ensemble.banded(paths, std::vector<double>{2}, 0);
  EXPECT_EQ(path.middle.at(0), 7);
  EXPECT_DOUBLE_EQ(path.upper.at(0), 7 + 3 * kBandDeviations);
  EXPECT_DOUBLE_EQ(path.lower.at(0), 7 - 3 * kBandDeviations);
}

TEST(Ensemble, BandsHoldNineOfTenMeasurements) {
  const TimeSeries series = noisy_circle(250);
  FitConfig config = config_of_seeds(series, 3);
  config.epochs = 300;
  config.polish = 60;
  config.window = 25;
  config.model.hidden = {};  // the truth is linear: what forecasts miss is the noise of the samples
  const FitResult result = fit(series, config);
  ASSERT_EQ(result.ensemble.members().size(), 3U);
  ASSERT_TRUE(result.coverage);
  EXPECT_EQ(result.coverage->cells, (std::vector<std::size_t>{50, 50}));
  // Of 100 cells that are right with 90 %, 82 to 97 are but once in 100; the quantile itself is off by a few.
  EXPECT_GE(result.coverage->share(), 0.8);
  EXPECT_LE(result.coverage->share(), 0.98);
  const StatePath& path = result.forecast_samples[0];
  double width = 0;
  for (std::size_t i = 0; i < path.times.size(); ++i) width += path.states.upper(i, 0) - path.states.lower(i, 0);
  width /= static_cast<double>(path.times.size());
  EXPECT_NEAR(width / (2 * kBandDeviations * kNoise), 1, 0.25);
}

TEST(Ensemble, ItsFirstMemberIsTheFitOfOneSeedAndTheOthersDiffer) {
  const TimeSeries series = noisy_circle(60);
  const SeriesModel alone = fit(series, config_of_seeds(series, 1)).model();
  const FitResult result = fit(series, config_of_seeds(series, 3));
  const auto bytes = [](const SeriesModel& model) { return to_safetensors(model.to_file()); };
  const std::vector<Member>& members = result.ensemble.members();
  EXPECT_EQ(bytes(members[0].model), bytes(alone));
  EXPECT_EQ(bytes(result.model()), bytes(alone));
  EXPECT_NE(bytes(members[1].model), bytes(alone));
  EXPECT_NE(bytes(members[1].model), bytes(members[2].model));
  EXPECT_FALSE(fit(series, config_of_seeds(series, 1)).coverage);
}

TEST(Ensemble, IsTheSameForAnyThreadsAndAfterAStop) {
  const TimeSeries series = noisy_circle(60);
  const FitConfig config = config_of_seeds(series, 3);
  const std::string expected = to_safetensors(fit(series, config).ensemble.to_file());
  set_num_threads(1);
  EXPECT_EQ(to_safetensors(fit(series, config).ensemble.to_file()), expected);
  const Folder folder;
  bool stops = false;
  FitOptions options{.checkpoint = folder.path / "checkpoint.safetensors",
                     .on_epoch = [&](const FitProgress& p) { stops = stops || p.model == "member 2"; },
                     .should_stop = [&] { return stops; }};
  EXPECT_NE(to_safetensors(fit(series, config, options).ensemble.to_file()), expected) << "it was stopped";
  options = {.checkpoint = options.checkpoint, .resume = Resume::kYes};
  EXPECT_EQ(to_safetensors(fit(series, config, options).ensemble.to_file()), expected);
  set_num_threads(0);
}

TEST(Ensemble, TimeIsKeptForAllMembersAndItsEndCanBeHadAgain) {
  const TimeSeries series = noisy_circle(60);
  FitConfig config = config_of_seeds(series, 3);
  config.epochs = 10'000'000;
  config.polish = 10;
  config.minutes = 0.04;
  const Folder folder;
  const FitOptions options{.stopped = folder.path / "stopped.toml"};
  const FitResult result = fit(series, config, options);
  EXPECT_EQ(result.ensemble.members().size(), 3U);
  EXPECT_TRUE(result.coverage);
  const std::vector<std::string> ended =
      read_config(options.stopped).get<std::vector<std::string>>("stopped", "trainings");
  EXPECT_EQ(std::ranges::count_if(ended, [](const std::string& name) { return name.starts_with("member "); }), 2);
  set_num_threads(1);
  const FitResult again = fit(series, config, options);
  set_num_threads(0);
  EXPECT_EQ(to_safetensors(again.ensemble.to_file()), to_safetensors(result.ensemble.to_file()));
}

TEST(Ensemble, IsReadAsItWasWrittenAndAsItsFirstMember) {
  const TimeSeries series = noisy_circle(60);
  const Ensemble ensemble = fit(series, config_of_seeds(series, 2)).ensemble;
  const ArrayFile file = ensemble.to_file();
  const Ensemble read = Ensemble::from_file(file, "f");
  EXPECT_EQ(to_safetensors(read.to_file()), to_safetensors(file));
  EXPECT_EQ(read.members()[1].weight, ensemble.members()[1].weight);
  const ForecastOptions options{.steps = 3};
  const Forecast made = forecast(ensemble, options), again = forecast(read, options);
  EXPECT_TRUE(made.lower[0].same_bits(again.lower[0]));
  const HostArray first = forecast(ensemble.first(), options).series.trajectories[0].states;
  EXPECT_TRUE(forecast(SeriesModel::from_file(file, "f"), options).series.trajectories[0].states.same_bits(first));

  const ArrayFile earlier = ensemble.first().to_file();  // as models were before there were members
  const Ensemble one = Ensemble::from_file(earlier, "f");
  EXPECT_EQ(one.members().size(), 1U);
  EXPECT_TRUE(forecast(one, options).lower.empty());
  EXPECT_TRUE(forecast(one, options).series.trajectories[0].states.same_bits(first));
  EXPECT_EQ(to_safetensors(one.to_file()), to_safetensors(earlier));

  ArrayFile damaged = file;
  damaged.arrays["noise.deviation"] = HostArray(Shape{1, 1});
  EXPECT_ERROR(Ensemble::from_file(damaged, "f"), DataError, "'noise.deviation' must have shape [2, ");
  for (const std::vector<double>& weights : std::vector<std::vector<double>>{{}, {1, 0}, {1, kNan}}) {
    damaged = file;
    damaged.arrays["members.weight"] = HostArray::vector(weights);
    EXPECT_ERROR(Ensemble::from_file(damaged, "f"), DataError, "'members.weight' must hold a positive number");
  }
  damaged = file;
  const std::int64_t times = file.array("noise.ahead").size();
  damaged.arrays["noise.ahead"] = HostArray::vector(std::vector<double>(static_cast<std::size_t>(times + 1), 1));
  damaged.arrays["noise.deviation"] = HostArray(Shape{2, times + 1});
  EXPECT_ERROR(Ensemble::from_file(damaged, "f"), DataError, "'noise.ahead'");
}

TEST(Ensemble, ForecastsLieInTheirBands) {
  const TimeSeries series = noisy_circle(60);
  const Ensemble ensemble = fit(series, config_of_seeds(series, 2)).ensemble;
  const Forecast made = forecast(ensemble, {.steps = 3});
  const HostArray& states = made.series.trajectories[0].states;
  for (std::int64_t i = 0; i < states.size(); ++i) {
    EXPECT_LT(made.lower[0].at(i), states.at(i));
    EXPECT_NEAR(made.upper[0].at(i) - states.at(i), states.at(i) - made.lower[0].at(i), 1e-12);
  }
  std::vector<std::string> names;
  for (const CsvColumn& column : forecast_columns(made)) names.push_back(column.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"t", "z0", "z1", "z0_lower", "z0_upper", "z1_lower", "z1_upper", "outside"}));
}

TEST(Ensemble, BandsNeedAValidationPart) {
  const TimeSeries series = noisy_circle(60);
  FitConfig config = config_of_seeds(series, 2);
  config.validation = 0;
  EXPECT_ERROR(fit(series, config), InvalidArgument, "raise --validation");
  config.seeds = 0;
  EXPECT_ERROR(fit(series, config), InvalidArgument, "seeds must be a whole number between 1 and 1000");
}

TEST(Coverage, SaysWhatFollows) {
  EXPECT_EQ((Coverage{.cells = {20}, .inside = {18}}.text()),
            "Bands: 18 of 20 held-out values (90 %) lie in theirs, which are to hold 90 %.");
  const auto says = [](std::size_t cells, std::size_t inside, const std::string& what) {
    return Coverage{.cells = {cells}, .inside = {inside}}.text().find(what) != std::string::npos;
  };
  EXPECT_TRUE(says(20, 15, "too narrow: do not rely on them"));
  EXPECT_TRUE(says(5, 1, "too few to tell"));
  EXPECT_TRUE(says(100, 100, "wider than they need be"));
  EXPECT_FALSE(says(20, 20, "wider"));
}

TEST(Coverage, CountsMeasuredCellsInTheirBands) {
  TimeSeries series = decay(4);
  series.trajectories[0].states.set(3, kNan);
  const double second = series.trajectories[0].states.at(1);
  const auto column = [](std::vector<double> numbers) { return HostArray(Shape{3, 1}, std::move(numbers)); };
  const StatePath path{0, {0.1, 0.2, 0.3}, {column({1, 1, 1}), column({second, 5, 0}), column({2, 6, 2})}};
  const Coverage coverage = coverage_of(series, {path});
  EXPECT_EQ(coverage.cells, std::vector<std::size_t>{2});
  EXPECT_EQ(coverage.inside, std::vector<std::size_t>{1});
}

}  // namespace
}  // namespace costate
