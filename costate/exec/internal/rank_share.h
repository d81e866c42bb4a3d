// A run that ranks share: each works on some neighbouring groups of tiles, and what the others made is exchanged, so
// that all end with the result that one rank alone would have, to the bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "costate/base/communicator.h"
#include "costate/exec/run_report.h"

namespace costate::internal {

/// Pieces begin … end - 1 of so many.
struct RankShare {
  std::size_t begin = 0, end = 0;
};

/// What a rank takes of `count` pieces. The first ranks have some, the others none if there are fewer pieces.
RankShare share_of(std::size_t count, const Communicator& ranks, int rank);

/// Adds the items of all ranks, rank 0's first and each rank's in order, to zeros: add(part, first) adds this rank's to
/// numbers first … of the sums. The sums go from rank to rank in parts, so that neighbours work at the same time, and
/// each rank sends and gets them about twice, however many there are. Ranks from `active` on have no items.
template <class T, class Add>
void add_in_turn(Communicator& ranks, int active, std::span<T> sums, const Add& add) {
  constexpr std::size_t kPart = 8192;  // numbers: a few microseconds of sending
  const int rank = ranks.rank();
  for (std::size_t first = 0; rank < active && first < sums.size(); first += kPart) {
    const std::span<T> part = sums.subspan(first, std::min(kPart, sums.size() - first));
    if (rank > 0) ranks.receive(std::as_writable_bytes(part), rank - 1);
    add(part, first);
    if (rank + 1 < active) ranks.send(std::as_bytes(part), rank + 1);
  }
  if (!sums.empty()) ranks.broadcast(std::as_writable_bytes(sums), active - 1);
}

/// Rows of an array [row, …], of which rank r has rows begins[r] … begins[r + 1].
struct SharedRows {
  std::span<std::byte> bytes;
  std::size_t row_bytes = 0;
};

/// Completes the rows of all arrays and the report on each rank.
void exchange_rows(Communicator& ranks, std::span<const std::size_t> begins, std::span<const SharedRows> arrays,
                   RunReport& report);

}  // namespace costate::internal
