// The parts of a fit: units, windows, embedding, split, config, model files, forecasts.
#include "tests/series/series.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "costate/base/log.h"
#include "costate/io/io.h"
#include "costate/report/shown_paths.h"
#include "costate/series/internal/hold_out.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/normalization.h"
#include "costate/series/series.h"
#include "costate/series/windows.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

TEST(Normalization, MeasuresMeanDeviationAndRate) {
  const TimeSeries series = series_of({trajectory({0, 1, 3}, {1, 5, kNan, 5, 7, 5}, {2, 4, 6})});
  const Normalization units = measure(series);
  EXPECT_NEAR(units.state_offset[0], 4, 1e-15);
  EXPECT_NEAR(units.state_scale[0], 3, 1e-15);
  EXPECT_EQ(units.state_scale[1], 1);  // it does not vary
  EXPECT_NEAR(units.input_offset[0], 4, 1e-15);
  EXPECT_GT(units.time_scale, 0);
  const Normalization ramp = measure(series_of({trajectory({0, 2, 4}, {0, 2, 4})}));
  EXPECT_NEAR(ramp.time_scale, ramp.state_scale[0], 1e-14);  // it moves by 1 in 1
  EXPECT_EQ(measure(series_of({trajectory({0, 2, 4}, {3, 3, 3})})).time_scale, 4);
}

TEST(Normalization, TimeIsThatOfTheMovementAndNotOfItsNoise) {
  // A sine in steps of 0.1, which moves by its deviation in 1; then each sample once more, at once and 5 % off.
  std::vector<double> times, states, noisy_times, noisy_states;
  for (int i = 0; i < 200; ++i) {
    times.push_back(0.1 * i);
    states.push_back(std::sin(times.back()));
    for (const double moment : {0.0, 1e-6}) {
      noisy_times.push_back(times.back() + moment);
      noisy_states.push_back(states.back() + (moment > 0 ? 0.05 : 0));
    }
  }
  EXPECT_NEAR(measure(series_of({trajectory(times, states)})).time_scale, 1, 0.1);
  EXPECT_NEAR(measure(series_of({trajectory(noisy_times, noisy_states)})).time_scale, 1, 0.1);
  std::vector<double> with_constants;
  for (const double state : states) with_constants.insert(with_constants.end(), {7, state, 7, 7, 7});
  EXPECT_EQ(measure(series_of({trajectory(times, with_constants)})).time_scale,
            measure(series_of({trajectory(times, states)})).time_scale);
  for (std::size_t i = 0; i < states.size(); i += 2) states[i] = kNan;
  std::vector<double> alternating;  // no two neighbours are measured
  for (const double state : states) alternating.insert(alternating.end(), {state, std::isnan(state) ? 1 : kNan});
  EXPECT_NEAR(measure(series_of({trajectory(times, alternating)})).time_scale, 1, 0.1);
}

TEST(Normalization, UnitsDoNotMatter) {
  for (const double unit : {1e-15, 1e9}) {
    const Normalization units = measure(series_of({trajectory({0, 2 * unit, 4 * unit}, {0, 2 * unit, 4 * unit})}));
    EXPECT_NEAR(units.time_scale / units.state_scale[0], 1, 1e-14);
  }
}

TEST(Windows, OverlapByHalfAndReachTheEnd) {
  const std::vector<Window> stretches = {{0, 0, 10}, {1, 2, 3}, {2, 0, 1}};
  const std::vector<Window> windows = cut_windows(stretches, 5);
  std::vector<std::vector<std::size_t>> found;
  for (const Window& window : windows) found.push_back({window.trajectory, window.first, window.count});
  const std::vector<std::vector<std::size_t>> expected = {{0, 0, 5}, {0, 2, 5}, {0, 4, 5}, {0, 5, 5}, {1, 2, 3}};
  EXPECT_EQ(found, expected);
}

TEST(Windows, EndAtGaps) {
  const auto counts = [](const std::vector<double>& times) {
    const TimeSeries series = series_of({trajectory(times, times)});
    std::vector<std::size_t> found;
    for (const Window& stretch : between_gaps(series, {0, 0, times.size()}, 1)) found.push_back(stretch.count);
    return found;
  };
  using Counts = std::vector<std::size_t>;
  EXPECT_EQ(counts({0, 1, 2, 300, 301, 302, 900}), (Counts{3, 3, 1}));
  EXPECT_EQ(counts({0, 1, 2, 90, 91, 92}), Counts{6});                 // not much longer than the states' own time
  EXPECT_EQ(counts({0, 1, 10, 100, 1000, 10000, 100000}), Counts{7});  // evenly on a logarithmic scale
  EXPECT_EQ(counts({0, 1, 2, 1000, 2000, 3000}), Counts{6});           // sampled less often from there on
  EXPECT_EQ(counts({0, 1000}), Counts{2});
  const std::vector<double> times = {0, 1, 2, 300, 301, 302, 900};
  for (const auto& [last, count] : {std::pair{0, 1}, {2, 3}, {3, 1}, {5, 3}, {6, 1}})
    EXPECT_EQ(count_since_gap(times, static_cast<std::size_t>(last), 1), static_cast<std::size_t>(count)) << last;
}

TEST(Windows, AFewAreSpreadOverAll) {
  std::vector<std::size_t> items(1000);
  std::iota(items.begin(), items.end(), std::size_t{0});
  EXPECT_EQ(spread(items, 1000, 0), items);
  const std::vector<std::size_t> few = spread(items, 100, 0);
  ASSERT_EQ(few.size(), 100U);
  std::vector<std::size_t> phases;  // were data to repeat every ten items
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(i + 1 < few.size() ? few[i] / 10 : 99, i);  // one out of each tenth
    phases.push_back(few[i] % 10);
  }
  EXPECT_EQ(few.back(), 999U);
  for (std::size_t phase = 0; phase < 10; ++phase)
    EXPECT_LT(std::count(phases.begin(), phases.end(), phase), 25) << phase;
  EXPECT_EQ(spread(items, 100, 0), few);
  EXPECT_NE(spread(items, 100, 1), few);
  EXPECT_EQ(spread(items, 1, 0), (std::vector<std::size_t>{999}));
}

/// A model that fits the series, with units given.
SeriesModel model_of(const TimeSeries& series, Normalization units, std::int64_t memory = 0) {
  SeriesModelOptions options = config_of(series).model;
  options.memory = {memory};
  options.context = 3;
  return SeriesModel(options, series, std::move(units), 0);
}

TEST(Windows, ArraysAreNormalizedMaskedAndPadded) {
  const TimeSeries series = series_of({trajectory({0, 1, 2, 4}, {kNan, 2, 4, kNan}), trajectory({5, 6}, {8, 10})});
  const SeriesModel model = model_of(series, {.state_offset = {2}, .state_scale = {2}, .time_scale = 0.5});
  const std::vector<Stretch> stretches = {stretch_of(series, {0, 0, 3}), stretch_of(series, {0, 1, 3}),
                                          stretch_of(series, {1, 0, 2})};
  const WindowArrays arrays = window_arrays(model, stretches, 3);
  EXPECT_EQ(arrays.starts.at(0), 0);  // the next measured cell, (2 - 2) / 2
  EXPECT_EQ(arrays.starts.at(2), 3);
  EXPECT_EQ(arrays.times.at(1), 2);
  EXPECT_EQ(arrays.times.at(3 + 2), 6);
  const std::vector<double> masks = {0, 1, 1, 1, 1, 0, 1, 1, 0};
  for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(arrays.masks.at(i), masks[static_cast<std::size_t>(i)]) << i;
  EXPECT_EQ(arrays.times.at(8), arrays.times.at(7));  // padding repeats the last time
  EXPECT_EQ(arrays.targets.at(7), 4);
}

TEST(Windows, NothingBehindTheKnownSamplesIsLookedAt) {
  const TimeSeries series = series_of({trajectory({0, 1, 2, 3}, {kNan, kNan, 4, 5}, {0, 1, 2, 3})});
  const SeriesModel model = model_of(
      series, {.state_offset = {2}, .state_scale = {1}, .input_offset = {0}, .input_scale = {1}, .time_scale = 1});
  const HostArray ahead(Shape{2, 1}, std::vector<double>{7, 8});
  const std::vector<Stretch> stretches = {{&series.trajectories[0], 0, 4, 2, &ahead}};
  const WindowArrays arrays = window_arrays(model, stretches, 4);
  EXPECT_EQ(arrays.starts.at(0), 0);  // the mean: the cells that come later are not known
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_EQ(arrays.masks.at(i), 0) << i;
  EXPECT_EQ(arrays.inputs.numbers(), (std::vector<double>{0, 1, 7, 8}));
}

TEST(Embedding, PutsEarlierSamplesBeside) {
  const TimeSeries embedded =
      embed_delays(series_of({trajectory({0, 1, 2, 3}, {1, 2, 3, 4}, {5, 6, 7, 8})}), {.copies = 2});
  EXPECT_EQ(embedded.state_names, (std::vector<std::string>{"z0", "z0_lag1", "z0_lag2"}));
  const Trajectory& first = embedded.trajectories[0];
  EXPECT_EQ(first.times, (std::vector<double>{2, 3}));
  const std::vector<double> expected = {3, 2, 1, 4, 3, 2};
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(first.states.at(i), expected[static_cast<std::size_t>(i)]);
  EXPECT_EQ(first.inputs.at(0), 7);
  EXPECT_ERROR(embed_delays(series_of({trajectory({0, 1, 3}, {1, 2, 3})}), {.copies = 1}), DataError,
               "evenly spaced times; in the series the step from t = 1 to 3 is not 1; give missing times as rows");
  EXPECT_NO_THROW(embed_delays(series_of({trajectory({1.7e9, 1.7e9 + 0.1, 1.7e9 + 0.2}, {1, 2, 3})}), {.copies = 1}));
  EXPECT_ERROR(embed_delays(series_of({trajectory({0, 1}, {1, 2})}), {.copies = 1}), DataError, "needs at least 3");
}

TEST(Embedding, LagsAreSamplesFromOneCopyToTheNext) {
  const TimeSeries embedded = embed_delays(
      series_of({trajectory({0, 1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12})}), {.copies = 2, .lag = 2});
  EXPECT_EQ(embedded.state_names, (std::vector<std::string>{"z0", "z0_lag2", "z0_lag4"}));
  const Trajectory& first = embedded.trajectories[0];
  EXPECT_EQ(first.times, (std::vector<double>{4, 5}));
  EXPECT_EQ(first.states.row(0), (std::vector<double>{5, 3, 1}));
  EXPECT_EQ(first.states.row(1), (std::vector<double>{6, 4, 2}));
  EXPECT_EQ(first.inputs.numbers(), (std::vector<double>{11, 12}));
  const TimeSeries short_one = series_of({trajectory({0, 1, 2}, {1, 2, 3})});
  EXPECT_ERROR(embed_delays(short_one, {.copies = 1, .lag = 2}), DataError,
               "has 3 samples; delay 1 with a lag of 2 samples needs at least 4");
  EXPECT_ERROR(embed_delays(short_one, {.copies = 1, .lag = 0}), InvalidArgument, "the lag at least 1; got 1 and 0");
}

TEST(Split, HoldsOutTheEndOfOneOrTheLastOfSeveral) {
  const Split one = split_series(decay(10), 0.2);
  EXPECT_EQ(one.train_ends[0], 8U);
  EXPECT_EQ(one.held[0].first, 8U);
  EXPECT_EQ(one.held[0].count, 2U);
  const TimeSeries many = series_of(std::vector<Trajectory>(5, decay(4).trajectories[0]));
  const Split several = split_series(many, 0.3);
  EXPECT_EQ(several.train_ends, (std::vector<std::size_t>{4, 4, 4, 0, 0}));
  EXPECT_EQ(training_part(many, several).trajectories.size(), 3U);
  EXPECT_TRUE(split_series(many, 0).held.empty());
  EXPECT_ERROR(split_series(decay(2), 0.2), DataError, "too few");
}

TEST(Split, OfAnEndWithoutMeasuredValuesBeginsBeforeIt) {
  TimeSeries series = decay(20);
  for (std::int64_t i = 15; i < 20; ++i) series.trajectories[0].states.set(i, kNan);
  EXPECT_EQ(split_series(series, 0.2).train_ends[0], 12U);  // three of the fifteen measured ones
}

std::vector<std::size_t> ends_of(const TimeSeries& series, const std::string& part) {
  return hold_out_part(series, part).train_ends;
}

TEST(Split, HoldsOutWhatIsNamed) {
  using Ends = std::vector<std::size_t>;
  TimeSeries many = series_of(std::vector<Trajectory>(4, decay(10).trajectories[0]));  // times 0, 0.1, … 0.9
  many.trajectory_name = "subject";
  for (std::size_t i = 0; i < 4; ++i) many.trajectories[i].id = std::to_string(i + 11);
  EXPECT_EQ(ends_of(many, "subject=12,14"), (Ends{10, 0, 10, 0}));
  EXPECT_EQ(ends_of(many, "13"), (Ends{10, 10, 0, 10}));  // and no time
  EXPECT_EQ(ends_of(many, "t=0.5"), (Ends{5, 5, 5, 5}));
  many.trajectories[1].times.assign({5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
  const Split late = hold_out_part(many, "t=0.5");
  EXPECT_EQ(late.train_ends, (Ends{5, 0, 5, 5}));
  EXPECT_EQ(late.held[1].count, 10U);
  EXPECT_ERROR(ends_of(many, "subject=12,15"), InvalidArgument, "names of trajectories (11, 12, 13, 14), or the time");
  EXPECT_ERROR(ends_of(many, "patient=12"), InvalidArgument, "got 'patient=12'");
  EXPECT_EQ(ends_of(many, "25%"), (Ends{10, 10, 10, 0}));
  EXPECT_EQ(ends_of(many, "0.25"), (Ends{10, 10, 10, 0}));
  EXPECT_ERROR(ends_of(many, "120"), InvalidArgument, "--hold-out 120 is no share: for a time write t=120.");
  EXPECT_ERROR(ends_of(many, "20"), InvalidArgument, "--hold-out 20 may be a share or a time: write 20% or t=20.");
  EXPECT_ERROR(ends_of(many, "t=99"), DataError, "no sample is as late");
  EXPECT_ERROR(ends_of(many, "11,12,13,14"), DataError, "nothing is left to train on");
  many.trajectory_name = "site,visit";
  for (std::size_t i = 0; i < 4; ++i) many.trajectories[i].id = text::concat(i < 2 ? "A," : "B,", i % 2);
  EXPECT_EQ(ends_of(many, "site=B"), (Ends{10, 10, 0, 0}));
  EXPECT_EQ(ends_of(many, "visit=1"), (Ends{10, 0, 10, 0}));
  EXPECT_EQ(ends_of(many, "B,1"), (Ends{10, 10, 10, 0}));
}

TEST(Split, HoldsOutFromADate) {
  TimeSeries days = decay(10);
  days.trajectories[0].times.assign({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  days.time_scale = {"days", "2014-03-10", "%d/%m/%Y"};
  EXPECT_EQ(ends_of(days, "2014-03-15"), std::vector<std::size_t>{5});
  EXPECT_EQ(ends_of(days, "t=16/03/2014"), std::vector<std::size_t>{6});
}

TEST(Split, ValidatesByTheEndOfEachWhereTheTestIsOne) {
  const TimeSeries many = series_of(std::vector<Trajectory>(3, decay(10).trajectories[0]));
  EXPECT_EQ(split_for_validation(many, 0.2).train_ends, (std::vector<std::size_t>{10, 10, 0}));
  EXPECT_TRUE(split_for_validation(many, 0).held.empty());
  EXPECT_EQ(split_for_validation(many, 0.2, Cut::kEnds).train_ends, (std::vector<std::size_t>{8, 8, 8}));
}

TEST(Fit, AFileThatJudgesIsTheTestAndNothingElse) {
  const TimeSeries series = decay(30), judge = decay(40, 2);
  FitConfig config = config_of(series);
  config.window = 4;
  const PreparedSeries prepared = prepare_fit(series, config, judge);
  EXPECT_EQ(prepared.split.train_ends, (std::vector<std::size_t>{30, 0}));
  EXPECT_EQ(prepared.units.state_offset, measure(series).state_offset);
  const FitResult result = fit(prepared, config);
  EXPECT_EQ(result.parts.training + result.parts.validation, 30U);
  EXPECT_EQ(result.parts.test, 40U);
  EXPECT_EQ(result.split.held[0].first, 4U) << "the context tells where the model stands";
  EXPECT_EQ(result.model().last_states().size(), 1U) << "forecasts go on from the data of the fit";
  config.judge = "other.csv";
  config.hold_out_part = "t=1";
  EXPECT_ERROR(config.check(), InvalidArgument, "either --judge or --hold-out");
}

TEST(FitConfig, SurvivesToml) {
  FitConfig config = config_of(decay(5));
  config.data = "a \"b\".csv";
  config.model.hidden = {3, 5};
  config.model.solve.method = Method::kTsit5;
  config.model.solve.adjoint = Adjoint::kBacksolve;
  config.seed = 123456789012345;
  config.model.solve.rtol = 1.0 / 3;
  const FitConfig again = fit_config_from(parse_toml(config.to_config().to_toml(), "test"));
  EXPECT_EQ(first_difference(config, again), "");
  FitConfig other = config;
  other.epochs = 7;
  EXPECT_EQ(first_difference(config, other), "'epochs = 20' and 'epochs = 7'");
  Config unknown = config.to_config();
  unknown.set("model", "hiden", std::int64_t{3});
  EXPECT_ERROR(fit_config_from(unknown), DataError, "hiden");
  Config format = config.to_config();
  format.set("", "format", std::int64_t{99});
  EXPECT_ERROR(fit_config_from(format), InvalidArgument, "99");
}

TEST(SeriesModel, IsReadAsItWasWritten) {
  const TimeSeries series = series_of({trajectory({0, 1, 2, 3}, {1, 2, 3, 4, 5, 6, kNan, 8}, {1, 0, 1, 0})});
  SeriesModel model = model_of(series, measure(series), 1);
  model.set_last_states({{"", 3, {5, 8, 0.5}}});
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("costate-model-" + std::to_string(::getpid()));
  model.save(path);
  const SeriesModel again = SeriesModel::load(path);
  const SeriesModel::Query query{.start = {1, 2},
                                 .times = {0, 0.5, 2},
                                 .input_times = {0, 3},
                                 .inputs = HostArray(Shape{2, 1}, std::vector<double>{0, 1})};
  EXPECT_EQ(model.predict(query), again.predict(query));
  EXPECT_EQ(model.slopes({{1, 2}}), again.slopes({{1, 2}}));
  EXPECT_EQ(again.last_states()[0].state, (std::vector<double>{5, 8, 0.5}));
  std::ofstream(path, std::ios::binary) << to_safetensors(
      {.arrays = {{"x", HostArray::vector({1.0})}}, .metadata = {}});
  EXPECT_ERROR(SeriesModel::load(path), DataError, "no 'format'");
  model.save(path);
  ArrayFile damaged = read_safetensors(path);
  damaged.arrays["spacing"] = HostArray::vector({kNan});
  write_safetensors(path, damaged);
  EXPECT_ERROR(SeriesModel::load(path), DataError, "it must be positive");
  std::filesystem::remove(path);
}

TEST(SeriesModel, StepsAreThoseOfTheSolve) {
  const TimeSeries series = decay(10);
  const SeriesModel model = model_of(series, measure(series));
  const std::vector<AcceptedStep> steps = model.steps({.start = {1}, .times = {2, 3, 5}});
  double reached = 2;
  for (const AcceptedStep& step : steps) {
    EXPECT_NEAR(step.t, reached, 1e-12);
    reached += step.size;
  }
  EXPECT_NEAR(reached, 5, 1e-12);
}

TEST(Fit, LearnsALinearDecayAndItsInput) {
  // z' = u - z with u = 1 for t < 1 and 0 after: what a hold interpolation drives.
  std::vector<Trajectory> trajectories;
  for (int k = 0; k < 6; ++k) {
    std::vector<double> times, states, inputs;
    double z = 0.3 * k;
    for (int i = 0; i <= 20; ++i) {
      times.push_back(0.1 * i);
      states.push_back(z);
      inputs.push_back(i < 10 ? 1 : 0);
      z = inputs.back() + (z - inputs.back()) * std::exp(-0.1);
    }
    trajectories.push_back(trajectory(times, states, inputs));
  }
  const TimeSeries series = series_of(trajectories);
  FitConfig config = config_of(series);
  config.model.hidden = {};
  config.model.interpolation = Interpolation::kHold;
  config.optimizer = OptimizerKind::kLbfgs;
  config.learning_rate = 1;
  config.epochs = 60;
  config.polish = 0;
  const FitResult result = fit(series, config);
  EXPECT_LT(result.errors[0].relative, 1e-3);
  EXPECT_GT(result.errors[1].relative, 0.1);
}

TEST(Fit, LeavesOutSamplesWhoseSolveFailsAndNeverKeepsNan) {
  // A net of huge rate blows up at once: training goes on from what is finite, or says that nothing was.
  const TimeSeries series = decay(12), few = decay(5);  // too few to validate by: there is one training
  FitConfig config = config_of(series);
  config.epochs = 10;
  config.polish = 0;
  config.learning_rate = 1e3;
  config.model.solve.max_steps = 2000;  // what has not blown up by then only takes longer
  EXPECT_ERROR(fit(series, config), SolveFailed, "no epoch had a finite loss");
  const FitResult result = fit(few, config);
  double failed = 0;
  for (const HistoryRow& row : result.training.history) failed += row.failed;
  EXPECT_GT(failed, 0);
  for (const Parameter& parameter : result.model().parameters())
    for (std::int64_t i = 0; i < parameter.value().size(); ++i) EXPECT_TRUE(std::isfinite(parameter.value().at(i)));
}

TEST(Fit, KnowsHowFarItsGradientsAreOffAndWarnsOnce) {
  std::vector<std::string> said;
  set_log_sink([&](LogLevel, const std::string& message) { said.push_back(message); });
  const TimeSeries series = decay(60);
  FitConfig config = config_of(series);
  config.hold_out = 0;
  const FitResult fine = fit(series, config);
  EXPECT_GT(fine.gradient_error, 0);
  EXPECT_LT(fine.gradient_error, 100 * config.model.solve.rtol);
  EXPECT_TRUE(said.empty());
  config.model.solve.method = Method::kEuler;  // a step of 0.1 for a rate of about 1: off by some percent
  const FitResult coarse = fit(series, config);
  set_log_sink({});
  EXPECT_GT(coarse.gradient_error, 5e-3);
  EXPECT_LT(coarse.gradient_error, 0.5);
  ASSERT_EQ(said.size(), 1U);  // nothing is held out, so that there is no linear ODE beside it
  EXPECT_NE(said[0].find("the gradients that trained the neural ODE are off by"), std::string::npos) << said[0];
  EXPECT_NE(said[0].find("lower --rtol"), std::string::npos);
}

TEST(Fit, ShowsEachSampleOnOneLine) {
  const TimeSeries series = decay(23);
  FitConfig config = config_of(series);
  config.hold_out = 0;
  config.epochs = 1;
  config.polish = 0;
  for (const std::int64_t window : {2, 8, 11, 23}) {
    config.window = window;
    double end = 0;
    for (const StatePath& path : shown_paths(fit(series, config)).fitted) {
      EXPECT_EQ(path.times.front(), end) << window;
      end = path.times.back();
    }
    EXPECT_EQ(end, series.trajectories[0].times.back());
  }
}

TEST(Fit, StartsNearRest) {
  // Over 3,000 units of time, drawn rates of about 1 would leave the numbers that there are.
  std::vector<double> times, states;
  for (int i = 0; i < 40; ++i) {
    times.push_back(i < 20 ? 0.1 * i : 150.0 * (i - 19));
    states.insert(states.end(), {std::exp(-times.back()), std::sin(times.back())});
  }
  const TimeSeries series = series_of({trajectory(times, states)});
  for (const std::uint64_t seed : {0, 1, 2}) {
    FitConfig config = config_of(series);
    config.epochs = 3;
    config.polish = 0;
    config.seed = seed;
    EXPECT_LT(fit(series, config).errors.front().relative.value(), 10);
  }
}

TEST(Fit, RefusesWhatItCouldNotJudgeBeforeAnyWork) {
  TimeSeries series = series_of({trajectory({0, 1, 2}, {1, 2, 3}), trajectory({0, 1}, {1, kNan})});
  EXPECT_ERROR(prepare_fit(series, config_of(series)), DataError, "no measured value to judge");
  series = series_of({trajectory({0, 1, 2, 3, 4}, {kNan, kNan, kNan, kNan, 3})});
  EXPECT_ERROR(prepare_fit(series, config_of(series)), DataError, "no measured value in what is trained on");
}

TEST(Fit, TimesMayBeNeighbouringDoubles) {
  // Nanoseconds since 1970, a sample every 256: no double lies between two.
  std::vector<double> times, states;
  for (int i = 0; i < 12; ++i) {
    times.push_back(1.7e18 + 256.0 * i);
    states.push_back(std::sin(0.5 * i));
  }
  const TimeSeries series = series_of({trajectory(times, states)});
  const FitResult result = fit(series, config_of(series));
  EXPECT_EQ(shown_paths(result).forecasts[0].times.size(), 3U);
  EXPECT_GE(result.training.best_epoch, 0);
}

TEST(SeriesModel, FixedStepsAreThoseOfTrainingOnUnevenTimes) {
  std::vector<double> times, values;
  for (int i = 0; i < 70; ++i) {
    times.push_back(i < 40 ? i / 60.0 : 2.0 + 12 * (i - 40));
    values.push_back(std::exp(-times.back() / 100));
  }
  const TimeSeries series = series_of({trajectory(times, values)});
  SeriesModelOptions options = config_of(series).model;
  options.solve.method = Method::kEuler;
  const SeriesModel model(options, series, measure(series), 3);
  EXPECT_EQ(model.steps({.start = {0.5}, .times = times}).size(), 69U);
  EXPECT_EQ(model.steps({.start = {0.5}, .times = {0, 24}}).size(), 2U);
  const SeriesModel read = SeriesModel::from_file(model.to_file(), "file");
  EXPECT_EQ(read.longest_step(), model.longest_step());
}

TEST(SeriesModel, FixedStepsAreNoLongerThanTheSpacing) {
  const TimeSeries series = decay(40);  // every 0.1
  SeriesModelOptions options = config_of(series).model;
  options.solve.method = Method::kEuler;
  const SeriesModel model(options, series, measure(series), 3);
  const auto steps = [&](std::vector<double> times) {
    return model.steps({.start = {0.5}, .times = std::move(times)}).size();
  };
  EXPECT_EQ(steps(series.trajectories[0].times), 39U);
  EXPECT_EQ(steps({0, 0.03, 3.93}), 40U);
  EXPECT_EQ(steps({0, 0.15}), 2U);
  EXPECT_EQ(steps({0, 20}), 200U);
  std::vector<double> each = {0};
  for (int i = 1; i <= 40; ++i) each.push_back(0.1 * i);
  const double far = model.predict({.start = {0.5}, .times = {0, 4}}).back()[0];
  EXPECT_NEAR(far, model.predict({.start = {0.5}, .times = each}).back()[0], 1e-14);
}

TEST(SeriesModel, FixedStepsAreNoOptionOfAModel) {  // its file has no place for them
  const TimeSeries series = decay(12);
  FitConfig config = config_of(series);
  for (const Method method : {Method::kRk4, Method::kTsit5}) {
    config.model.solve = {.method = method, .steps_per_interval = 4};
    EXPECT_ERROR(SeriesModel(config.model, series, measure(series), 0), InvalidArgument,
                 "got steps_per_interval 4 and step_size 0. Leave both out, and choose the method.");
    config.model.solve = {.method = method, .step_size = 0.05};
    EXPECT_ERROR(fit(series, config), InvalidArgument, "got steps_per_interval 0 and step_size 0.05.");
  }
}

TEST(SeriesModel, QueriesThatDoNotFitAreNamed) {
  const TimeSeries series = decay(12);
  const SeriesModel model = model_of(series, measure(series));
  const std::size_t d = series.state_names.size();
  const auto query = [&](std::size_t numbers, std::vector<double> times) {
    return SeriesModel::Query{.start = std::vector<double>(numbers, 0.5), .times = std::move(times)};
  };
  EXPECT_EQ(model.predict(query(d, {0, 1})).size(), 2U);
  EXPECT_ERROR(model.predict(query(d + 1, {0, 1})), ShapeError, "start must hold");
  EXPECT_ERROR(model.predict(query(0, {0, 1})), ShapeError, "start must hold");
  EXPECT_ERROR(model.predict(query(d, {})), ShapeError, "at least one time");
  EXPECT_ERROR(model.steps(query(d, {0, 2, 1})), InvalidArgument, "times[1] is 2 and times[2] is 1");
  EXPECT_ERROR(model.slopes({std::vector<double>(d + 1, 0.0)}), ShapeError, "a state must hold");
  SeriesModel::Query driven = query(d, {0, 1});
  driven.input_times = {0, 1};
  driven.inputs = HostArray(Shape{2, 1});
  EXPECT_ERROR(model.predict(driven), InvalidArgument, "the model has no inputs");
}

TEST(Forecast, MistakesAreNamed) {
  const TimeSeries series = decay(10);
  SeriesModel model = model_of(series, measure(series));
  model.set_last_states({{"", series.trajectories[0].times.back(), {0.4}}});
  EXPECT_ERROR(forecast(model, {}), InvalidArgument, "either --until or --steps");
  EXPECT_ERROR(forecast(model, {.until = 0.5}), InvalidArgument, "must lie after the start at 0.9; got 0.5");
  EXPECT_ERROR(forecast(model, {.steps = 0}), InvalidArgument, "got 0");
  const TimeSeries ahead = forecast(model, {.until = 1.25}).series;
  EXPECT_EQ(ahead.trajectories[0].times.front(), series.trajectories[0].times.back());
  EXPECT_EQ(ahead.trajectories[0].times.back(), 1.25);
  EXPECT_EQ(ahead.trajectories[0].times.size(), 5U);
}

}  // namespace
}  // namespace costate
