#include "costate/base/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace costate {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

void write_to_stderr(LogLevel level, const std::string& message) {
  // One call a line, so that lines of several threads don't mix.
  std::fputs(text::concat("costate [", name(level), "] ", message, "\n").c_str(), stderr);
}

LogLevel level_from_environment() {
  const char* wanted = std::getenv("COSTATE_LOG");
  if (wanted == nullptr || *wanted == '\0') return LogLevel::kWarn;
  const auto found = std::find(kLevelNames.begin(), kLevelNames.end(), wanted);
  if (found == kLevelNames.end()) {
    // A typing error in the environment must not stop the program.
    write_to_stderr(
        LogLevel::kWarn,
        text::concat("[COSTATE_LOG] ", text::unknown_name("level", wanted, {kLevelNames.begin(), kLevelNames.end()})));
    return LogLevel::kWarn;
  }
  return static_cast<LogLevel>(found - kLevelNames.begin());
}

std::atomic<LogLevel>& current_level() {
  static std::atomic<LogLevel> level = level_from_environment();
  return level;
}

std::mutex sink_mutex;
std::shared_ptr<const LogSink> current_sink;  // null: stderr

}  // namespace

std::string_view name(LogLevel level) { return kLevelNames.at(static_cast<std::size_t>(level)); }

void set_log_sink(LogSink sink) {
  auto shared = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  const std::lock_guard lock(sink_mutex);
  current_sink = std::move(shared);
}

void set_log_level(LogLevel level) { current_level() = level; }
LogLevel log_level() { return current_level(); }

void internal::write_log(LogLevel level, const std::string& message) {
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(sink_mutex);
    sink = current_sink;
  }
  // The lock is not held here: a sink may log, replace the sink, or wait for another lock (Python's).
  if (sink)
    (*sink)(level, message);
  else
    write_to_stderr(level, message);
}

}  // namespace costate
