// States that are known by a limit of detection alone: "<0.01".
#include <gtest/gtest.h>

#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/series/delay_embedding.h"
#include "costate/series/fit.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/internal/window_loss.h"
#include "costate/series/split.h"
#include "tests/series/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using Numbers = std::vector<double>;

/// Below 0.5 from the third sample on, and above 2 at the first.
TimeSeries limited() {
  TimeSeries series = series_of({trajectory({0, 1, 2, 3}, {kNan, 1, kNan, kNan})});
  series.trajectories[0].above = HostArray(Shape{4, 1}, Numbers{2, kNan, kNan, kNan});
  series.trajectories[0].below = HostArray(Shape{4, 1}, Numbers{kNan, kNan, 0.5, 0.5});
  return series;
}

/// A model at rest, in the data's own units.
SeriesModel resting_model(const TimeSeries& series) {
  SeriesModelOptions options;
  options.columns = {.time = "t", .states = series.state_names};
  options.hidden = {};
  options.memory = {0};
  Normalization units = measure(series_of({trajectory({0, 1, 2}, {0, 1, 2})}));
  units.state_offset = {0};
  units.state_scale = {1};
  return SeriesModel(options, series, units, 0);
}

double loss_from(const SeriesModel& model, const WindowArrays& arrays, double shift) {
  const Program program = compile(trace_list(window_arguments(model, arrays.shape()), [&](std::span<const Array> in) {
    const WindowOutputs outputs = solve_window(model, Loss::kMse, in);
    return std::vector<Array>{outputs.loss, outputs.cells};
  }));
  const RunResult result = program.run(window_inputs(model, arrays, HostArray(Shape{1, 1}, Numbers{shift})));
  EXPECT_EQ(result.outputs[1].at(0), 4);
  return result.outputs[0].at(0) - kStartWeight * shift * shift;
}

TEST(Limits, AreTargetsBesideTheMeasuredOnes) {
  const TimeSeries series = limited();
  const std::vector<Stretch> stretches = {stretch_of(series, {0, 0, 4})};
  const WindowArrays arrays = window_arrays(resting_model(series), stretches, 4);
  EXPECT_EQ(arrays.starts.numbers(), (Numbers{2}));
  EXPECT_EQ(arrays.masks.numbers(), (Numbers{0, 1, 0, 0}));
  EXPECT_EQ(arrays.targets.numbers(), (Numbers{2, 1, 0.5, 0.5}));
  EXPECT_EQ(arrays.sides.numbers(), (Numbers{1, 0, -1, -1}));
  EXPECT_EQ(take_windows(arrays, std::vector<std::size_t>{0}).sides.numbers(), arrays.sides.numbers());
  const TimeSeries none = series_of({trajectory({0, 1}, {1, 2})});
  EXPECT_EQ(window_arrays(resting_model(none), std::vector<Stretch>{stretch_of(none, {0, 0, 2})}, 2).sides.size(), 0);
}

TEST(Limits, CostOnlyOnTheirWrongSide) {
  const TimeSeries series = limited();
  const SeriesModel model = resting_model(series);
  const std::vector<Stretch> stretches = {stretch_of(series, {0, 0, 4})};
  const WindowArrays arrays = window_arrays(model, stretches, 4);
  // At rest at y: (y < 2)² + (y - 1)² + 2 (y > 0.5)².
  EXPECT_DOUBLE_EQ(loss_from(model, arrays, 1), 4 + 2 * 2.5 * 2.5);   // y = 3
  EXPECT_DOUBLE_EQ(loss_from(model, arrays, -1), 1 + 2 * 0.5 * 0.5);  // y = 1
  EXPECT_DOUBLE_EQ(loss_from(model, arrays, -2), 4 + 1);              // y = 0
}

TEST(Limits, StayBesideTheirStates) {
  const TimeSeries series = limited();
  EXPECT_EQ(training_part(series, split_series(series, 0.25)).trajectories[0].below.size(), 3);
  EXPECT_EQ(embed_delays(series, {.copies = 1}).trajectories[0].below.shape(), (Shape{3, 2}));
  EXPECT_EQ(count_beyond_limits(series, 0), 3u);
  TimeSeries wrong = series;
  wrong.trajectories[0].above = HostArray(Shape{3, 1});
  EXPECT_ERROR(check(wrong), ShapeError, "repeats and limits");
}

}  // namespace
}  // namespace costate
