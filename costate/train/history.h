// What training did, an epoch a row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <vector>

namespace costate {

struct HistoryRow {
  double epoch = 0;
  double loss = 0;             // mean over the epoch's steps, each at the weights before it
  double validation_loss = 0;  // after the epoch; NaN if there is none
  double learning_rate = 0;
  double gradient_norm = 0;  // of the epoch's last step, before clipping
  double nfe_forward = 0;    // sums over all samples
  double nfe_backward = 0;
  double accepted = 0;
  double rejected = 0;
  double failed = 0;   // solves that ended early
  double skipped = 0;  // steps that were not taken
  double seconds = 0;  // since training began, earlier sittings included
  // Share of the epoch's samples, each at the weights before its step; NaN where nothing is classified.
  double misclassified = std::numeric_limits<double>::quiet_NaN();
};

/// A column of the table.
struct HistoryColumn {
  const char* name;
  double HistoryRow::*value;
};

/// The columns of a table of these rows, in the order of the file: all but the last, misclassified, which only the
/// training of a classifier has.
std::span<const HistoryColumn> history_columns(std::span<const HistoryRow> rows = {});
/// All columns.
std::span<const HistoryColumn> all_history_columns();

/// Writes history.csv. IoError if that fails.
void write_history(const std::filesystem::path& path, const std::vector<HistoryRow>& rows);

}  // namespace costate
