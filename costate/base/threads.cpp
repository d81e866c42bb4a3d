#include "costate/base/threads.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>

#include "costate/base/error.h"

namespace costate {
namespace {

std::atomic<int> wanted_threads{0};

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

  oneapi::tbb::task_arena& arena() { return arena_; }

 private:
  int threads_;
  std::optional<oneapi::tbb::global_control> allow_;
  oneapi::tbb::task_arena arena_;
};

}  // namespace

void set_num_threads(int count) {
  if (count < 0) throw InvalidArgument("[set_num_threads] count must be 0 (all) or more; got ", count, ".");
  if (count > kMostThreads)
    throw InvalidArgument("[set_num_threads] count must be at most ", kMostThreads, "; got ", count, ".");
  wanted_threads = count;
}

int num_threads() {
  const int wanted = wanted_threads;
  return wanted > 0 ? wanted : oneapi::tbb::info::default_concurrency();
}

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& work) {
  const int threads = num_threads();
  if (threads == 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  std::mutex mutex;
  std::exception_ptr first_error;
  std::size_t first_index = std::numeric_limits<std::size_t>::max();
  const auto guarded = [&](std::size_t i) {
    try {
      work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (i < first_index) {
        first_index = i;
        first_error = std::current_exception();
      }
    }
  };
  const std::shared_ptr<Team> team = Team::of(threads);
  team->arena().execute(
      [&] { oneapi::tbb::parallel_for(std::size_t{0}, count, guarded, oneapi::tbb::simple_partitioner{}); });
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace costate
