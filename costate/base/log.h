// What Costate says while it works. Lines go to one process-wide sink; a door (CLI, Python) puts its own in.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "costate/base/text.h"

namespace costate {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// "debug", "info", "warn", "error".
std::string_view name(LogLevel level);

/// Takes one message, without a trailing newline. May be called from several threads at once.
using LogSink = std::function<void(LogLevel level, const std::string& message)>;

/// Replaces the sink. An empty one restores the default: one line a message on stderr.
void set_log_sink(LogSink sink);

/// Drops messages below `level` from now on. At first it is what the environment variable COSTATE_LOG says
/// (debug, info, warn, error), or warn.
void set_log_level(LogLevel level);
LogLevel log_level();

namespace internal {
void write_log(LogLevel level, const std::string& message);
}  // namespace internal

/// Joins `part`s into a message and hands it to the sink, if `level` is not below log_level(). Free of cost otherwise.
template <class... Part>
void log(LogLevel level, const Part&... part) {
  if (level >= log_level()) internal::write_log(level, text::concat(part...));
}

}  // namespace costate
