// Ranks that are threads of one process: what ranks do is tested without MPI, with as many as a test likes.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "costate/base/communicator.h"

namespace costate::test {

/// Messages between threads, in order for each pair. A rank that throws ends the others' waiting.
class Mail {
 public:
  void send(int from, int to, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    boxes_[{from, to}].emplace_back(bytes.begin(), bytes.end());
    changed_.notify_all();
  }

  void receive(int from, int to, std::span<std::byte> bytes) {
    std::unique_lock lock(mutex_);
    auto& box = boxes_[{from, to}];
    changed_.wait(lock, [&] { return is_broken_ || !box.empty(); });
    if (box.empty()) throw std::runtime_error("another rank has failed");
    if (box.front().size() != bytes.size()) throw std::logic_error("ranks do not do the same");
    std::ranges::copy(box.front(), bytes.begin());
    box.pop_front();
  }

  void tear() {
    const std::lock_guard lock(mutex_);
    is_broken_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<int, int>, std::deque<std::vector<std::byte>>> boxes_;
  bool is_broken_ = false;
};

class ThreadRank : public Communicator {
 public:
  ThreadRank(Mail& mail, int rank, int size) : mail_(mail), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(std::span<const std::byte> bytes, int to) override { mail_.send(rank_, to, bytes); }
  void receive(std::span<std::byte> bytes, int from) override { mail_.receive(from, rank_, bytes); }

  void broadcast(std::span<std::byte> bytes, int from) override {
    if (rank_ != from) return receive(bytes, from);
    for (int to = 0; to < size_; ++to)
      if (to != from) send(bytes, to);
  }

  void all_gather(std::span<std::byte> all, std::span<const std::size_t> begins) override {
    for (int from = 0; from < size_; ++from) {
      const auto r = static_cast<std::size_t>(from);
      broadcast(all.subspan(begins[r], begins[r + 1] - begins[r]), from);
    }
  }

 private:
  Mail& mail_;
  int rank_, size_;
};

/// Calls work(rank) for each of so many ranks, on threads of their own, in scopes that share what they run. Rethrows
/// the first rank's exception, or the next one's.
inline void on_thread_ranks(int count, const std::function<void(int rank)>& work) {
  Mail mail;
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      try {
        ThreadRank communicator(mail, rank, count);
        const CommunicatorScope scope(communicator);
        work(rank);
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
        mail.tear();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace costate::test
