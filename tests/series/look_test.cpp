// What is said of a file, and the roles that are guessed.
#include "costate/series/look.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/text.h"
#include "costate/io/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using Words = std::vector<std::string>;

CsvTable table(const std::string& text) { return CsvTable(text, "data.csv"); }
SeriesColumns guess(const std::string& text) { return guess_columns(table(text), {}); }

void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "lacks: " << part;
}

TEST(Look, GuessesTime) {
  EXPECT_EQ(guess("x,t,y\n1,0,3\n0,1,5\n").time, "t");
  EXPECT_EQ(guess("x,hours (h)\n1,0\n2,1\n").time, "hours (h)");
  EXPECT_EQ(guess("a,b\n1,0\n2,1\n").time, "a");
  EXPECT_EQ(guess("a,b\n1,0\n1,1\n").time, "b");
  EXPECT_EQ(guess("a,b\n2,5\n1,1\n").time, "");
  EXPECT_EQ(guess("year,made\n1,13/01/2024\n2,15/01/2024\n").time, "made");
  EXPECT_EQ(guess("Date;Time;x\n13/03/2014;00.00.00;1\n13/03/2014;01.00.00;2\n").time, "Date,Time");
  EXPECT_EQ(guess("when,x\n01/02/2024,1\n02/02/2024,2\n").time, "when");  // whichever way round
  EXPECT_EQ(guess("#yr mo dy hr x\n2020 1 1 0 1\n2020 1 1 1 2\n").time, "yr,mo,dy,hr");
  EXPECT_EQ(guess("year,x,y\n2020,1,3\n2021,1,5\n").time, "year");
  const SeriesColumns made = guess_columns(table("t,x\n0,1\n1,2\n"), {.states = {"x"}, .step = 2});
  EXPECT_EQ(made.time, "");
}

TEST(Look, GuessesTrajectoriesCovariatesAndStates) {
  const SeriesColumns made = guess("name,weight,dose,t,x,y\na,70,5,0,1,2\na,70,5,1,2,3\nb,80,6,0,1,3\nb,80,6,1,2,4\n");
  EXPECT_EQ(made.trajectory, "name");
  EXPECT_EQ(made.covariates, (Words{"weight", "dose"}));
  EXPECT_EQ(made.states, (Words{"x", "y"}));
  EXPECT_EQ(guess("t,x\n0,1\n1,2\n2,2\n").trajectory, "");
  EXPECT_EQ(guess("record,t,site,x\n7,0,5,1\n8,1,5,2\n9,2,5,2\n").states, (Words{"x"}));
  EXPECT_EQ(guess("who,t,x\na,0,1\nb,0,2\na,1,3\nb,1,4\n").trajectory, "who");
  EXPECT_EQ(guess("t,id,x\n0,7,1\n0,8,2\n1,7,3\n1,8,4\n").trajectory, "id");
}

TEST(Look, WhatIsMeasuredNamesNoTrajectory) {
  EXPECT_EQ(guess("t,x,y\n0,1,0.5\n1,2,0.7\n0,1.5,0.5\n1,2,0.7\n").trajectory, "");
  const SeriesColumns indexed = guess(",,t,x\na,0,0,5\na,1,1,7\nb,0,0,3\nb,1,1,4\n");  // by two levels, as pandas has
  EXPECT_EQ(indexed.trajectory, "column 1");
  EXPECT_EQ(indexed.states, (Words{"x"}));
  EXPECT_EQ(guess("t,x,on\n0,1,true\n1,2,false\n2,4,true\n").states, (Words{"x"}));
}

TEST(Look, RangesOfFewDigitsThatAgreeHaveMore) {
  expect_has(describe(table("ms,x\n1700000001000,1\n1700000060000,2\n"), {.time = "ms", .states = {"x"}}),
             "1700000001000 … 1700000060000");
}

TEST(Look, GuessesDoses) {
  const SeriesColumns made = guess("id,t,dose,x\n1,0,5,\n1,1,,2\n1,2,4,\n2,0,6,\n2,1,,2\n2,2,,1\n");
  EXPECT_EQ(made.events, (Words{"dose"}));
  EXPECT_EQ(made.states, (Words{"x"}));
  EXPECT_EQ(guess("id,t,dose,x\n1,0,5,1\n1,1,5,2\n2,0,6,3\n2,1,6,2\n").covariates, (Words{"dose"}));
  EXPECT_EQ(guess("t,dose,x\n0,5,1\n1,4,2\n2,3,1\n").states, (Words{"dose", "x"}));
  const SeriesColumns given =
      guess_columns(table("t,mg,dur,x\n0,5,1,1\n1,,,2\n2,3,1,1\n"), {.events = {"mg:duration=dur"}});
  EXPECT_EQ(given.states, (Words{"x"}));
  EXPECT_EQ(guess("t,rate,AMT,x\n0,50,100,\n1,,,2\n2,50,90,1\n").events, (Words{"AMT:rate=rate"}));
  EXPECT_EQ(guess("t,rate,AMT,x\n0,50,100,\n1,,,2\n2,50,90,1\n").states, (Words{"x"}));
  EXPECT_EQ(guess("t,AMT,dur,x\n0,100,2,\n1,0,0,2\n2,90,3,1\n").events, (Words{"AMT:duration=dur"}));
  EXPECT_EQ(guess("t,AMT,RATE,x\n0,100,0,\n1,,,2\n2,90,5,1\n").events, (Words{"AMT:rate=RATE"}));  // 0: at once
  EXPECT_EQ(guess("t,AMT,RATE,x\n0,100,-2,\n1,,,2\n2,90,-2,1\n").events, (Words{"AMT"}));          // a code
  EXPECT_EQ(guess("t,AMT,EVID,MDV,x\n0,100,1,1,\n1,,0,0,2\n2,90,1,1,\n3,,0,0,1\n").states, (Words{"x"}));
  EXPECT_EQ(guess("t,AMT,RATE,x\n0,100,5,\n1,,4,2\n2,90,5,1\n").states, (Words{"RATE", "x"}));
  const SeriesColumns tall = guess("variable,t,value\ndose,0,20\nx,1,3\ndose,1,10\nx,2,2\n");
  EXPECT_EQ(tall.events, (Words{"dose"}));
  EXPECT_EQ(tall.states, (Words{"x"}));
}

TEST(Look, WhatEachTrajectoryHasOneOfIsNoQuantity) {
  const SeriesColumns made = guess(
      "series_name,start_timestamp,time,value\nT1,1979-01-01 00-00-00,0,25.1\nT1,1979-01-01 00-00-00,1,8.6\n"
      "T2,1980-01-01 00-00-00,0,887\nT2,1980-01-01 00-00-00,1,887.2\n");
  EXPECT_EQ(made.trajectory, "series_name");
  EXPECT_EQ(made.quantity, "");
  EXPECT_EQ(made.states, (Words{"value"}));
}

TEST(Look, NamesTwoColumnsOfOneName) {
  EXPECT_ERROR(guess("a,a\n1,1\n2,3\n"), DataError, "columns 1 and 2 are both called 'a' and differ");
  EXPECT_EQ(guess("t,t,x\n0,0,5\n1,1,7\n").time, "t");
}

TEST(Look, SaysWhichNumbersMayBeDates) {
  const CsvTable read = table("t,x\n194901,1\n194902,2\n");
  const std::string said = describe(read, {.time = "t", .states = {"x"}});
  EXPECT_NE(said.find("'t' is read as numbers; if they are dates (YYYYMM), add --time-format %Y%m\n"),
            std::string::npos)
      << said;
  EXPECT_EQ(describe(read, {.time = "t", .states = {"x"}, .time_format = "%Y%m"}).find("read as"), std::string::npos);
}

TEST(Look, GuessesLongTables) {
  const SeriesColumns made = guess("run,what,t,value\na,s,0,1\na,p,0,2\na,s,1,3\nb,s,0,1\nb,p,1,2\nb,s,1,3\n");
  EXPECT_EQ(made.quantity, "what");
  EXPECT_EQ(made.value, "value");
  EXPECT_EQ(made.trajectory, "run");
  EXPECT_EQ(made.states, (Words{"s", "p"}));
}

TEST(Look, ALongTableReadAsTrajectoriesIsNoticed) {
  const std::string petab = "observableId,simulationConditionId,measurement,time\na,c,1,0\nb,c,2,0\na,c,3,1\nb,c,4,1\n";
  EXPECT_EQ(guess(petab).quantity, "observableId");
  EXPECT_EQ(guess(petab).value, "measurement");
  expect_has(
      describe(table(petab), {.time = "time", .states = {"measurement"}, .trajectory = "observableId"}),
      "'observableId' seems to name what a row measured; a long table is read with --quantity observableId --value "
      "measurement and the names of quantities for --state\n");
}

TEST(Look, SaysWhatTheColumnsAre) {
  const std::string said =
      describe(table("time,x,note\nh,V,\n0,1,a\n1,,a\n2,3.5,b\n"), {.time = "time", .states = {"x"}});
  expect_has(said, "data.csv: 3 rows from line 3 on, 3 columns\n");
  expect_has(said, "  time  time        0 … 2 h\n");
  expect_has(said, "  x     state       1 … 3.5, 1 missing V\n");
  expect_has(said, "  note  unused      a … b, 2 different\n");
  expect_has(describe(table("0.5,1\n1.5,2\n"), {}), "2 rows from line 1 on, 2 columns without names");
}

FitConfig config_of(SeriesColumns columns) {
  FitConfig config{.data = "my data.csv"};
  config.model.columns = std::move(columns);
  return config;
}

PreparedSeries prepare(const std::string& text, const SeriesColumns& columns) {
  return prepare_fit(series_from_table(table(text), columns), config_of(columns));
}

std::string describe_series(const std::string& text, const SeriesColumns& columns) {
  return describe(prepare(text, columns));
}

TEST(Look, SaysWhatTheSeriesIs) {
  std::string text = "t,x\n";
  for (int i = 0; i < 60; ++i)
    if (i < 20 || i > 29) text += text::concat(0.5 * i, ",", i % 20 == 7 ? -999.0 : 3 + std::sin(0.7 * i), "\n");
  const PreparedSeries prepared = prepare(text, {.time = "t", .states = {"x"}});
  const std::string said = describe(prepared);
  expect_has(said, "1 trajectory of 50 samples\n");
  expect_has(said,
             "times: 0 … 29.5, every 0.5 or more, 1 gap of more than three steps, the longest of 5.5 after 9.5\n");
  expect_has(said, "'x' is not measured at 2 of 50 samples\n");
  EXPECT_EQ(said.find("-999"), std::string::npos) << "a fit logs it";
  expect_has(describe_outliers(prepared), "'x': 2 cells hold -999, a code for missing, it seems");
  expect_has(said, "32 samples to train on, 8 to choose by, 10 to judge by\n");
}

TEST(Look, SaysWhatIsRepeatedAndUneven) {
  std::string text = "id,t,x\n";
  for (const char* id : {"a", "b", "c"})
    for (const double t : {0.0, 0.0, 1.0, 4.0, 5.0}) text += text::concat(id, ",", t, ",", std::exp(-t), "\n");
  const std::string said = describe_series(text, {.time = "t", .states = {"x"}, .trajectory = "id"});
  expect_has(said, "3 trajectories (a, b, c) of 4 samples, 12 in all\n");
  expect_has(said, "times: 0 … 5, every 1 or more, 0 gaps");
  expect_has(said, "'x' is measured 6 times at 3 samples: the mean counts as so many measurements\n");
}

TEST(Look, SaysWhatSpoilsAColumn) {
  EXPECT_ERROR(guess("t,x\n0,1\n1,2\n2,2\nTotal,5\n"), DataError,
               "line 5, column 't': expected a time, a number as on the lines before; got 'Total'");
  EXPECT_ERROR(guess("when,x\n01/01/2024,1\n2024-01-02,2\n"), DataError, "got '2024-01-02'");
  expect_has(describe(table("t,x\n0,1\n1,2\n2,oops\n"), {.time = "t"}),
             "  x  unused      1 … oops, 3 different, no number on line 4: 'oops'\n");
  expect_has(describe(table("t;x\n0;1,000\n1;2,500\n"), {.time = "t", .states = {"x"}}),
             "1 … 2.5, decimal commas: '2,500' is 2.5\n");
  expect_has(describe(table("t,note\n0,\"two\nlines\"\n"), {}), "two lines … two lines, 1 different\n");
  expect_has(describe(table("name,0,0.5,1,1.5,2\nx,1,2,3,4,5\n"), {}),
             "the columns' names grow like times; if they are, turn the table, since a row is one time\n");
}

TEST(Look, CountsEventsAndNamesTheirColumns) {
  std::string text = "t,x,dose,dur\n";
  for (int i = 0; i < 20; ++i) text += text::concat(i, ",", std::exp(-0.1 * i), ",", i % 9 == 0 ? "5,2" : ",", "\n");
  const SeriesColumns columns{.time = "t", .states = {"x"}, .events = {"dose:duration=dur"}};
  expect_has(describe_series(text, columns), "'dose' comes in 3 times, 3 of them over a duration\n");
  expect_has(describe(table(text), columns), "  dose  event       5 … 5, 17 missing\n");
  expect_has(describe(table(text), columns), "  dur   event       2 … 2, 17 missing\n");
}

TEST(Look, OfManyUnusedColumnsOnlyTheFirstAreListed) {
  std::string header = "t,x", row = "0,1";
  for (int i = 0; i < 30; ++i) {
    header += text::concat(",c", i);
    row += ",7";
  }
  const std::string said = describe(table(header + "\n" + row + "\n"), {.time = "t", .states = {"x"}});
  expect_has(said, "  c11  unused ");
  EXPECT_EQ(said.find("  c12 "), std::string::npos);
  expect_has(said, "  and 18 more that are not used\n");
}

TEST(Look, ComparesRivalsAndNamesTheCommand) {
  std::string text = "t,x\n";
  for (int i = 0; i < 60; ++i) text += text::concat(i, ",", std::sin(0.7 * i), "\n");
  const FitConfig config = config_of({.time = "t", .states = {"x"}});
  const std::string said = describe_rivals(prepare_fit(series_from_table(table(text), config.model.columns), config));
  expect_has(said, "last value");
  expect_has(said, "linear ODE");
  FitConfig more =
      config_of({.time = "Date,Time", .states = {"x, left", "y"}, .time_format = "%d/%m/%Y", .layout = {.skip = 2}});
  EXPECT_EQ(fit_command(more),
            "costate fit 'my data.csv' --time Date,Time --state '\"x, left\",y' --time-format '%d/%m/%Y' --skip 2");
  more.hold_out = 0;
  EXPECT_EQ(describe_rivals(prepare_fit(series_from_table(table(text), config.model.columns), more)), "");
}

}  // namespace
}  // namespace costate
