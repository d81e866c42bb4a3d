#include "costate/io/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

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
  EXPECT_EQ(read.time_scale, (TimeScale{"days", "2024-01-01", "%F"}));
}

TEST(Series, ErrorsNameTheLine) {
  EXPECT_ERROR(series("t,x,y\n0,1,1\n2,1,1\n1,1,1\n", kPlain), DataError,
               "data.csv, line 4, column 't': times must increase; got 1 after 2 on line 3. Sort the rows");
  EXPECT_ERROR(series("t,x,y\n0,1,1\n0,1,1\n", kPlain), DataError, "rows at different times are needed; got 1");
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
  SeriesColumns start = kPlain;
  start.min_samples = 1;
  EXPECT_TRUE(std::isnan(series("t,x,y\n0,,1\n", start).trajectories[0].states.at(0)));
  EXPECT_ERROR(series("t,x,y\n0,,\n", start), DataError, "state column 'x' has no number");
  start = {.time = "t", .states = {"x", "y"}, .quantity = "q", .value = "v", .min_samples = 1};
  EXPECT_TRUE(std::isnan(series("q,t,v\ny,0,1\n", start).trajectories[0].states.at(0)));
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
  write_series(scratch / "out.csv", made, "how it was made");
  EXPECT_EQ(read_file((scratch / "out.csv").string() + ".txt"), "how it was made\n");
  const TimeSeries read = read_series(scratch / "out.csv", columns);
  ASSERT_EQ(read.trajectories.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.trajectories[i].id, made.trajectories[i].id);
    EXPECT_EQ(read.trajectories[i].times, made.trajectories[i].times);
    EXPECT_TRUE(read.trajectories[i].states.same_bits(made.trajectories[i].states));
    EXPECT_TRUE(read.trajectories[i].inputs.same_bits(made.trajectories[i].inputs));
  }
}

const std::string kLong =
    "run,quantity,hours,value\na,s,0,4\na,p,0,0.5\na,s,0,4.5\na,s,1,3\na,other,1.5,9\na,p,2,2\na,s,2,1\na,s,2,NA\nb,p,"
    "0,1\nb,s,1,2\n";
const SeriesColumns kLongColumns{
    .time = "hours", .states = {"s", "p"}, .trajectory = "run", .quantity = "quantity", .value = "value"};

TEST(Series, LimitsAreKeptBesideStates) {
  const TimeSeries read = series("t,x,y\n0,<0.5,1\n1,2,>9\n1,<0.3,>8\n2,<0.2,\n2,<0.1,5\n", kPlain);
  const Trajectory& only = read.trajectories[0];
  EXPECT_TRUE(only.states.same_bits(HostArray(Shape{3, 2}, Numbers{NAN, 1, 2, NAN, NAN, 5})));
  EXPECT_TRUE(only.below.same_bits(HostArray(Shape{3, 2}, Numbers{0.5, NAN, NAN, NAN, 0.1, NAN})));
  EXPECT_TRUE(only.above.same_bits(HostArray(Shape{3, 2}, Numbers{NAN, NAN, NAN, 9, NAN, NAN})));
  const Scratch folder;
  write_series(folder / "a.csv", read);
  EXPECT_EQ(read_file(folder / "a.csv"), "t,x,y\n0,<0.5,1\n1,2,>9\n2,<0.1,5\n");
  EXPECT_EQ(series("t,x,y\n0,1,2\n1,3,4\n", kPlain).trajectories[0].below.size(), 0);
  EXPECT_ERROR(series("t,x,y,u\n0,1,1,<3\n1,1,1,2\n", with_inputs({"u"})), DataError, "as only a state may be");
  SeriesColumns driven = kLongColumns;
  driven.states = {"s"};
  driven.inputs = {"u"};
  driven.trajectory = "";
  const std::string head = "quantity,hours,value\n";
  EXPECT_EQ(series(head + "s,0,<4\nu,0,1\ns,1,2\nu,1,1\n", driven).trajectories[0].below.at(0), 4);
  EXPECT_ERROR(series(head + "s,0,4\nu,0,<1\ns,1,2\nu,1,1\n", driven), DataError,
               "the input 'u' is beyond a limit of detection");
}

TEST(Series, ReadsLongTables) {
  const TimeSeries read = series(kLong, kLongColumns);
  ASSERT_EQ(read.trajectories.size(), 2u);
  EXPECT_EQ(read.state_names, (std::vector<std::string>{"s", "p"}));
  const Trajectory& a = read.trajectories[0];
  EXPECT_EQ(a.times, (Numbers{0, 1, 2}));
  EXPECT_TRUE(a.states.same_bits(HostArray(Shape{3, 2}, Numbers{4.25, 0.5, 3, NAN, 1, 2})));
  EXPECT_TRUE(a.repeats.same_bits(HostArray(Shape{3, 2}, Numbers{2, 1, 1, 0, 1, 1})));
  EXPECT_EQ(read.trajectories[1].repeats.size(), 0);
  // Quantity after quantity is as good as time after time.
  const TimeSeries sorted = series("quantity,t,value\ns,0,1\ns,2,3\np,1,2\np,2,4\n",
                                   {.time = "t", .states = {"p", "s"}, .quantity = "quantity", .value = "value"});
  EXPECT_TRUE(sorted.trajectories[0].states.same_bits(HostArray(Shape{3, 2}, Numbers{NAN, 1, 2, NAN, 4, 3})));
}

TEST(Series, InputsOfALongTableAreQuantitiesOrColumns) {
  const std::string text = "q,t,v,heat\nx,0,1,5\nu,0,7,5\nx,1,2,6\nu,1,8,6\n";
  SeriesColumns columns{.time = "t", .states = {"x"}, .inputs = {"u", "heat"}, .quantity = "q", .value = "v"};
  EXPECT_TRUE(series(text, columns).trajectories[0].inputs.same_bits(HostArray(Shape{2, 2}, Numbers{7, 5, 8, 6})));
  EXPECT_ERROR(series("q,t,v\nx,0,1\nu,0,7\nx,1,2\n",
                      {.time = "t", .states = {"x"}, .inputs = {"u"}, .quantity = "q", .value = "v"}),
               DataError, "line 4, column 'u': the input is missing");
  columns.states = {"y"};
  const std::string message = test::message_of<DataError>([&] { series(text, columns); });
  EXPECT_TRUE(message.ends_with("column 'q': unknown quantity 'y'; did you mean 'u'? known: u, x.")) << message;
  columns.value.clear();
  EXPECT_ERROR(series(text, columns), InvalidArgument, "needs both --quantity and --value");
}

TEST(Series, RepeatedMeasurementsAreKeptAsMeanAndCount) {
  const TimeSeries read = series("t,x,y,u\n0,1,,5\n0,3,2,5\n1,4,7,6\n", with_inputs({"u"}));
  const Trajectory& only = read.trajectories[0];
  EXPECT_EQ(only.times, (Numbers{0, 1}));
  EXPECT_TRUE(only.states.same_bits(HostArray(Shape{2, 2}, Numbers{2, 2, 4, 7})));
  EXPECT_TRUE(only.repeats.same_bits(HostArray(Shape{2, 2}, Numbers{2, 1, 1, 1})));
  EXPECT_ERROR(series("t,x,y,u\n0,1,1,5\n0,3,2,6\n1,4,7,6\n", with_inputs({"u"})), DataError,
               "line 3, column 'u': the input is 6, but 5 at the same time on line 2. Give one value for each time.");
}

TEST(Series, RunsThatWereNotToldApartAreNotPooled) {
  EXPECT_ERROR(
      series("who,t,x,y\na,0,1,1\nb,0,3,2\na,1,1,1\nb,1,3,2\n", kPlain), DataError,
      "states are given several times for one time, and column 'who' tells these rows apart; if they are several "
      "runs, name it with --trajectory; if they are repeated measurements, remove it.");
  SeriesColumns site = with_trajectory("site");
  const std::string visits = "site,visit,t,x,y\nA,1,0,1,1\nA,2,0,1,2\nA,1,1,2,3\nA,2,1,2,4\n";
  EXPECT_ERROR(series(visits, site), DataError,
               "column 'visit' tells these rows apart; if they are several runs, name it "
               "with --trajectory site,visit");
  SeriesColumns columns = kLongColumns;
  columns.trajectory.clear();
  EXPECT_ERROR(series("run,quantity,hours,value\na,s,0,4\nb,s,0,4.5\na,s,1,3\nb,s,1,2\na,p,1,3\nb,p,1,2\n", columns),
               DataError, "column 'run' tells these rows apart");
  // Replicates are, but not those of several quantities, some of them not always measured.
  const SeriesColumns pooled{.time = "t", .states = {"v"}, .trajectory = "run"};
  EXPECT_ERROR(
      series(
          "run,what,unit,t,v\nA,s,mM,0,4\nA,s,mM,0,4.1\nA,p,mM,0,0\nA,s,mM,1,3\nA,s,mM,1,3.2\nA,s,mM,2,2\nA,p,mM,2,1\n",
          pooled),
      DataError,
      "column 'what' tells these rows apart; if it names what a row measured, take --quantity 'what' --value 'v' and "
      "its "
      "words as states; if they are several runs, name it with --trajectory run,what; if they are repeated "
      "measurements, remove it.");
  EXPECT_ERROR(
      series("run,what,t,v\nA,s,0,4\nA,s,1,4.1\nA,p,0,0\nA,p,1,0.1\n", pooled), DataError,
      "Column 'what' changes there: if it names what a row measured, take --quantity 'what' --value 'v' and its "
      "words as states; if it tells several runs apart, name it with --trajectory.");
  EXPECT_EQ(series("run,unit,t,v\nA,mM,0,4\nA,mM,0,4.1\nA,mM,1,3\nA,mM,1,3.2\n", pooled).trajectories.size(), 1u);
  EXPECT_EQ(series("run,note,t,v\nA,at dawn,0,4\nA,spilled,0,4.1\nA,ok,1,3\nA,ok,1,3.2\n", pooled).trajectories.size(),
            1u);
  EXPECT_EQ(series("Rep,t,x,y\n1,0,1,1\n2,0,3,2\n1,1,1,1\n2,1,3,2\n", kPlain).trajectories[0].repeats.size(), 4);
  // Another measured column, or one that numbers the rows, does not.
  EXPECT_EQ(series("row,t,x,y,z\n1,0,1,1,5\n2,0,3,2,6\n3,1,1,1,7\n4,1,3,2,7\n", kPlain).trajectories.size(), 1u);
}

TEST(Series, TimesAreMadeFromRows) {
  SeriesColumns columns{.states = {"x"}, .trajectory = "run", .step = 0.1};
  const std::string text = "run,x\na,1\nb,5\na,2\nb,6\na,3\na,4\n";
  const TimeSeries read = series(text, columns);
  EXPECT_EQ(read.time_name, "time");
  EXPECT_EQ(read.trajectories[0].times, (Numbers{0, 0.1, 0.2, 3 * 0.1}));
  EXPECT_EQ(read.trajectories[1].times, (Numbers{0, 0.1}));
  columns.step = 0;
  columns.rate = 10;
  EXPECT_EQ(series(text, columns).trajectories[0].times, (Numbers{0, 0.1, 0.2, 0.3}));
  columns.time = "run";
  EXPECT_ERROR(series(text, columns), InvalidArgument, "--time, --step and --rate exclude each other");
  EXPECT_ERROR(series(text, {.states = {"x"}}), InvalidArgument, "name it with --time, or give --step or --rate");
}

TEST(Series, KeysOfSeveralColumnsComeOutAsTheyWere) {
  const Scratch scratch;
  const SeriesColumns columns{.time = "t", .states = {"x"}, .trajectory = "site,visit"};
  const TimeSeries read = series("site,visit,t,x\nA,1,0,1\nA,2,0,2\nB,1,0,3\nA,1,1,4\nA,2,1,5\nB,1,1,6\n", columns);
  ASSERT_EQ(read.trajectories.size(), 3u);
  EXPECT_EQ(read.trajectories[1].id, "A,2");
  write_series(scratch / "out.csv", read);
  EXPECT_EQ(read_file(scratch / "out.csv"), "site,visit,t,x\nA,1,0,1\nA,1,1,4\nA,2,0,2\nA,2,1,5\nB,1,0,3\nB,1,1,6\n");
  EXPECT_EQ(read_series(scratch / "out.csv", columns).trajectories[2].id, "B,1");
  EXPECT_ERROR(series("site,visit,t,x\nA,,0,1\n", columns), DataError, "the trajectory is missing");
}

TEST(Series, DatesComeOutInTheirOwnFormatAndColumns) {
  const Scratch scratch;
  const auto expect_same = [&](const std::string& text, const SeriesColumns& columns) {
    write_series(scratch / "out.csv", series(text, columns));
    EXPECT_EQ(read_file(scratch / "out.csv"), text);
    EXPECT_FALSE(std::filesystem::exists((scratch / "out.csv").string() + ".txt"));
  };
  expect_same("day,x\n2024-03-01,1\n2024-03-03,3\n", {.time = "day", .states = {"x"}});
  expect_same("Date,Time,x\n13/03/2014,00.00.00,1\n14/03/2014,06.30.00,3\n", {.time = "Date,Time", .states = {"x"}});
  expect_same("d,t,x\n13 Mar 2014,06:30 PM,1\n14 Mar 2014,06:30 AM,3\n", {.time = "d,t", .states = {"x"}});
  expect_same("y,m,d,x\n2014,03,01,1\n2014,04,02,3\n", {.time = "y,m,d", .states = {"x"}});
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
