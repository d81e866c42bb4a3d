// Where the instructions of a pool find their numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/graph/graph.h"

namespace costate::internal {

/// Windows of an image's rows and columns, both ways: what a window is made of, and which windows a number is in.
struct PoolTable {
  /// From first to end - 1.
  struct Range {
    std::uint32_t first = 0, end = 0;
    std::size_t count() const { return end - first; }
  };
  /// Ranges of one length that are evenly spaced: those of `to`, to + to_step, … begin at `from`, from + from_step, …
  struct Run {
    std::uint32_t num = 0, count = 0;  // of ranges; the length of each
    std::uint32_t to = 0, to_step = 1, from = 0, from_step = 1;
    std::int32_t place = 0;  // of a window's first number, of a number in its first window: padding counts
  };
  /// What the ranges along an axis are, in order, and the same as runs.
  struct Ranges {
    std::vector<Range> in_order;
    std::vector<Run> runs;

    /// Range i is the `kernel` numbers from i * step - padding on, without those outside. kernel 0: the ranges are not
    /// evenly spaced.
    std::int64_t kernel = 0, step = 1, padding = 0;

    std::size_t size() const { return in_order.size(); }
    bool overlap = false;    // a range of several elements begins before the one before it ends
    bool have_gaps = false;  // some are empty
  };
  struct Axis {
    Ranges windows;  // which numbers of the image; one at least
    Ranges numbers;  // which windows
    std::uint32_t stride = 1;
    bool windows_meet = false;  // a number is in several
  };

  std::size_t channels = 0;
  Axis rows, columns;
  bool rows_divide = false;     // evenly into windows: runs go on from a channel to the next
  std::size_t window_size = 0;  // padding counts

  std::size_t image_size() const { return channels * rows.numbers.size() * columns.numbers.size(); }
  std::size_t result_size() const { return channels * rows.windows.size() * columns.windows.size(); }
};

/// Of a node of one of the four pools.
PoolTable pool_table(const Function& function, const Node& node);

}  // namespace costate::internal
