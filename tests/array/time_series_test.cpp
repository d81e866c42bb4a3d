#include "costate/array/time_series.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

TimeSeries good() {
  return {.time_name = "t",
          .time_scale = {},
          .state_names = {"x", "y"},
          .input_names = {"u"},
          .trajectories = {
              {.id = "a",
               .times = {0, 1},
               .states = HostArray(Shape{2, 2}, std::vector<double>{1, std::nan(""), 3, 4}),
               .inputs = HostArray(Shape{2, 1})},
              {.id = "b", .times = {5, 6, 8}, .states = HostArray(Shape{3, 2}), .inputs = HostArray(Shape{3, 1})}}};
}

TEST(TimeSeries, IsMadeOfEvenlySampledStates) {
  const HostArray states = HostArray::linspace(0, 11, 12).reshape({2, 3, 2});
  const TimeSeries series = evenly_sampled(states, 0.5, {"x", "y"});
  check(series);
  EXPECT_EQ(series.trajectories[1].id, "1");
  EXPECT_EQ(series.trajectories[1].times, (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(series.trajectories[1].states.row(2), (std::vector<double>{10, 11}));
  EXPECT_ERROR(evenly_sampled(states, 0.5, {"x"}), ShapeError, "shape [trajectory, time, 1]; got [2, 3, 2]");
}

TEST(TimeSeries, ChecksWhatAHandMadeOneHolds) {
  check(good());
  const auto with = [](auto change) {
    TimeSeries series = good();
    change(series, series.trajectories[1]);
    return series;
  };
  EXPECT_ERROR(check(with([](auto& s, auto&) { s.trajectories.clear(); })), DataError, "at least one trajectory");
  EXPECT_ERROR(check(with([](auto& s, auto&) { s.state_names.clear(); })), DataError, "at least one state");
  EXPECT_ERROR(check(with([](auto&, auto& t) { t.times = {5}; })), DataError, "two samples; got 1 of trajectory b");
  EXPECT_ERROR(check(with([](auto&, auto& t) { t.times[2] = 6; })), DataError,
               "times of trajectory b must increase; 6 is followed by 6");
  EXPECT_ERROR(check(with([](auto&, auto& t) { t.times[0] = NAN; })), DataError, "must be finite; got nan");
  EXPECT_ERROR(check(with([](auto&, auto& t) {
                 t.states = HostArray(Shape{2, 2});
               })),
               ShapeError, "states of trajectory b must have shape [3, 2], a row for each time; got [2, 2]");
  EXPECT_ERROR(check(with([](auto&, auto& t) {
                 t.inputs = HostArray(Shape{3, 2});
               })),
               ShapeError, "inputs of trajectory b must have shape [3, 1]");
  EXPECT_ERROR(check(with([](auto&, auto& t) { t.states.set(0, HUGE_VAL); })), DataError, "or NaN where missing");
  EXPECT_ERROR(check(with([](auto&, auto& t) { t.inputs.set(0, NAN); })), DataError, "inputs of trajectory b");
}

}  // namespace
}  // namespace costate
