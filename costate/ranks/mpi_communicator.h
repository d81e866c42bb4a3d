// A Communicator on an MPI communicator of the caller's. Header only and not part of costate.h: whoever includes it
// brings an MPI of their own, and the library needs none.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <span>
#include <vector>

#include "costate/base/communicator.h"

namespace costate {

/// `Base` is Communicator, or an interface derived from it. MPI's own error handler tells of errors: by default it ends
/// the program.
template <class Base>
class MpiOn : public Base {
 public:
  /// A copy of the communicator (MPI_Comm_dup) is used, so that messages do not meet those of others. All of its ranks
  /// must make one; MPI must be initialized, and finalized after the copy is gone.
  explicit MpiOn(MPI_Comm communicator) {
    MPI_Comm_dup(communicator, &communicator_);
    MPI_Comm_rank(communicator_, &rank_);
    MPI_Comm_size(communicator_, &size_);
  }
  ~MpiOn() override { MPI_Comm_free(&communicator_); }
  MpiOn(const MpiOn&) = delete;
  MpiOn& operator=(const MpiOn&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(std::span<const std::byte> bytes, int to) override {
    in_parts(bytes, [&](const std::byte* part, int count) { MPI_Send(part, count, MPI_BYTE, to, 0, communicator_); });
  }

  void receive(std::span<std::byte> bytes, int from) override {
    in_parts(bytes, [&](std::byte* part, int count) {
      MPI_Recv(part, count, MPI_BYTE, from, 0, communicator_, MPI_STATUS_IGNORE);
    });
  }

  void broadcast(std::span<std::byte> bytes, int from) override {
    in_parts(bytes, [&](std::byte* part, int count) { MPI_Bcast(part, count, MPI_BYTE, from, communicator_); });
  }

  void all_gather(std::span<std::byte> all, std::span<const std::size_t> begins) override {
    if (all.size() > static_cast<std::size_t>(INT_MAX)) {  // more than MPI's counts hold
      for (int i = 0; i < size_; ++i) {
        const auto r = static_cast<std::size_t>(i);
        broadcast(all.subspan(begins[r], begins[r + 1] - begins[r]), i);
      }
      return;
    }
    std::vector<int> counts, places;
    for (std::size_t r = 0; r + 1 < begins.size(); ++r) {
      places.push_back(static_cast<int>(begins[r]));
      counts.push_back(static_cast<int>(begins[r + 1] - begins[r]));
    }
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), counts.data(), places.data(), MPI_BYTE,
                   communicator_);
  }

 protected:
  MPI_Comm communicator() const { return communicator_; }

 private:
  /// MPI counts in int.
  template <class Byte, class Work>
  static void in_parts(std::span<Byte> bytes, const Work& work) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(kMost, bytes.size())))
      work(bytes.data(), static_cast<int>(std::min(kMost, bytes.size())));
  }

  MPI_Comm communicator_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
};

/// What a CommunicatorScope takes: MpiCommunicator ranks(MPI_COMM_WORLD); CommunicatorScope scope(ranks);
using MpiCommunicator = MpiOn<Communicator>;

}  // namespace costate
