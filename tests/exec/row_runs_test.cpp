// Runs of rows against the tables that they stand for.
#include "costate/exec/kernels/row_runs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

using Table = std::vector<std::uint32_t>;

std::vector<double> numbers(std::size_t count, double phase) {
  std::vector<double> x(count);
  for (std::size_t i = 0; i < count; ++i) x[i] = std::sin(phase + static_cast<double>(i));
  return x;
}

/// Windows of a grid of 40 columns, one of them read twice.
Table windows() {
  Table table;
  for (const std::uint32_t row : {3U, 4U, 7U, 4U})
    for (std::uint32_t column = 5; column < 35; ++column) table.push_back(40 * row + column);
  return table;
}

TEST(RowRuns, MoveTheRowsOfTheirTable) {
  const Table table = windows();
  const std::vector<RowRun> runs = row_runs(table);
  EXPECT_EQ(runs.size(), 4U);
  constexpr std::size_t kRows = 400;
  for (const std::size_t lanes : {1, 4, 7}) {
    const std::vector<double> x = numbers(kRows * lanes, 0.3);
    std::vector<double> by_table(table.size() * lanes), by_runs(table.size() * lanes);
    gather_rows(x.data(), std::span<const std::uint32_t>(table), by_table.data(), lanes);
    gather_runs(x.data(), std::span<const RowRun>(runs), by_runs.data(), lanes);
    EXPECT_EQ(by_runs, by_table);
    std::vector<double> added_by_table = numbers(kRows * lanes, 0.9), added_by_runs = added_by_table;
    scatter_add_rows(x.data(), std::span<const std::uint32_t>(table), added_by_table.data(), lanes);
    scatter_add_runs(x.data(), std::span<const RowRun>(runs), added_by_runs.data(), lanes);
    EXPECT_EQ(added_by_runs, added_by_table);
  }
}

TEST(RowRuns, RepeatTheRowsOfTheirTable) {
  Table table;
  for (const std::uint32_t row : {3U, 9U, 4U}) table.insert(table.end(), 20, row);
  const std::vector<RowRun> runs = repeated_rows(table);
  EXPECT_EQ(runs.size(), 3U);
  for (const std::size_t lanes : {1, 4, 7}) {
    const std::vector<double> x = numbers(10 * lanes, 0.3);
    std::vector<double> by_table(table.size() * lanes), by_runs(table.size() * lanes);
    gather_rows(x.data(), std::span<const std::uint32_t>(table), by_table.data(), lanes);
    gather_repeated(x.data(), std::span<const RowRun>(runs), by_runs.data(), lanes);
    EXPECT_EQ(by_runs, by_table);
  }
  EXPECT_TRUE(repeated_rows(windows()).empty());
}

TEST(RowRuns, AreNoneWhereRowsMoveOneByOne) {
  Table backwards(100);
  std::iota(backwards.rbegin(), backwards.rend(), 0U);
  EXPECT_TRUE(row_runs(backwards).empty());
  EXPECT_TRUE(row_runs(Table{1, 2, 3}).empty());
  EXPECT_TRUE(row_runs(Table{}).empty());
}

}  // namespace
}  // namespace costate::internal
