#include "costate/base/threads.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "costate/base/communicator.h"
#include "costate/base/error.h"
#include "costate/base/interrupt.h"

// ThreadSanitizer sees a race wherever oneTBB hands over work, since the system's oneTBB was built without it.
#if defined(__SANITIZE_THREAD__)
#define COSTATE_OWN_THREADS
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COSTATE_OWN_THREADS
#endif
#endif

namespace costate {
namespace {

std::atomic<int> wanted_threads{0};

/// Set in a process that was forked: it has none of its parent's other threads, and would wait for them.
std::atomic<bool> is_alone{false};

/// A slip of a key should not start threads until the memory is full.
constexpr int kMostThreads = 1024;

/// A number of threads that stay together between calls: those of a new arena would start 0.1 ms late.
class Team {
 public:
  explicit Team(int threads) : threads_(threads), arena_(threads) {
    // More threads than cores are allowed: results must not depend on their number, and tests ask for seven.
    const int cores = oneapi::tbb::info::default_concurrency();
    if (threads > cores)
      allow_.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
  }

  /// The team of that many threads; callers share it.
  static std::shared_ptr<Team> of(int threads) {
    static std::mutex mutex;
    static std::shared_ptr<Team> team;
    const std::lock_guard lock(mutex);
    if (!team || team->threads_ != threads) {
      team.reset();
      team = std::make_shared<Team>(threads);
    }
    return team;
  }

  /// Calls piece(i) for i < count, some of them on this thread. The calls must not throw.
  void run(std::size_t count, const std::function<void(std::size_t)>& piece) {
#ifdef COSTATE_OWN_THREADS
    std::atomic<std::size_t> next = 0;
    const auto take_pieces = [&] {
      for (std::size_t i = next++; i < count; i = next++) piece(i);
    };
    std::vector<std::jthread> others;
    for (int i = 1; i < threads_; ++i) others.emplace_back(take_pieces);
    take_pieces();
#else
    arena_.execute([&] { oneapi::tbb::parallel_for(std::size_t{0}, count, piece, oneapi::tbb::simple_partitioner{}); });
#endif
  }

 private:
  int threads_;
  std::optional<oneapi::tbb::global_control> allow_;
  oneapi::tbb::task_arena arena_;
};

/// The error of the smallest index among those of a loop.
class FirstError {
 public:
  template <class Work>
  void guard(std::size_t index, const Work& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (error_ && index >= index_) return;
      index_ = index;
      error_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::size_t index_ = 0;
};

/// A loop whose caller, once it finds nothing more to do, asks the interrupt until the others have finished: Python
/// hears of Ctrl-C on the main thread alone, which would otherwise wait in oneTBB.
class AskingLoop {
 public:
  AskingLoop(std::size_t count, const std::function<void(std::size_t)>& work) : count_(count), work_(work) {}

  void run(Team& team, internal::Interrupt& interrupt, FirstError& first_error, std::size_t threads) {
    const std::thread::id caller = std::this_thread::get_id();
    team.run(std::min(threads, count_), [&](std::size_t) {
      take_pieces();
      if (std::this_thread::get_id() == caller) wait(interrupt, first_error);
    });
  }

 private:
  void take_pieces() {
    for (std::size_t i = next_++; i < count_; i = next_++) {
      work_(i);
      if (++done_ < count_) continue;
      const std::lock_guard lock(mutex_);
      finished_.notify_one();
    }
  }

  void wait(internal::Interrupt& interrupt, FirstError& first_error) {
    using namespace std::chrono_literals;
    const auto begin = internal::InterruptClock::now();
    // Most waits are shorter than it takes to fall asleep and wake up.
    while (done_ < count_ && internal::InterruptClock::now() - begin < 1ms) std::this_thread::yield();
    while (done_ < count_) {
      {
        std::unique_lock lock(mutex_);
        finished_.wait_for(lock, 100ms, [&] { return done_ == count_; });
      }
      first_error.guard(count_, [&] { interrupt.ask(internal::InterruptClock::now()); });
    }
  }

  std::size_t count_;
  const std::function<void(std::size_t)>& work_;
  std::atomic<std::size_t> next_ = 0, done_ = 0;
  std::mutex mutex_;
  std::condition_variable finished_;
};

}  // namespace

void set_num_threads(int count) {
  if (count < 0) throw InvalidArgument("[set_num_threads] count must be 0 (all) or more; got ", count, ".");
  if (count > kMostThreads)
    throw InvalidArgument("[set_num_threads] count must be at most ", kMostThreads, "; got ", count, ".");
  wanted_threads = count;
}

void stay_on_calling_thread() { is_alone = true; }

int num_threads() {
  if (is_alone) return 1;
  const int wanted = wanted_threads;
  return wanted > 0 ? wanted : oneapi::tbb::info::default_concurrency();
}

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& work) {
  const int threads = num_threads();
  const CommunicatorPause alone;
  if (threads == 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  FirstError first_error;
  internal::Interrupt* interrupt = internal::current_interrupt();
  const std::function<void(std::size_t)> guarded = [&](std::size_t i) {
    const internal::InterruptAdoption adoption(interrupt);
    first_error.guard(i, [&] { work(i); });
  };
  const std::shared_ptr<Team> team = Team::of(threads);
  if (interrupt != nullptr)
    AskingLoop(count, guarded).run(*team, *interrupt, first_error, static_cast<std::size_t>(threads));
  else
    team->run(count, guarded);
  first_error.rethrow();
}

}  // namespace costate
