// Repeated measurements: their mean is a state, and weighs as much as they do.
#include <gtest/gtest.h>

#include "costate/series/delay_embedding.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/series_model.h"
#include "costate/series/split.h"
#include "tests/series/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using Numbers = std::vector<double>;

TimeSeries repeated() {
  TimeSeries series = series_of({trajectory({0, 1, 2, 3, 4}, {1, 2, 3, 4, 5})});
  series.trajectories[0].repeats = HostArray(Shape{5, 1}, Numbers{1, 2, 3, 1, 5});
  return series;
}

TEST(Repeats, WeighAsTheyAreMany) {
  const TimeSeries series = repeated();
  SeriesModelOptions options;
  options.columns = {.time = "t", .states = series.state_names};
  options.hidden = {};
  options.memory = {0};
  const SeriesModel model(options, series, measure(series), 0);
  const std::vector<Stretch> stretches = {stretch_of(series, {0, 1, 3})};
  EXPECT_EQ(window_arrays(model, stretches, 3).masks.numbers(), (Numbers{2, 3, 1}));
}

TEST(Repeats, StayBesideTheirStates) {
  const TimeSeries series = repeated();
  EXPECT_EQ(training_part(series, split_series(series, 0.4)).trajectories[0].repeats.numbers(), (Numbers{1, 2, 3}));
  EXPECT_EQ(embed_delays(series, {.copies = 1}).trajectories[0].repeats.numbers(), (Numbers{2, 1, 3, 2, 1, 3, 5, 1}));
  EXPECT_NO_THROW(check(embed_delays(series, {.copies = 1})));
  TimeSeries wrong = series;
  wrong.trajectories[0].repeats = HostArray(Shape{4, 1});
  EXPECT_ERROR(check(wrong), ShapeError, "repeats");
}

}  // namespace
}  // namespace costate
