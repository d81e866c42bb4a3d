#include "costate/base/log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace costate {
namespace {

using Lines = std::vector<std::pair<LogLevel, std::string>>;

class Log : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([this](LogLevel level, const std::string& message) { lines_.emplace_back(level, message); });
  }
  void TearDown() override {
    set_log_sink({});
    set_log_level(LogLevel::kWarn);
  }
  Lines lines_;
};

TEST_F(Log, PartsBecomeOneMessage) {
  log(LogLevel::kWarn, "epoch ", 3, ": loss ", 0.5);
  EXPECT_EQ(lines_, (Lines{{LogLevel::kWarn, "epoch 3: loss 0.5"}}));
}

TEST_F(Log, LowerLevelsAreDropped) {
  set_log_level(LogLevel::kError);
  log(LogLevel::kWarn, "not said");
  log(LogLevel::kError, "said");
  set_log_level(LogLevel::kDebug);
  log(LogLevel::kDebug, "said too");
  EXPECT_EQ(lines_, (Lines{{LogLevel::kError, "said"}, {LogLevel::kDebug, "said too"}}));
}

TEST_F(Log, ASinkMayLogAndReplaceItself) {
  set_log_sink([&](LogLevel, const std::string&) {
    set_log_sink([this](LogLevel level, const std::string& message) { lines_.emplace_back(level, message); });
    log(LogLevel::kError, "from within");
  });
  log(LogLevel::kError, "outer");
  EXPECT_EQ(lines_, (Lines{{LogLevel::kError, "from within"}}));
}

TEST(LogDefault, WritesALineToStderr) {
  testing::internal::CaptureStderr();
  log(LogLevel::kError, "the disk is full");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "costate [error] the disk is full\n");
}

// The level is read from the environment once a process; a death test has a process of its own.
class LogEnvironmentDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void log_all_levels_and_exit(const char* wanted) {
  setenv("COSTATE_LOG", wanted, 1);
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) log(level, "x");
  std::exit(0);
}

TEST_F(LogEnvironmentDeathTest, SetsTheLevel) {
  EXPECT_EXIT(log_all_levels_and_exit("info"), testing::ExitedWithCode(0),
              "^costate \\[info\\] x\ncostate \\[warn\\] x\ncostate \\[error\\] x\n$");
}

TEST_F(LogEnvironmentDeathTest, AMistypedLevelIsNamedAndIgnored) {
  EXPECT_EXIT(log_all_levels_and_exit("debgu"), testing::ExitedWithCode(0),
              "unknown level 'debgu'; did you mean 'debug'. known: debug, info, warn, error.\ncostate \\[warn\\] x\n");
}

}  // namespace
}  // namespace costate
