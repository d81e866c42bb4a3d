// Rivals with known answers: what they were made from is found again, and nothing short, sparse or odd stops them.
#include "costate/series/rivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/base/random.h"
#include "costate/base/text.h"
#include "costate/series/internal/arx.h"
#include "costate/series/internal/linear_ode.h"
#include "costate/series/normalization.h"
#include "costate/series/period.h"
#include "tests/series/series.h"

namespace costate {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

double normal(std::uint64_t stream, std::size_t i) { return Random(17).normal(stream, i); }

/// `count` samples, `step` apart, of a formula of (time, index).
template <class Formula>
TimeSeries sampled(std::size_t count, double step, const Formula& formula) {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < count; ++i) {
    times.push_back(step * static_cast<double>(i));
    states.push_back(formula(times.back(), i));
  }
  return series_of({trajectory(times, states)});
}

const Forecaster* find(const std::vector<std::unique_ptr<Forecaster>>& rivals, const std::string& start) {
  for (const auto& rival : rivals)
    if (rival->name().starts_with(start)) return rival.get();
  return nullptr;
}

HostArray forecast_from(const Forecaster& forecaster, const Trajectory& trajectory, std::size_t origin,
                        std::size_t ahead, const InputAssumption& inputs = {}) {
  const ForecastTask task = forecast_task(trajectory, origin, ahead, inputs);
  return forecaster.forecast(std::span(&task, 1)).front();
}

TEST(Period, FindsADayInHalfHours) {
  TimeSeries series = sampled(460, 1800, [](double t, std::size_t i) {
    return std::max(0.0, std::sin(kTurn * t / 86400 - 1.5)) * (0.9 + 0.1 * std::sin(static_cast<double>(i) / 60)) +
           0.01 * normal(0, i);
  });
  series.time_scale = {"seconds", "2022-05-01"};
  EXPECT_EQ(find_period(series), 86400);
  EXPECT_EQ(duration_text(86400, series.time_scale), "1 day");
}

TEST(Period, FindsADayBelowAYearAndAWeek) {
  const TimeSeries series = sampled(14000, 1, [](double t, std::size_t i) {
    return 8 * std::sin(kTurn * t / 8760) + 4 * std::sin(kTurn * t / 24) + std::sin(kTurn * t / 168) +
           0.3 * normal(1, i);
  });
  ASSERT_TRUE(find_period(series));
  EXPECT_NEAR(*find_period(series), 24, 0.01);
}

TEST(Period, FindsAYearInMonthsOnATrend) {
  const TimeSeries series = sampled(120, 1, [](double t, std::size_t i) {
    return 100 + 0.8 * t + 10 * std::sin(kTurn * t / 12) + 1.5 * normal(2, i);
  });
  ASSERT_TRUE(find_period(series));
  EXPECT_NEAR(*find_period(series), 12, 0.05);
}

TEST(Period, IsFoundAtUnevenTimesWithMissingCells) {
  std::vector<double> times, states;
  double t = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    t += 0.2 - std::log(1 - Random(3).uniform(0, i));
    times.push_back(t);
    states.push_back(i % 7 == 3 ? kNan : std::sin(kTurn * t / 5.3) + 0.1 * normal(3, i));
  }
  const auto period = find_period(series_of({trajectory(times, states)}));
  ASSERT_TRUE(period);
  EXPECT_NEAR(*period, 5.3, 0.15);
}

TEST(Period, IsNoneInNoiseDriftAndASingleRise) {
  const auto noise = [](double, std::size_t i) { return normal(4, i); };
  for (const std::size_t count : {3, 16, 50, 300}) EXPECT_FALSE(find_period(sampled(count, 1, noise)));
  const auto rise = [](double t, std::size_t) { return std::exp(-t) - std::exp(-4 * t); };
  EXPECT_FALSE(find_period(sampled(60, 0.1, rise)));
  EXPECT_FALSE(find_period(sampled(60, 0.1, [](double t, std::size_t) { return 3 + 2 * t; })));
  EXPECT_FALSE(find_period(sampled(60, 0.1, [](double, std::size_t) { return 1.0; })));
}

TEST(Rivals, SayTheLastValueTheMeanAndThePeriodBefore) {
  const TimeSeries series = sampled(100, 1, [](double t, std::size_t) { return std::sin(kTurn * t / 10) + 2; });
  TimeSeries training = sampled(80, 1, [](double t, std::size_t) { return std::sin(kTurn * t / 10) + 2; });
  const auto rivals = fit_rivals(training, find_period(training));
  const Trajectory& path = series.trajectories[0];
  EXPECT_EQ(forecast_from(*find(rivals, "last value"), path, 82, 5).at(4), path.states.at(82));
  EXPECT_NEAR(forecast_from(*find(rivals, "mean"), path, 82, 5).at(4), 2, 1e-12);
  const Forecaster* before = find(rivals, "one period ago");
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(before->name(), "one period ago (10)");
  EXPECT_EQ(before->advice(), std::vector<Advice>({{Remedy::kClock, "--clock 10", "it repeats itself after 10"}}));
  const HostArray told = forecast_from(*before, path, 82, 17);
  for (std::int64_t i = 0; i < 17; ++i) EXPECT_NEAR(told.at(i), path.states.at(83 + i), 1e-6);
}

TEST(Rivals, LastValueIsTheLastThatWasMeasured) {
  const TimeSeries series =
      series_of({trajectory({0, 1, 2, 3, 4, 5}, {1, 10, 2, kNan, kNan, kNan, 4, kNan, 5, 50, 6, 60})});
  const auto rivals = fit_rivals(series, std::nullopt);
  const HostArray told = forecast_from(*find(rivals, "last value"), series.trajectories[0], 3, 2);
  EXPECT_EQ(told.numbers(), (std::vector<double>{4, 10, 4, 10}));
}

/// Twelve months before is the last value where times are rounded, and where a leap year is longer than the period.
TEST(Rivals, OnePeriodAgoFollowsTheSamples) {
  std::vector<double> rounded, dates, states;
  double day = 0;
  for (std::size_t i = 0; i < 72; ++i) {
    rounded.push_back(std::round((1949 + static_cast<double>(i) / 12) * 1e11) / 1e11);
    dates.push_back(day);
    const std::size_t month = i % 12;
    const bool is_short = month == 3 || month == 5 || month == 8 || month == 10;
    day += month == 1 ? (i / 12 % 4 == 0 ? 29 : 28) : is_short ? 30 : 31;
    states.push_back(static_cast<double>((i * i) % 17) + 0.5 * static_cast<double>(i));
  }
  for (const auto& [times, period] :
       {std::pair{rounded, 1.0}, {rounded, 1.0000004}, {dates, 365.0}, {dates, 365.2425}}) {
    const TimeSeries series = series_of({trajectory(times, states)});
    const auto rivals = fit_rivals(series, period);
    const Forecaster* before = find(rivals, "one period ago");
    ASSERT_NE(before, nullptr);
    for (std::size_t origin = 12; origin + 24 < 72; ++origin) {
      const HostArray told = forecast_from(*before, series.trajectories[0], origin, 24);
      for (std::size_t i = 0; i < 24; ++i)
        EXPECT_EQ(told.at(static_cast<std::int64_t>(i)), states[origin - 11 + i % 12])
            << period << " " << origin << " " << i;
    }
  }
}

/// Users of a server, minute by minute (Makridakis, Wheelwright and Hyndman 1998; R's WWWusage): one lag does as well
/// as others far ahead, and AR(4) by least squares is twice as good one sample ahead.
TEST(Arx, IsNotWeakerThanAPlainOneOneSampleAhead) {
  const std::vector<double> users = {
      88,  84,  85,  85,  84,  85,  83,  85,  88,  89,  91,  99,  104, 112, 126, 138, 146, 151, 150, 148,
      147, 149, 143, 132, 131, 139, 147, 150, 148, 145, 140, 134, 131, 131, 129, 126, 126, 132, 137, 140,
      142, 150, 159, 167, 170, 171, 172, 172, 174, 175, 172, 172, 174, 174, 169, 165, 156, 142, 131, 121,
      112, 104, 102, 99,  99,  95,  88,  84,  84,  87,  89,  88,  85,  86,  89,  91,  91,  94,  101, 110,
      121, 135, 145, 149, 156, 165, 171, 175, 177, 182, 193, 204, 208, 210, 215, 222, 228, 226, 222, 220};
  std::vector<double> times;
  for (std::size_t i = 0; i < users.size(); ++i) times.push_back(static_cast<double>(i));
  const std::ptrdiff_t train = 80;
  const TimeSeries training =
      series_of({trajectory({times.begin(), times.begin() + train}, {users.begin(), users.begin() + train})});
  const Trajectory whole = trajectory(times, users);
  double least = INFINITY;
  for (const auto& rival : internal::fit_arx(training)) {
    double squares = 0;
    for (std::size_t origin = train - 1; origin + 1 < users.size(); ++origin)
      squares += std::pow(forecast_from(*rival, whole, origin, 1).at(0) - users[origin + 1], 2);
    least = std::min(least, std::sqrt(squares / 20) / measure(training).state_scale[0]);
  }
  EXPECT_LT(least, 0.125);
}

TEST(Arx, FindsTheLagsAndGoesOnAsTheRecursionDoes) {
  // x' = 1.6 x - 0.9 x(-1) + 0.5 u, stirred by u alone, so that the future follows from the past to rounding.
  std::vector<double> times, states = {0, 0}, inputs;
  for (std::size_t i = 0; i < 300; ++i) {
    times.push_back(0.5 * static_cast<double>(i));
    inputs.push_back(normal(5, i));
    if (i > 1) states.push_back(1.6 * states[i - 1] - 0.9 * states[i - 2] + 0.5 * inputs[i]);
  }
  TimeSeries series = series_of({trajectory(times, states, inputs)});
  for (const std::int64_t missing : {40, 41, 90}) series.trajectories[0].states.set(missing, kNan);
  const auto arx = internal::fit_arx(series);
  ASSERT_EQ(arx.size(), 1U);
  EXPECT_EQ(arx[0]->name(), "ARX, 2 lags");
  constexpr double kTolerance = 1e-4;  // of the ridge
  const HostArray told = forecast_from(*arx[0], series.trajectories[0], 200, 99);
  for (std::int64_t i = 0; i < 99; ++i)
    EXPECT_NEAR(told.at(i), states[static_cast<std::size_t>(201 + i)], kTolerance) << i;
}

TEST(Arx, OfTwoLagsBeatsOneOfNoisyData) {
  const TimeSeries series =
      sampled(400, 1, [](double t, std::size_t i) { return std::cos(0.7 * t) + 0.02 * normal(6, i); });
  const auto arx = internal::fit_arx(series);
  ASSERT_FALSE(arx.empty());
  const HostArray told = forecast_from(*arx.back(), series.trajectories[0], 350, 40);
  for (std::int64_t i = 0; i < 40; ++i) EXPECT_NEAR(told.at(i), std::cos(0.7 * (351 + static_cast<double>(i))), 0.15);
}

TEST(Arx, IsLeftOutAtUnevenTimes) {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < 60; ++i) {
    times.push_back(static_cast<double>(i) + 0.4 * Random(9).uniform(0, i));
    states.push_back(std::sin(times.back()));
  }
  const TimeSeries series = series_of({trajectory(times, states)});
  EXPECT_TRUE(internal::fit_arx(series).empty());
  EXPECT_EQ(find(fit_rivals(series, std::nullopt), "AR"), nullptr);
}

TEST(LinearOde, ExponentialIsThatOfARotationAndOfANilpotent) {
  Eigen::MatrixXd turn(2, 2), shift(2, 2);
  turn << 0, -30, 30, 0;
  shift << 0, 5, 0, 0;
  EXPECT_NEAR(internal::exponential(turn)(0, 0), std::cos(30.0), 1e-11);
  EXPECT_NEAR(internal::exponential(turn)(1, 0), std::sin(30.0), 1e-11);
  EXPECT_EQ(internal::exponential(shift)(0, 1), 5);
}

/// z' = A z + B u + c at uneven times, with u linear in time between samples.
TEST(LinearOde, FindsTheMatricesOfAnExactSystemAtUnevenTimes) {
  internal::AffineField truth{Eigen::MatrixXd(2, 2), Eigen::MatrixXd(2, 1), Eigen::VectorXd(2)};
  truth.a << -0.1, -2, 2, -0.3;
  truth.b << 0.5, 0;
  truth.c << 1, -2;
  std::vector<double> times = {0}, states = {3, 1}, inputs = {0};
  Eigen::VectorXd z(2);
  z << 3, 1;
  for (std::size_t i = 1; i < 150; ++i) {
    const double dt = 0.05 + 0.2 * Random(8).uniform(0, i);
    times.push_back(times.back() + dt);
    inputs.push_back(normal(7, i));
    const double from = inputs[i - 1], slope = (inputs[i] - from) / dt;
    const internal::LinearStep step = internal::step_of(truth, dt);
    z = step.from_state * z + step.from_input * from + step.from_slope * slope + step.constant;
    states.insert(states.end(), {z[0], z[1]});
  }
  const TimeSeries series = series_of({trajectory(times, states, inputs)});
  const auto rival = internal::fit_linear_ode(series);
  ASSERT_NE(rival, nullptr);
  const internal::AffineField found = internal::field_in_data_units(*rival);
  constexpr double kTolerance = 1e-5;  // of derivatives by differences
  EXPECT_LT((found.a - truth.a).cwiseAbs().maxCoeff(), kTolerance) << found.a;
  EXPECT_LT((found.b - truth.b).cwiseAbs().maxCoeff(), kTolerance) << found.b;
  EXPECT_LT((found.c - truth.c).cwiseAbs().maxCoeff(), kTolerance) << found.c;
  const HostArray told = forecast_from(*rival, series.trajectories[0], 100, 49);
  EXPECT_NEAR(told.at(96), states[298], 1e-4);
}

/// A rotation whose second state was measured no more: it is told from where it was, not taken from there.
TEST(Rivals, TellWhatWasMeasuredNoMore) {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < 120; ++i) {
    times.push_back(0.1 * static_cast<double>(i));
    states.insert(states.end(), {std::cos(times.back()), i < 80 ? std::sin(times.back()) : kNan});
  }
  const TimeSeries series = series_of({trajectory(times, states)});
  const auto rivals = fit_rivals(series, std::nullopt);
  constexpr double kTolerance = 1e-3;
  for (const char* name : {"AR", "linear ODE"}) {
    ASSERT_NE(find(rivals, name), nullptr);
    const HostArray told = forecast_from(*find(rivals, name), series.trajectories[0], 99, 20);
    EXPECT_NEAR(told.at(0), std::cos(10.0), kTolerance) << name;
    EXPECT_NEAR(told.at(1), std::sin(10.0), kTolerance) << name;
    EXPECT_NEAR(told.at(38), std::cos(11.9), kTolerance) << name;
  }
}

TEST(MeanCurve, IsTheMeanOfWhatWasMeasuredAroundATime) {
  TimeSeries training = series_of({trajectory({10, 12, 14}, {0, 2, 4}), trajectory({0, 1, 2}, {10, 11, kNan})});
  const auto rivals = fit_rivals(training, std::nullopt);
  const Trajectory other = trajectory({100, 101, 102, 106}, {5, 5, 5, 5});
  const HostArray told = forecast_from(*find(rivals, "mean curve"), other, 0, 3);
  EXPECT_DOUBLE_EQ(told.at(0), (1 + 11) / 2.0);  // both, the first one between its samples
  EXPECT_DOUBLE_EQ(told.at(1), 2);               // the second one has ended
  EXPECT_DOUBLE_EQ(told.at(2), 4);               // all have: the last one stays
  training.trajectories.pop_back();
  EXPECT_EQ(find(fit_rivals(training, std::nullopt), "mean curve"), nullptr);
}

TEST(ForecastTask, KnowsOnlyWhatItsAssumptionSaysOfInputs) {
  const Trajectory path = trajectory({0, 1, 2, 3, 4, 5, 6}, {0, 0, 0, 0, 0, 0, 0}, {0, 1, 2, 3, 40, 50, 60});
  EXPECT_EQ(forecast_task(path, 3, 3, {}).inputs.numbers(), (std::vector<double>{40, 50, 60}));
  EXPECT_EQ(forecast_task(path, 3, 3, {InputsAhead::kHold}).inputs.numbers(), (std::vector<double>{3, 3, 3}));
  const InputAssumption repeated{InputsAhead::kRepeat, 2};
  EXPECT_EQ(forecast_task(path, 3, 3, repeated).inputs.numbers(), (std::vector<double>{2, 3, 2}));
  const InputAssumption too_long{InputsAhead::kRepeat, 9};
  EXPECT_EQ(forecast_task(path, 3, 3, too_long).inputs.numbers(), (std::vector<double>{3, 3, 3}));
  EXPECT_THROW(forecast_task(path, 3, 4, {}), InvalidArgument);
}

/// What comes after the origin must not matter.
TEST(Rivals, DoNotLookAhead) {
  const TimeSeries training =
      sampled(90, 1, [](double t, std::size_t i) { return std::sin(kTurn * t / 12) + 0.1 * normal(10, i); });
  const auto rivals = fit_rivals(training, find_period(training));
  ASSERT_GE(rivals.size(), 5U);
  Trajectory spoiled = training.trajectories[0];
  for (std::int64_t i = 61; i < 90; ++i) spoiled.states.set(i, 1e6);
  for (const auto& rival : rivals)
    EXPECT_TRUE(
        forecast_from(*rival, training.trajectories[0], 60, 29).same_bits(forecast_from(*rival, spoiled, 60, 29)))
        << rival->name();
}

TEST(Rivals, OfFewAndMissingSamplesAreFiniteOrLeftOut) {
  for (std::size_t count = 2; count < 14; ++count) {
    std::vector<double> times, states, inputs;
    for (std::size_t i = 0; i < count; ++i) {
      times.push_back(std::exp(0.3 * static_cast<double>(i)));
      states.insert(states.end(), {i == 1 ? 3 : normal(11, i), i % 3 == 1 ? 2 : kNan});
      inputs.push_back(1);
    }
    TimeSeries training = series_of({trajectory(times, states, inputs), trajectory({5}, {kNan, kNan}, {1})});
    TimeSeries test = training;
    test.trajectories[0].states.set(0, kNan);
    const auto rivals = fit_rivals(training, find_period(training));
    EXPECT_GE(rivals.size(), 3U);
    for (const auto& rival : rivals)
      for (const double value : forecast_from(*rival, test.trajectories[0], 0, count - 1).numbers())
        EXPECT_TRUE(std::isfinite(value)) << rival->name() << " of " << count;
  }
}

}  // namespace
}  // namespace costate
