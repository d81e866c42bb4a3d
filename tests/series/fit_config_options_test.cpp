#include "costate/series/fit_config_options.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

const FitConfigOption& option(const std::string& key) {
  for (const FitConfigOption& candidate : fit_config_options())
    if (candidate.key == key) return candidate;
  throw InvalidArgument("no option ", key);
}

TEST(FitOptions, GoThroughTomlAndBack) {
  FitConfig config;
  config.model.columns = {.time = "t", .states = {"x"}, .inputs = {"u", "v"}};
  config.model.hidden = {3, 70'000 / 2};
  config.model.solve.method = Method::kTsit5;
  config.learning_rate = 0.1 + 0.2;  // needs all its digits
  config.seed = 1ull << 62;
  config.window = 7;
  config.model.lag = 3;
  const FitConfig back = fit_config_from(parse_toml(config.to_config().to_toml(), "text"));
  for (const FitConfigOption& row : fit_config_options())
    EXPECT_EQ(row.access.get(back), row.access.get(config)) << row.key;
  EXPECT_EQ(first_difference(config, back), "");
}

TEST(FitOptions, HaveAKeyAndAFlagOfTheirOwn) {
  std::set<std::string> keys, flags;
  for (const FitConfigOption& row : fit_config_options()) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key;
    EXPECT_EQ(row.flag.empty(), row.doors == OptionDoors::kFile) << row.key;
    const bool is_a_second_form = row.key == "hold_out_part";
    if (!row.flag.empty() && !is_a_second_form) {
      EXPECT_TRUE(flags.insert(row.flag).second) << row.flag;
    }
    if (row.key != "states") {
      row.check(row.access.get(FitConfig{}));  // the defaults hold
    }
  }
}

TEST(FitOptions, MistakesAreNamed) {
  EXPECT_ERROR(option("epochs").check(std::int64_t{-1}), InvalidArgument,
               "epochs must be a whole number of at least 1");
  EXPECT_ERROR(option("window").check(std::int64_t{1}), InvalidArgument, "of at least 2, or 0, which chooses; got 1");
  option("window").check(std::int64_t{0});
  EXPECT_ERROR(option("epochs").check(std::int64_t{99'999'999'999}), InvalidArgument,
               "must be at most 1000000000; got");
  EXPECT_ERROR(option("hidden").check(std::vector<double>{64, 2.5}), InvalidArgument, "got 64,2.5");
  EXPECT_ERROR(option("hidden").check(std::vector<double>{0, 8}), InvalidArgument, "got 0,8");
  option("hidden").check(std::vector<double>{0});
  EXPECT_ERROR(option("hold_out").check(1.0), InvalidArgument, "below 1 (below 100 %); got 1");
  EXPECT_ERROR(option("rtol").check(0.0), InvalidArgument, "rtol must be a positive, finite number; got 0");
  FitConfig stiff{.max_growth = 0.5};
  stiff.model.columns.states = {"x"};
  EXPECT_ERROR(stiff.check(), InvalidArgument, "max_growth must be at least 1");
  EXPECT_ERROR(option("states").check(std::vector<std::string>()), InvalidArgument, "at least one name");
  FitConfig config;
  EXPECT_ERROR(option("method").access.set(config, std::string("dopri6")), InvalidArgument, "did you mean 'dopri5'");
}

}  // namespace
}  // namespace costate
