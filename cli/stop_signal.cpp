#include "cli/stop_signal.h"

#include <csignal>

namespace costate::cli {
namespace {

using namespace std::chrono_literals;

// Slow disks and busy machines included, epochs of small data have long ended by then; and batch systems, which kill
// what does not end, wait for longer.
constexpr auto kGrace = 5s;

volatile std::sig_atomic_t seen = 0;

void see(int signal) {
  seen = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void watch_stop_signals() {
  std::signal(SIGINT, see);
  std::signal(SIGTERM, see);
}

int stop_signal() { return seen; }

void StopDeadline::check() {
  if (seen == 0) return;
  const Clock::rep now = Clock::now().time_since_epoch().count();
  Clock::rep end = 0;
  if (end_.compare_exchange_strong(end, now + Clock::duration(kGrace).count())) return;
  if (now > end) throw StoppedBySignal();
}

}  // namespace costate::cli
