// Objects with memory that is worth keeping, between their uses.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace costate::internal {

/// Safe to use from many threads at once.
template <class Object>
class IdlePool {
 public:
  /// One that waits, or what make() gives.
  template <class Make>
  std::unique_ptr<Object> take(const Make& make) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Object> object = std::move(idle_.back());
        idle_.pop_back();
        return object;
      }
    }
    return make();
  }

  void give(std::unique_ptr<Object> object) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < most_) idle_.push_back(std::move(object));
  }

  /// Lets at most so many wait from now on.
  void limit(std::size_t most) {
    const std::lock_guard lock(mutex_);
    most_ = most;
    if (idle_.size() > most) idle_.resize(most);
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Object>> idle_;
  std::size_t most_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace costate::internal
