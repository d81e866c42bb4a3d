// Cells of a table as events.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/csv.h"
#include "costate/io/series.h"

namespace costate::internal {

/// All columns that hold amounts, rates and durations; of a long table quantities, too.
std::vector<std::string> columns_of_events(const SeriesColumns& columns);

class EventCells {
 public:
  /// Throws as CsvTable::numbers and event_column. The table must outlive it.
  EventCells(const CsvTable& table, const SeriesColumns& columns);

  std::vector<std::string> names() const;
  /// Whether something enters or leaves in a row.
  bool has(std::size_t row) const;
  /// In the order of their times. DataError, naming the line, for an infusion that lasts no positive, finite time.
  std::vector<Event> of(std::span<const std::size_t> rows, std::span<const double> times) const;

 private:
  struct Cells {
    EventColumn column;
    std::vector<double> amounts, rates, durations;  // of each row
  };
  double duration_of(const Cells& cells, std::size_t row) const;

  const CsvTable& table_;
  std::vector<Cells> cells_;
};

}  // namespace costate::internal
