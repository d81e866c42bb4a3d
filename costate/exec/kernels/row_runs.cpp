#include "costate/exec/kernels/row_runs.h"

#include <algorithm>

namespace costate::internal {

namespace {

/// Runs of rows that are `step` apart.
std::vector<RowRun> runs_of_step(std::span<const std::uint32_t> table, std::uint32_t step) {
  constexpr std::size_t kShort = 8;  // rows on average; one lane's vector
  std::vector<RowRun> runs;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!runs.empty() && table[i] == runs.back().place + step * runs.back().count)
      ++runs.back().count;
    else
      runs.push_back({table[i], static_cast<std::uint32_t>(i), 1});
  }
  if (runs.size() * kShort > table.size()) runs.clear();
  return runs;
}

}  // namespace

std::vector<RowRun> row_runs(std::span<const std::uint32_t> table) { return runs_of_step(table, 1); }

std::vector<RowRun> repeated_rows(std::span<const std::uint32_t> table) { return runs_of_step(table, 0); }

template <class T>
void gather_runs(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes) {
  for (const RowRun& run : runs) std::copy_n(x + run.place * lanes, run.count * lanes, out + run.at * lanes);
}

template <class T>
void gather_repeated(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes) {
  for (const RowRun& run : runs) {
    T* to = out + run.at * lanes;
    if (lanes == 1)
      std::fill_n(to, run.count, x[run.place]);
    else
      for (std::uint32_t i = 0; i < run.count; ++i) to = std::copy_n(x + run.place * lanes, lanes, to);
  }
}

template <class T>
void scatter_add_runs(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes) {
  for (const RowRun& run : runs) {
    const T* from = x + run.at * lanes;
    T* to = out + run.place * lanes;
    for (std::size_t i = 0; i < run.count * lanes; ++i) to[i] += from[i];
  }
}

#define COSTATE_RUNS(T)                                                              \
  template void gather_runs(const T*, std::span<const RowRun>, T*, std::size_t);     \
  template void gather_repeated(const T*, std::span<const RowRun>, T*, std::size_t); \
  template void scatter_add_runs(const T*, std::span<const RowRun>, T*, std::size_t);
COSTATE_RUNS(float)
COSTATE_RUNS(double)
#undef COSTATE_RUNS

}  // namespace costate::internal
