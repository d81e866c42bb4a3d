// Columns of events in tables.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/io/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

TimeSeries event_series(const std::string& text, const std::string& event) {
  return series_from_table(CsvTable(text, "data.csv"), {.time = "t", .states = {"x"}, .events = {event}});
}

TEST(SeriesEvents, AnEmptyCellOr0IsNone) {
  const TimeSeries read = event_series("t,x,dose\n0,,20\n1,3,\n2,,0\n3,4,-2.5\n", "dose");
  EXPECT_EQ(read.event_names, std::vector<std::string>{"dose"});
  const Trajectory& only = read.trajectories[0];
  EXPECT_EQ(only.times.size(), 4U);
  EXPECT_TRUE(std::isnan(only.states.at(0)));
  EXPECT_EQ(only.events, (std::vector<Event>{{0, 0, 20}, {3, 0, -2.5}}));
}

TEST(SeriesEvents, InfusionsHaveARateOrADuration) {
  const std::string cells = "\n0,1,20,5\n1,3,10,\n2,4,8,0\n";
  const std::vector<Event> expected = {{0, 0, 20, 4}, {1, 0, 10}, {2, 0, 8}};
  EXPECT_EQ(event_series("t,x,dose,rate" + cells, "dose:rate").trajectories[0].events, expected);
  EXPECT_EQ(event_series("t,x,mg,speed" + cells, "dose=mg:rate=speed").trajectories[0].events, expected);
  EXPECT_EQ(event_series("t,x,mg,speed" + cells, "dose=mg:rate=speed").event_names[0], "dose");
  EXPECT_EQ(event_series("t,x,dose,duration" + cells, "dose:duration").trajectories[0].events[0], (Event{0, 0, 20, 5}));
}

TEST(SeriesEvents, RowsOfALongTableMayBeEvents) {
  const SeriesColumns columns{.time = "t",
                              .states = {"x"},
                              .events = {"dose:duration"},
                              .trajectory = "id",
                              .quantity = "what",
                              .value = "value"};
  const std::string head = "id,what,t,value,duration\n",
                    rows = "a,x,2,5,\na,dose,0,20,4\na,x,3,4,\na,y,1,9,\nb,x,0,1,\nb,x,1,2,\n";
  const TimeSeries read = series_from_table(CsvTable(head + rows, "data.csv"), columns);
  const Trajectory& a = read.trajectories[0];
  EXPECT_EQ(a.times, (std::vector<double>{0, 2, 3}));  // the dose's row has no state, as in other tables
  EXPECT_TRUE(std::isnan(a.states.at(0)));
  EXPECT_EQ(a.events, (std::vector<Event>{{0, 0, 20, 4}}));
  EXPECT_TRUE(read.trajectories[1].events.empty());
  // Amounts in a column of their own, in rows that name no quantity.
  SeriesColumns own = columns;
  own.events = {"mg"};
  const TimeSeries beside =
      series_from_table(CsvTable("id,what,t,value,mg\na,,0,,20\na,x,1,5,\na,x,2,4,\n", "data.csv"), own);
  EXPECT_EQ(beside.trajectories[0].events, (std::vector<Event>{{0, 0, 20}}));
  EXPECT_EQ(beside.trajectories[0].times.size(), 3U);
  // Doses to come, without any state.
  SeriesColumns alone = columns;
  alone.states = {};
  alone.min_samples = 1;
  EXPECT_EQ(series_from_table(CsvTable(head + "a,dose,7,20,\n", "data.csv"), alone).trajectories[0].events,
            (std::vector<Event>{{7, 0, 20}}));
  own.events = {"gram"};
  EXPECT_ERROR(series_from_table(CsvTable(head + rows, "data.csv"), own), DataError, "unknown column 'gram'");
}

TEST(SeriesEvents, ErrorsNameTheLine) {
  EXPECT_ERROR(
      event_series("t,x,dose,rate\n0,1,20,5\n1,1,-3,5\n", "dose:rate"), DataError,
      "data.csv, line 3, column 'rate': an infusion must last a positive, finite time; got an amount of -3 at a "
      "rate of 5");
  EXPECT_ERROR(event_series("t,x,dose,duration\n0,1,20,-5\n1,1,3,5\n", "dose:duration"), DataError,
               "got a duration of -5");
  EXPECT_ERROR(event_series("t,x\n0,1\n1,1\n", "dose"), DataError, "unknown column 'dose'");
  EXPECT_ERROR(event_series("t,x\n0,1\n1,1\n", "x"), InvalidArgument, "'x' is named twice");
  EXPECT_ERROR(event_series("t,x,dose\n0,1,a\n1,1,2\n", "dose"), DataError, "line 2, column 'dose'");
}

TEST(SeriesEvents, OtherFormsAreRefused) {
  for (const char* text : {"", ":rate", "=dose", "dose:", "dose=", "dose:speed", "dose:rate=", "a=:rate"})
    EXPECT_ERROR(event_column(text), InvalidArgument, "an event must have the form [NAME=]AMOUNT[:rate");
}

}  // namespace
}  // namespace costate
