// Ending long work from outside, as Ctrl-C does: loops look up, some ten times a second, whether they should go on.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>

namespace costate {

namespace internal {

using InterruptClock = std::chrono::steady_clock;

/// A check that several threads ask. The first exception ends the work of all of them.
class Interrupt {
 public:
  explicit Interrupt(std::function<void()> check) : check_(std::move(check)) {}

  /// Calls the check if this thread has not for a while. Throws what that, on any thread, has thrown.
  void ask(InterruptClock::time_point now);

 private:
  std::function<void()> check_;
  std::atomic<bool> is_stopped_ = false;
  std::mutex mutex_;
  std::exception_ptr thrown_;
};

/// That of the innermost scope of this thread; null if there is none.
Interrupt* current_interrupt();

/// Makes an Interrupt current on this thread: on one that helps, that of the thread that it helps.
class InterruptAdoption {
 public:
  explicit InterruptAdoption(Interrupt* interrupt);
  ~InterruptAdoption();
  InterruptAdoption(const InterruptAdoption&) = delete;
  InterruptAdoption& operator=(const InterruptAdoption&) = delete;

 private:
  Interrupt* previous_;
};

/// Of one loop, which calls it in every round. A round may take nanoseconds or a second: how many go by between two
/// looks at the clock follows from that.
class InterruptPoll {
 public:
  InterruptPoll() : interrupt_(current_interrupt()) {}
  void operator()() {
    if (interrupt_ != nullptr && --rounds_left_ == 0) look();
  }

 private:
  void look();

  Interrupt* interrupt_;
  int rounds_left_ = 1, rounds_ = 1;
  InterruptClock::time_point last_look_ = {};
};

}  // namespace internal

/// While it lives, solves, programs and fits that this thread runs call `check` some ten times a second, on this thread
/// and on those that help it. What it throws ends the work and comes out of the call. Of nested scopes the inner one
/// counts.
class InterruptScope {
 public:
  explicit InterruptScope(std::function<void()> check);

 private:
  internal::Interrupt interrupt_;
  internal::InterruptAdoption adoption_;
};

}  // namespace costate
