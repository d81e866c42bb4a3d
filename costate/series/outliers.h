// Cells that no trajectory passes through: slips of a decimal point, codes such as -9999 for "not measured". One of
// them would set a column's unit, and outweigh all other cells in a loss of squares.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/csv.h"

namespace costate {

/// What was found in a column, with the first cell as an example.
struct Outliers {
  std::string column;
  std::size_t count = 0;
  std::string trajectory = {};
  double time = 0, value = 0;
  std::string when;          // the time, as the data write it
  double low = 0, high = 0;  // the 10th and 90th percentile of the column; of a code, all other numbers
  bool is_code = false;      // `value` in all cells, as find_missing_codes() found it

  /// "'x': 3 cells lie far outside all others (first 4e7 at t = 2.5, where 80 % are -1 … 1)"
  std::string text() const;
  /// text() and what was done: "…: taken as not measured"
  std::string note() const { return text() + ": taken as not measured"; }
};

/// Whether cells that seem to hold a code for missing are kept.
enum class MissingCodes { kFind, kKeep };
/// kKeep where the layout names none as missing ("none").
MissingCodes missing_codes_of(const TableLayout& layout);

/// Takes out codes for missing (missing_codes.h; not what trajectories start from), then outliers: a state becomes
/// missing, an input is interpolated. A cell is an outlier if it lies more than 50 times the range between the 10th and
/// the 90th percentile from the median, and so do all from a jump up (tenfold, between two measured samples) to a jump
/// down. Steep growth and decay have no such jumps on both sides. Where a trajectory begins or ends there is one side
/// only, which tells if at most one trajectory in ten looks like it, or if there is no other such place and it is a
/// lone cell 1000 ranges away or a number that is repeated up to the edge.
std::vector<Outliers> remove_outliers(TimeSeries& series, MissingCodes codes = MissingCodes::kFind);

}  // namespace costate
