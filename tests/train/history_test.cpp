#include "costate/train/history.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/io/csv.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

TEST(History, ReadsBackToTheSameNumbers) {
  const test::Scratch folder;
  HistoryRow first{.epoch = 0, .validation_loss = std::nan("")}, second{.epoch = 1};
  double next = 1.0 / 3;
  for (const HistoryColumn& column : history_columns()) second.*column.value = next *= 1.7;
  write_history(folder / "history.csv", {first, second});
  const CsvTable table = read_csv(folder / "history.csv");
  ASSERT_EQ(table.names().size(), history_columns().size());
  for (const HistoryColumn& column : history_columns()) {
    const std::vector<double> cells = table.numbers(column.name);
    ASSERT_EQ(cells.size(), 2U);
    EXPECT_EQ(std::isnan(cells[0]), column.name == std::string("validation_loss")) << column.name;
    EXPECT_EQ(cells[1], second.*column.value) << column.name;
  }
}

TEST(History, HasMisclassifiedWhereSomethingIsClassified) {
  const test::Scratch folder;
  const HistoryRow classified{.misclassified = 0.25}, other{};
  write_history(folder / "history.csv", {classified, other});
  const std::vector<double> cells = read_csv(folder / "history.csv").numbers("misclassified");
  EXPECT_EQ(cells[0], 0.25);
  EXPECT_TRUE(std::isnan(cells[1]));
  EXPECT_EQ(history_columns(std::span(&classified, 1)).size(), all_history_columns().size());
  EXPECT_EQ(history_columns(std::span(&other, 1)).size(), all_history_columns().size() - 1);
}

}  // namespace
}  // namespace costate
