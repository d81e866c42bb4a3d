// The table of columns, from which both history.csv and checkpoints are written.
#include "costate/train/history.h"

#include "costate/io/csv.h"

namespace costate {

const std::vector<HistoryColumn>& history_columns() {
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
  };
  return columns;
}

void write_history(const std::filesystem::path& path, const std::vector<HistoryRow>& rows) {
  std::vector<CsvColumn> table;
  for (const HistoryColumn& column : history_columns()) {
    std::vector<double> cells;
    for (const HistoryRow& row : rows) cells.push_back(row.*column.value);
    table.push_back({column.name, std::move(cells)});
  }
  write_csv(path, table);
}

}  // namespace costate
