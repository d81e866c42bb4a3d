// Kernels that move or fold whole rows. Plain loops: the compiler vectorizes the copies, and none of them is a place
// where time is spent.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "costate/base/error.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// So many rows at a time that their lines stay in a first-level cache: each line has a number of every lane.
template <class T>
void copy_lanes(const T* x, std::size_t rows, std::size_t lanes, std::span<const LaneCopy<T>> copies) {
  constexpr std::size_t kRows = 64;
  for (std::size_t first = 0; first < rows; first += kRows) {
    const std::size_t end = std::min(rows, first + kRows);
    for (const LaneCopy<T>& copy : copies)
      for (std::size_t row = first; row < end; ++row) copy.to[row] = x[row * lanes + copy.lane];
  }
}

template <class T>
void spread(Operand<T> x, T* out, std::size_t rows, std::size_t lanes) {
  const bool is_row_of_numbers = lanes == 1 && x.spread == Spread::kRow;
  if (x.spread == Spread::kFull || is_row_of_numbers) {  // a call for each row of one lane would take most of the time
    std::copy_n(x.data, rows * lanes, out);
    return;
  }
  for (std::size_t row = 0; row < rows; ++row, out += lanes)
    if (x.spread == Spread::kLane)
      std::copy_n(x.data, lanes, out);
    else
      std::fill_n(out, lanes, x.data[x.spread == Spread::kRow ? row : 0]);
}

namespace {

/// A cache line: so many numbers are copied and folded together.
template <class T>
constexpr std::size_t kLine = 64 / sizeof(T);

/// A row that is a few lines takes less time than the call of a general copy.
template <class T>
T* copy_row(const T* x, std::size_t lanes, T* out) {
  std::size_t lane = 0;
  for (; lane + kLine<T> <= lanes; lane += kLine<T>) std::memcpy(out + lane, x + lane, kLine<T> * sizeof(T));
  return std::copy_n(x + lane, lanes - lane, out + lane);
}

}  // namespace

template <class T>
void gather_rows(const T* x, std::span<const std::uint32_t> table, T* out, std::size_t lanes) {
  if (lanes == 1) {
    for (std::size_t row = 0; row < table.size(); ++row) out[row] = x[table[row]];
    return;
  }
  for (const std::uint32_t from : table) out = copy_row(x + from * lanes, lanes, out);
}

template <class T>
void scatter_add_rows(const T* x, std::span<const std::uint32_t> table, T* out, std::size_t lanes) {
  for (std::size_t row = 0; row < table.size(); ++row)
    for (std::size_t lane = 0; lane < lanes; ++lane) out[table[row] * lanes + lane] += x[row * lanes + lane];
}

namespace {

/// fold_rows for one lane: the chains of several groups side by side hide each other's latency, and read the same lines
/// of the cache where groups are columns. Each chain is what it was.
template <class T, class Fold>
void fold_numbers(const T* x, std::span<const std::uint32_t> table, std::size_t group, T* out, Fold fold) {
  constexpr std::size_t kChains = 8;
  const std::size_t num_groups = table.size() / group;
  for (std::size_t first = 0; first < num_groups; first += kChains) {
    const std::size_t count = std::min(kChains, num_groups - first);
    const std::uint32_t* const from = table.data() + first * group;
    T folded[kChains];
    for (std::size_t chain = 0; chain < count; ++chain) folded[chain] = x[from[chain * group]];
    for (std::size_t j = 1; j < group; ++j)
      for (std::size_t chain = 0; chain < count; ++chain)
        folded[chain] = fold(folded[chain], x[from[chain * group + j]]);
    std::copy_n(folded, count, out + first);
  }
}

template <class T, class Fold>
void fold_rows(const T* x, std::span<const std::uint32_t> table, std::size_t group, T* out, std::size_t lanes,
               Fold fold) {
  if (lanes == 1 && group > 0) return fold_numbers(x, table, group, out, fold);
  for (std::size_t start = 0; start < table.size(); start += group, out += lanes) {
    const std::span<const std::uint32_t> rows = table.subspan(start, group);
    std::size_t lane = 0;
    for (; lane + kLine<T> <= lanes; lane += kLine<T>) {
      T line[kLine<T>];  // stays in registers
      std::memcpy(line, x + rows[0] * lanes + lane, sizeof line);
      for (const std::uint32_t from : rows.subspan(1)) {
        const T* row = x + from * lanes + lane;
        for (std::size_t i = 0; i < kLine<T>; ++i) line[i] = fold(line[i], row[i]);
      }
      std::memcpy(out + lane, line, sizeof line);
    }
    for (; lane < lanes; ++lane) {
      T folded = x[rows[0] * lanes + lane];
      for (const std::uint32_t from : rows.subspan(1)) folded = fold(folded, x[from * lanes + lane]);
      out[lane] = folded;
    }
  }
}

/// The smaller (larger) one; NaN if either is.
template <class T>
T pick(T left, T right, bool take_left) {
  if (std::isnan(left)) return left;
  if (std::isnan(right)) return right;
  return take_left ? left : right;
}

}  // namespace

template <class T>
void reduce_rows(Op op, const T* x, std::span<const std::uint32_t> table, std::size_t group, T* out,
                 std::size_t lanes) {
  switch (op) {
    case Op::kSum:
      return fold_rows(x, table, group, out, lanes, [](T a, T b) { return a + b; });
    case Op::kReduceMin:
      return fold_rows(x, table, group, out, lanes, [](T a, T b) { return pick(a, b, a <= b); });
    case Op::kReduceMax:
      return fold_rows(x, table, group, out, lanes, [](T a, T b) { return pick(a, b, a >= b); });
    default:
      COSTATE_CHECK(false, "no reduction ", info(op).name);
  }
}

#define COSTATE_ROWS(T)                                                                       \
  template void copy_lanes(const T*, std::size_t, std::size_t, std::span<const LaneCopy<T>>); \
  template void spread(Operand<T>, T*, std::size_t, std::size_t);                             \
  template void gather_rows(const T*, std::span<const std::uint32_t>, T*, std::size_t);       \
  template void scatter_add_rows(const T*, std::span<const std::uint32_t>, T*, std::size_t);  \
  template void reduce_rows(Op, const T*, std::span<const std::uint32_t>, std::size_t, T*, std::size_t);
COSTATE_ROWS(float)
COSTATE_ROWS(double)
#undef COSTATE_ROWS

}  // namespace costate::internal
