#include "costate/base/communicator.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/base/threads.h"

namespace costate {
namespace {

thread_local Communicator* current = nullptr;

/// One item of each rank, in their order.
template <class T>
std::vector<T> gathered(Communicator& ranks, T mine) {
  std::vector<T> items(static_cast<std::size_t>(ranks.size()));
  items[static_cast<std::size_t>(ranks.rank())] = mine;
  std::vector<std::size_t> begins(items.size() + 1);
  for (std::size_t i = 0; i < begins.size(); ++i) begins[i] = i * sizeof(T);
  ranks.all_gather(std::as_writable_bytes(std::span(items)), begins);
  return items;
}

/// Those of all ranks, one after the other, and where each begins.
std::pair<std::string, std::vector<std::size_t>> joined(Communicator& ranks, const std::string& mine) {
  const std::vector<std::size_t> sizes = gathered(ranks, mine.size());
  std::vector<std::size_t> begins = {0};
  for (const std::size_t size : sizes) begins.push_back(begins.back() + size);
  std::string all(begins.back(), '\0');
  std::ranges::copy(mine, all.begin() + static_cast<std::ptrdiff_t>(begins[static_cast<std::size_t>(ranks.rank())]));
  ranks.all_gather(std::as_writable_bytes(std::span(all)), begins);
  return {std::move(all), std::move(begins)};
}

}  // namespace

CommunicatorScope::CommunicatorScope(Communicator& communicator) : previous_(current) {
  current = communicator.size() > 1 ? &communicator : nullptr;
}

CommunicatorScope::~CommunicatorScope() { current = previous_; }

CommunicatorPause::CommunicatorPause() : paused_(current) { current = nullptr; }

CommunicatorPause::~CommunicatorPause() { current = paused_; }

Communicator* current_communicator() { return current; }

int num_ranks() { return current == nullptr ? 1 : current->size(); }

int this_rank() { return current == nullptr ? 0 : current->rank(); }

bool any_rank(bool mine) {
  if (current == nullptr) return mine;
  const std::vector<std::uint8_t> all = gathered(*current, static_cast<std::uint8_t>(mine));
  return std::ranges::any_of(all, [](std::uint8_t said) { return said != 0; });
}

void check_ranks_agree(const std::string& where, const std::string& text, const std::string& cure) {
  if (current == nullptr) return;
  const auto [all, begins] = joined(*current, text);
  const std::string first = all.substr(0, begins[1]);
  for (std::size_t i = 1; i + 1 < begins.size(); ++i) {
    const std::string other = all.substr(begins[i], begins[i + 1] - begins[i]);
    if (other == first) continue;
    const auto [theirs, ours] = text::first_difference(other, first);
    throw InvalidArgument("[", where, "] rank ", i, " has '", theirs, "' where rank 0 has '", ours, "'; ", cure);
  }
}

void first_rank_then_all(const std::string& where, const std::function<void()>& work) {
  std::exception_ptr error;
  if (this_rank() == 0) {
    const CommunicatorPause alone;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }
  const bool has_failed = any_rank(error != nullptr);
  if (error) std::rethrow_exception(error);
  if (has_failed) throw IoError("[", where, "] rank 0 could not go on; it says why.");
}

void parallel_for_unless_shared(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (current == nullptr) return parallel_for(count, work);
  for (std::size_t i = 0; i < count; ++i) work(i);
}

}  // namespace costate
