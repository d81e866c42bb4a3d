// Ctrl-C and SIGTERM: the first one asks for an end, a second one ends the process.
#pragma once

#include <atomic>
#include <chrono>

namespace costate::cli {

/// From now on stop_signal() tells of a SIGINT or SIGTERM.
void watch_stop_signals();

/// The signal that has come; 0: none.
int stop_signal();

/// Thrown where a signal ends work that is not at an end of its own.
struct StoppedBySignal {};

/// Ends what is at work so long after the signal, however far it is: an epoch may take minutes, and so may one forecast
/// by a model whose weights ran away.
class StopDeadline {
 public:
  /// For an InterruptScope; throws StoppedBySignal. Any thread may call it.
  void check();

 private:
  using Clock = std::chrono::steady_clock;

  std::atomic<Clock::rep> end_ = 0;  // 0: no signal was seen
};

}  // namespace costate::cli
