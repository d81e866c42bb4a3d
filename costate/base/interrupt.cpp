#include "costate/base/interrupt.h"

#include <algorithm>
#include <utility>

namespace costate {
namespace internal {
namespace {

using namespace std::chrono_literals;

thread_local Interrupt* current = nullptr;
// Of a thread and not of a loop: loops may be short and many.
thread_local InterruptClock::time_point last_asked = {};

}  // namespace

Interrupt* current_interrupt() { return current; }

void Interrupt::ask(InterruptClock::time_point now) {
  if (!is_stopped_.load(std::memory_order_relaxed) && now - last_asked >= 100ms) {
    last_asked = now;
    try {
      check_();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
      is_stopped_ = true;
    }
  }
  if (!is_stopped_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  std::rethrow_exception(thrown_);
}

InterruptAdoption::InterruptAdoption(Interrupt* interrupt) : previous_(std::exchange(current, interrupt)) {}
InterruptAdoption::~InterruptAdoption() { current = previous_; }

void InterruptPoll::look() {
  const InterruptClock::time_point now = InterruptClock::now();
  constexpr int kMostRounds = 64;
  rounds_ = now - last_look_ < 1ms ? std::min(4 * rounds_, kMostRounds) : std::max(1, rounds_ / 4);
  rounds_left_ = rounds_;
  last_look_ = now;
  interrupt_->ask(now);
}

}  // namespace internal

InterruptScope::InterruptScope(std::function<void()> check) : interrupt_(std::move(check)), adoption_(&interrupt_) {
  internal::last_asked = internal::InterruptClock::now();
}

}  // namespace costate
