// Processes that work on one thing together: each runs the same program, and in a scope below runs of a Program share
// the samples of their batches. Who moves the bytes (MPI, threads of a test) is behind an interface.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace costate {

/// Ranks 0 … size - 1. Bytes arrive as they were sent: sums are the caller's, in the caller's order. Calls come from
/// one thread at a time, in the same order on all ranks, and return when the bytes may be used again.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void send(std::span<const std::byte> bytes, int to) = 0;
  virtual void receive(std::span<std::byte> bytes, int from) = 0;
  /// From one rank to all others.
  virtual void broadcast(std::span<std::byte> bytes, int from) = 0;
  /// Rank r has bytes begins[r] … begins[r + 1] of `all`, and gets the others'. `begins` has size() + 1 places.
  virtual void all_gather(std::span<std::byte> all, std::span<const std::size_t> begins) = 0;
};

/// While it lives, what this thread runs is shared with the other ranks, which must do the same in the same order, from
/// the same data. Runs on threads that help are not shared: there is no order among them. Of nested scopes the
/// inner one counts.
class CommunicatorScope {
 public:
  /// One rank alone shares nothing. The communicator must outlive the scope.
  explicit CommunicatorScope(Communicator& communicator);
  ~CommunicatorScope();
  CommunicatorScope(const CommunicatorScope&) = delete;
  CommunicatorScope& operator=(const CommunicatorScope&) = delete;

 private:
  Communicator* previous_;
};

/// While it lives, this thread works alone.
class CommunicatorPause {
 public:
  CommunicatorPause();
  ~CommunicatorPause();
  CommunicatorPause(const CommunicatorPause&) = delete;
  CommunicatorPause& operator=(const CommunicatorPause&) = delete;

 private:
  Communicator* paused_;
};

/// That of this thread; null where it works alone.
Communicator* current_communicator();

/// Of the current ranks; 1 and 0 where a thread works alone.
int num_ranks();
int this_rank();

/// Whether any of the current ranks says so: what a clock or a signal tells one of them, all must go by. Where a thread
/// works alone, `mine`.
bool any_rank(bool mine);

/// Throws InvalidArgument, on all ranks, if they do not all have the same text: "[where] rank 2 …, rank 0 …; <cure>".
void check_ranks_agree(const std::string& where, const std::string& text, const std::string& cure);

/// The first rank works alone, and all go on when it is done. What it throws is rethrown there; the others throw an
/// IoError that says so.
void first_rank_then_all(const std::string& where, const std::function<void()>& work);

/// parallel_for of work that is itself shared by the current ranks, if there are any: then one after the other.
void parallel_for_unless_shared(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace costate
