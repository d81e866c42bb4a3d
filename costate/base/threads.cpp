#include "costate/base/threads.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <exception>
#include <limits>
#include <mutex>

#include "costate/base/error.h"

namespace costate {
namespace {

std::atomic<int> wanted_threads{0};

}  // namespace

void set_num_threads(int count) {
  if (count < 0) throw InvalidArgument("[set_num_threads] count must be 0 (all) or more; got ", count, ".");
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
  // More threads than cores are allowed: results must not depend on their number, and tests ask for seven.
  const oneapi::tbb::global_control allow(oneapi::tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(threads));
  oneapi::tbb::task_arena arena(threads);
  arena.execute([&] { oneapi::tbb::parallel_for(std::size_t{0}, count, guarded, oneapi::tbb::simple_partitioner{}); });
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace costate
