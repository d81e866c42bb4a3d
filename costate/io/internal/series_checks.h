// What a table must be to be read as a series, before its numbers are looked at.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "costate/io/csv.h"
#include "costate/io/series.h"

namespace costate::internal {

/// InvalidArgument unless there is a state or an event, one way to the times, and no column of two roles.
void check_roles(const SeriesColumns& columns);

/// Rows at one time are repeated measurements only where no column that is not used tells them apart: DataError if one
/// does. `ids` are the trajectories of the rows; empty: there is one.
void check_repeats(const CsvTable& table, const SeriesColumns& columns, const std::vector<std::string>& ids);

/// DataError for a row whose time is not after that of the row `before`.
[[noreturn]] void reject_order(const CsvTable& table, const SeriesColumns& columns, const std::string& trajectory,
                               std::size_t before, std::size_t row);

}  // namespace costate::internal
