// Tables in which a row is one measured quantity (SeriesColumns::quantity and value).
#pragma once

#include <string>

#include "costate/io/csv.h"
#include "costate/io/series.h"

namespace costate::internal {

/// Whether a row's quantity is called so; never in a table that is not long.
bool is_quantity(const CsvTable& table, const SeriesColumns& columns, const std::string& name);

/// The values of one quantity, NaN in the rows of others. DataError if there is none of this name.
Measurements read_quantity(const CsvTable& table, const SeriesColumns& columns, const std::string& name);

}  // namespace costate::internal
