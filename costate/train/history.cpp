// The table of columns, from which both history.csv and checkpoints are written.
#include "costate/train/history.h"

#include <algorithm>
#include <cmath>

#include "costate/io/csv.h"

namespace costate {

std::span<const HistoryColumn> all_history_columns() {
  static const std::vector<HistoryColumn> columns = {
      {"epoch", &HistoryRow::epoch},
      {"loss", &HistoryRow::loss},
      {"validation_loss", &HistoryRow::validation_loss},
      {"learning_rate", &HistoryRow::learning_rate},
      {"gradient_norm", &HistoryRow::gradient_norm},
      {"nfe_forward", &HistoryRow::nfe_forward},
      {"nfe_backward", &HistoryRow::nfe_backward},
      {"accepted", &HistoryRow::accepted},
      {"rejected", &HistoryRow::rejected},
      {"failed", &HistoryRow::failed},
      {"skipped", &HistoryRow::skipped},
      {"seconds", &HistoryRow::seconds},
      {"misclassified", &HistoryRow::misclassified},
  };
  return columns;
}

std::span<const HistoryColumn> history_columns(std::span<const HistoryRow> rows) {
  const auto is_classified = [](const HistoryRow& row) { return !std::isnan(row.misclassified); };
  const std::span<const HistoryColumn> all = all_history_columns();
  return std::ranges::any_of(rows, is_classified) ? all : all.first(all.size() - 1);
}

void write_history(const std::filesystem::path& path, const std::vector<HistoryRow>& rows) {
  std::vector<CsvColumn> table;
  for (const HistoryColumn& column : history_columns(rows)) {
    std::vector<double> cells;
    for (const HistoryRow& row : rows) cells.push_back(row.*column.value);
    table.push_back({column.name, std::move(cells)});
  }
  write_csv(path, table);
}

}  // namespace costate
