// Where forecasts start, what drives them, and what is said of both.
#include "costate/series/forecast.h"

#include <gtest/gtest.h>

#include "costate/series/delay_embedding.h"
#include "tests/series/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

struct Form {
  int delay = 0;
  std::int64_t memory = 0;
};

/// Not trained: x' = 0 where the net is linear and at rest, so that what starts it is what comes out.
SeriesModel at_rest(const TimeSeries& series, const Form& form = {}) {
  SeriesModelOptions options;
  options.columns = {.time = "t", .states = series.state_names, .inputs = series.input_names};
  options.hidden = {};
  options.delay = form.delay;
  options.memory = {form.memory};
  options.context = 4;
  const TimeSeries embedded = embed_delays(series, {.copies = form.delay});
  SeriesModel model(options, embedded, measure(embedded), 0);
  model.set_range(range_of(embedded));
  return model;
}

/// Two states, of which the second ends early; one input.
TimeSeries driven() {
  return series_of({trajectory({0, 1, 2, 3, 4}, {1, 5, 2, 6, 3, 7, 2, kNan, 1, kNan}, {0, 1, 0, 1, 0})});
}

TEST(Forecast, StartsFromDataAndSaysWhatWasEstimated) {
  const TimeSeries series = driven();
  const Forecast made =
      forecast(at_rest(series, {.memory = 2}), {.steps = 2, .data = series, .inputs_ahead = InputsAhead::kHold});
  EXPECT_EQ(made.series.trajectories[0].times, (std::vector<double>{4, 5, 6}));
  ASSERT_EQ(made.notes.size(), 2U);
  EXPECT_EQ(
      made.notes[0],
      "the start at 4: 'z1' (last measured at 2), 2 hidden states estimated by the model from the samples before");
  EXPECT_EQ(made.notes[1], "inputs after 4 are not known: held at their last value");
  EXPECT_GT(made.series.trajectories[0].states.at(1), 5.5) << "neither the mean, 6, nor 0, but what the context tells";
}

TEST(Forecast, StartsInsideOfDataAndGoesOnAlongThem) {
  const TimeSeries series = driven();
  const Forecast made = forecast(at_rest(series), {.data = series, .at = 2.5});
  EXPECT_EQ(made.series.trajectories[0].times, (std::vector<double>{2, 3, 4}));
  EXPECT_TRUE(made.notes.empty());
  EXPECT_ERROR(forecast(at_rest(series), {.data = series, .at = -1}), DataError, "nothing is measured up to -1");
  EXPECT_ERROR(forecast(at_rest(series), {.at = 1}), InvalidArgument, "needs the data");
}

TEST(Forecast, GoesOnAlongRowsOfInputsAlone) {
  TimeSeries series = driven();
  for (std::int64_t i = 2; i < 5; ++i) series.trajectories[0].states.set({i, 0}, kNan);
  series.trajectories[0].states.set({2, 1}, kNan);
  const Forecast made = forecast(at_rest(driven()), {.data = series});
  EXPECT_EQ(made.series.trajectories[0].times, (std::vector<double>{1, 2, 3, 4}));
}

TEST(Forecast, RefusesOrSaysWhatItTookForInputs) {
  const TimeSeries series = driven();
  SeriesModel model = at_rest(series);
  ForecastOptions options{.steps = 3, .data = series};
  EXPECT_ERROR(forecast(model, options), InvalidArgument, "give their values over time with --input FILE, or say");
  options.inputs_ahead = InputsAhead::kRepeat;
  EXPECT_ERROR(forecast(model, options), InvalidArgument, "no period is known");
  model.set_period(2);
  EXPECT_EQ(forecast(model, options).notes.back(), "inputs after 4 are not known: repeated after 2");
  model.set_period(40);
  EXPECT_ERROR(forecast(model, options), DataError, "less than the period of 40");
  options.inputs_ahead = InputsAhead::kKnown;
  options.drive = series_of({trajectory({5, 6}, {0, 0}, {1, 1})});
  EXPECT_ERROR(forecast(model, options), DataError, "the inputs cover 0 … 6; the forecast needs 4 … 7");
  options.steps = 2;
  EXPECT_NO_THROW(forecast(model, options));
}

TEST(Forecast, MarksWhatTheTrainingDidNotReach) {
  const TimeSeries series = driven();
  const SeriesModel model = at_rest(series);
  ForecastOptions options{.steps = 3, .data = series};
  options.drive = series_of({trajectory({5, 6, 7}, {0, 0, 0}, {1, 9, 0})});
  const Forecast made = forecast(model, options);
  EXPECT_EQ(made.outside[0], (std::vector<double>{0, 0, 1, 0}));
  EXPECT_EQ(made.notes.back(), "the forecast leaves the range of the training at 6: 'u0'");
}

TEST(Forecast, StartsFromRowsOneEach) {
  const TimeSeries series = decay(10);
  TimeSeries starts = series_of({trajectory({3}, {0.5}), trajectory({1}, {0.25})});
  starts.trajectories[0].id = "a";
  starts.trajectories[1].id = "b";
  const Forecast made = forecast(at_rest(series, {.memory = 1}), {.steps = 2, .starts = starts});
  ASSERT_EQ(made.series.trajectories.size(), 2U);
  EXPECT_EQ(made.series.trajectories[0].times.front(), 3);
  EXPECT_NEAR(made.series.trajectories[1].states.at(0), 0.25, 1e-12);
  EXPECT_EQ(made.notes[1],
            "the start of trajectory 'b': 1 hidden state as the model expects them where a trajectory starts");
  EXPECT_ERROR(forecast(at_rest(series), {.steps = 2, .starts = decay(3)}), DataError, "a start is one row");
  EXPECT_ERROR(forecast(at_rest(series, {.delay = 2}), {.steps = 2, .starts = starts}), InvalidArgument,
               "4 rows or more with --data");
}

TEST(Forecast, AStartThatIsLearnedIsThatOfAPrediction) {
  const TimeSeries series = driven();
  SeriesModelOptions options;
  options.columns = {.time = "t", .states = series.state_names};
  options.hidden = {};
  options.memory = {1};
  options.unmeasured_starts = {"z1"};
  const SeriesModel model(options, series, measure(series), 0);
  for (Parameter parameter : model.parameters())
    for (double& number : parameter.numbers()) number = 0.5;
  const auto from = [](double x, double v) { return series_of({trajectory({3}, {x, v})}); };
  const Forecast made = forecast(model, {.steps = 1, .starts = from(1, kNan)});
  const std::vector<std::vector<double>> states = model.predict({.start = {1, kNan}, .times = {3, 4}});
  for (std::int64_t i = 0; i < 2; ++i)
    EXPECT_EQ(made.series.trajectories[0].states.row(i), states[static_cast<std::size_t>(i)]);
  EXPECT_EQ(made.notes[0], "the start: 'z1', 1 hidden state as the model expects them where a trajectory starts");
  EXPECT_NE(states[0][1], model.normalization().state_offset[1]);
  EXPECT_ERROR(forecast(model, {.steps = 1, .starts = from(kNan, kNan)}), DataError, "holds no value of any state");
}

TEST(Forecast, AModelWithDelaysStartsFromNewData) {
  const TimeSeries series = decay(20);
  TimeSeries fresh = series_of({trajectory({5, 5.1, 5.2, 5.3, 5.4}, {0.9, 0.8, 0.7, 0.6, 0.5})});
  const Forecast made = forecast(at_rest(series, {.delay = 2}), {.steps = 2, .data = fresh});
  EXPECT_EQ(made.series.state_names, (std::vector<std::string>{"z0"})) << "the columns, without their copies";
  EXPECT_EQ(made.series.trajectories[0].times.front(), 5.4);
}

TEST(Forecast, OfManyTrajectoriesHasInputsOfEach) {
  TimeSeries series = driven();
  series.trajectories.push_back(series.trajectories[0]);
  series.trajectories[0].id = "a";
  series.trajectories[1].id = "b";
  TimeSeries drive = series_of({trajectory({5, 6}, {0, 0}, {1, 9}), trajectory({5, 6}, {0, 0}, {1, 1})});
  drive.trajectories[0].id = "b";
  drive.trajectories[1].id = "a";
  const Forecast made = forecast(at_rest(series), {.steps = 2, .data = series, .drive = drive});
  EXPECT_EQ(made.outside, (std::vector<std::vector<double>>{{0, 0, 0}, {0, 0, 1}}));
  drive.trajectories[1].id = "c";
  EXPECT_ERROR(forecast(at_rest(series), {.steps = 2, .data = series, .drive = drive}), InvalidArgument,
               "give their values of trajectory 'a' over time");
  const Forecast held =
      forecast(at_rest(series), {.steps = 2, .data = series, .drive = drive, .inputs_ahead = InputsAhead::kHold});
  EXPECT_EQ(held.notes[1], "inputs of trajectory 'a' after 4 are not known: held at their last value");
  drive.trajectories[0].id = "d";
  EXPECT_ERROR(forecast(at_rest(series), {.steps = 2, .data = series, .drive = drive}), DataError,
               "the file of inputs is of trajectory d, c, and the forecast of a, …; name trajectories alike");
}

TEST(Forecast, TheFileOfAModelKnowsItsRangeAndItsEnds) {
  const TimeSeries series = driven();
  SeriesModel model = at_rest(series);
  model.set_period(2);
  model.set_last_states({{"", 4, {1, 7}, {}, {4, 2}, {0}}});
  const SeriesModel again = SeriesModel::from_file(model.to_file(), "test");
  EXPECT_EQ(again.range().state_high, (std::vector<double>{3, 7}));
  EXPECT_EQ(again.range().input_low, (std::vector<double>{0}));
  EXPECT_EQ(again.period(), 2);
  const Forecast made = forecast(again, {.steps = 1, .inputs_ahead = InputsAhead::kHold});
  EXPECT_EQ(made.notes[0], "the start at 4: 'z1' (last measured at 2) estimated by the model from the samples before");
}

}  // namespace
}  // namespace costate
