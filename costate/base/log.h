// Where the library's rare words go. The core logs through a sink that a program may replace; by default to stderr, from the
// level that the environment variable COSTATE_LOG names (debug, info, warn, error; default warn).
#pragma once

#include <functional>
#include <string>

namespace costate {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

using LogSink = std::function<void(LogLevel, const std::string&)>;

/// Takes all further messages; an empty function restores the default.
void set_log_sink(LogSink sink);
void log(LogLevel level, const std::string& message);

}  // namespace costate
