#include "costate/base/log.h"

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string_view>

namespace costate {
namespace {

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};

LogLevel threshold() {
  const char* wanted = std::getenv("COSTATE_LOG");
  for (int level = 0; level < 4; ++level)
    if (wanted != nullptr && kNames[level] == wanted) return static_cast<LogLevel>(level);
  return LogLevel::kWarn;
}

void to_stderr(LogLevel level, const std::string& message) {
  static const LogLevel from = threshold();
  if (level >= from) std::cerr << "costate " << kNames[static_cast<int>(level)] << ": " << message << '\n';
}

std::mutex mutex;
LogSink current;

}  // namespace

void set_log_sink(LogSink sink) {
  const std::lock_guard lock(mutex);
  current = std::move(sink);
}

void log(LogLevel level, const std::string& message) {
  const std::lock_guard lock(mutex);
  if (current)
    current(level, message);
  else
    to_stderr(level, message);
}

}  // namespace costate
