#include "costate/io/series.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/io/files.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using test::Scratch;
using Numbers = std::vector<double>;

TimeSeries series(const std::string& text, const SeriesColumns& columns) {
  return series_from_table(CsvTable(text, "data.csv"), columns);
}

const SeriesColumns kPlain{.time = "t", .states = {"x", "y"}};

SeriesColumns with_inputs(std::vector<std::string> inputs) {
  SeriesColumns columns = kPlain;
  columns.inputs = std::move(inputs);
  return columns;
}

SeriesColumns with_trajectory(const std::string& name) {
  SeriesColumns columns = kPlain;
  columns.trajectory = name;
  return columns;
}

TEST(Series, ReadsStatesInputsAndGaps) {
  const TimeSeries read = series("y,t,x,u\n2,0,1,10\n,0.5,3,20\n6,2,NA,30\n", with_inputs({"u"}));
  ASSERT_EQ(read.trajectories.size(), 1u);
  const Trajectory& only = read.trajectories[0];
  EXPECT_EQ(only.times, (Numbers{0, 0.5, 2}));
  EXPECT_EQ(only.states.shape(), (Shape{3, 2}));
  EXPECT_TRUE(only.states.same_bits(HostArray(Shape{3, 2}, Numbers{1, 2, 3, NAN, NAN, 6})));
  EXPECT_TRUE(only.inputs.same_bits(HostArray(Shape{3, 1}, Numbers{10, 20, 30})));
  EXPECT_EQ(read.time_scale, TimeScale{});
}

TEST(Series, WithoutInputsTheyHaveNoColumns) {
  EXPECT_EQ(series("t,x,y\n0,1,2\n1,3,4\n", kPlain).trajectories[0].inputs.shape(), (Shape{2, 0}));
}

TEST(Series, GroupsRowsByTrajectoryInOrderOfAppearance) {
  const TimeSeries read = series("id,t,x,y\nb,0,1,1\na,0,2,2\nb,1,3,3\na,0.5,4,4\na,1,5,5\n", with_trajectory("id"));
  ASSERT_EQ(read.trajectories.size(), 2u);
  EXPECT_EQ(read.trajectories[0].id, "b");
  EXPECT_EQ(read.trajectories[0].times, (Numbers{0, 1}));
  EXPECT_EQ(read.trajectories[1].times, (Numbers{0, 0.5, 1}));
  EXPECT_EQ(read.trajectories[1].states.at(4), 5);
}

TEST(Series, ReadsCalendarTimes) {
  const TimeSeries read = series("t,x,y\n2024-01-01,1,1\n2024-01-03,2,2\n", kPlain);
  EXPECT_EQ(read.trajectories[0].times, (Numbers{0, 2}));
  EXPECT_EQ(read.time_scale, (TimeScale{"days", "2024-01-01"}));
}

TEST(Series, ErrorsNameTheLine) {
  EXPECT_ERROR(series("t,x,y\n0,1,1\n2,1,1\n1,1,1\n", kPlain), DataError,
               "data.csv, line 4, column 't': times must increase; got 1 after 2 on line 3. Sort the rows");
  EXPECT_ERROR(series("t,x,y\n0,1,1\n0,1,1\n", kPlain), DataError, "got 0 after 0 on line 2. Merge the two");
  EXPECT_ERROR(series("i,t,x,y\na,0,1,1\nb,0,1,1\na,1,1,1\nb,-1,1,1\n", with_trajectory("i")), DataError,
               "line 5, column 't': times of trajectory 'b' must increase");
  EXPECT_ERROR(series("t,x,y\n0,1,1\n", kPlain), DataError, "at least 2 rows are needed; got 1");
  EXPECT_ERROR(series("i,t,x,y\na,0,1,1\na,1,1,1\nb,0,1,1\n", with_trajectory("i")), DataError,
               "at least 2 rows of trajectory 'b' are needed");
  EXPECT_ERROR(series("i,t,x,y\na,0,1,1\n,1,1,1\n", with_trajectory("i")), DataError,
               "line 3, column 'i': the trajectory is missing");
  EXPECT_ERROR(series("t,x,y,u\n0,1,1,1\n1,1,1,\n", with_inputs({"u"})), DataError,
               "line 3, column 'u': the input is missing");
  EXPECT_ERROR(series("t,x,y\n0,,1\n1,,1\n", kPlain), DataError, "state column 'x' has no number");
  EXPECT_ERROR(series("t,x,z\n0,1,1\n1,1,1\n", kPlain), DataError, "unknown column 'y'");
}

TEST(Series, RolesAreDistinct) {
  EXPECT_ERROR(series("t,x,y\n0,1,1\n", with_inputs({"x"})), InvalidArgument, "'x' is named twice");
  SeriesColumns none = kPlain;
  none.states.clear();
  EXPECT_ERROR(series("t,x,y\n0,1,1\n", none), InvalidArgument, "at least one state column");
}

TEST(Series, NamesThatNoFileCouldHoldAreRefused) {
  SeriesColumns columns{.time = "t", .states = {"x\ny"}};
  EXPECT_ERROR(series("t,\"x\ny\"\n0,1\n1,2\n", columns), InvalidArgument, "UTF-8 on one line; got 'x\\ny'");
  columns.states = {"\xB5"};
  EXPECT_ERROR(series("t,\xB5\n0,1\n1,2\n", columns), InvalidArgument, "got '\\xB5'");
  columns = {.time = "t", .states = {"x"}, .trajectory = "run"};
  EXPECT_ERROR(series("t,x,run\n0,1,\"a\nb\"\n1,2,c\n", columns), DataError, "on one line; got 'a\\nb'");
  EXPECT_NO_THROW(series("t,x,\xB5\n0,1,3\n1,2,3\n", {.time = "t", .states = {"x"}}));  // not used
}

TEST(Series, TimesTooFarApartAreRefused) {
  EXPECT_ERROR(series("t,x,y\n-1e308,1,1\n0,1,1\n1e308,1,1\n", kPlain), DataError, "line 4, column 't': times lie too");
}

TEST(Series, AStartingStateIsOneRow) {
  SeriesColumns columns = kPlain;
  columns.min_samples = 1;
  EXPECT_EQ(series("t,x,y\n0,1,2\n", columns).trajectories[0].times.size(), 1u);
}

TEST(Series, WritesAndReadsBackBitForBit) {
  const Scratch scratch;
  const SeriesColumns columns{.time = "t", .states = {"x", "y"}, .inputs = {"u"}, .trajectory = "trajectory"};
  const TimeSeries made = series("trajectory,t,x,y,u\n1,0,0.1,2,3\n1,0.3,,1e-7,4\n2,0,5,6,7\n2,1,8,9,0.25\n", columns);
  write_series(scratch / "out.csv", made, {"a comment"});
  const TimeSeries read = read_series(scratch / "out.csv", columns);
  ASSERT_EQ(read.trajectories.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.trajectories[i].id, made.trajectories[i].id);
    EXPECT_EQ(read.trajectories[i].times, made.trajectories[i].times);
    EXPECT_TRUE(read.trajectories[i].states.same_bits(made.trajectories[i].states));
    EXPECT_TRUE(read.trajectories[i].inputs.same_bits(made.trajectories[i].inputs));
  }
}

TEST(Series, SaysWhatTheNumbersOfDatesAre) {
  const Scratch scratch;
  write_series(scratch / "out.csv", series("t,x,y\n2024-03-01,1,2\n2024-03-03,3,4\n", kPlain));
  EXPECT_EQ(read_file(scratch / "out.csv"), "# times are days since 2024-03-01\nt,x,y\n0,1,2\n2,3,4\n");
}

TEST(Series, TheHareAndLynxDataIsThePublishedTable) {
  const TimeSeries read =
      read_series(COSTATE_SOURCE_DIR "/examples/data/hare_lynx.csv", {.time = "year", .states = {"hare", "lynx"}});
  const Trajectory& pelts = read.trajectories.at(0);
  ASSERT_EQ(pelts.times.size(), 21u);
  double hares = 0, lynxes = 0;
  for (int i = 0; i < 21; ++i) {
    EXPECT_EQ(pelts.times[static_cast<std::size_t>(i)], 1900 + i);
    hares += pelts.states.at(2 * i);
    lynxes += pelts.states.at(2 * i + 1);
  }
  // Sums of the printed columns, in thousands; 1e-9 covers the rounding of 21 additions.
  EXPECT_NEAR(hares, 715.7, 1e-9);
  EXPECT_NEAR(lynxes, 423.5, 1e-9);
}

}  // namespace
}  // namespace costate
