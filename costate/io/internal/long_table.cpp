#include "costate/io/internal/long_table.h"

#include <algorithm>
#include <limits>
#include <set>

#include "costate/base/error.h"

namespace costate::internal {

bool is_quantity(const CsvTable& table, const SeriesColumns& columns, const std::string& name) {
  return !columns.quantity.empty() && std::ranges::count(table.text(columns.quantity), name) > 0;
}

Measurements read_quantity(const CsvTable& table, const SeriesColumns& columns, const std::string& name) {
  const std::vector<std::string>& quantities = table.text(columns.quantity);
  if (std::ranges::find(quantities, name) == quantities.end()) {
    const std::set<std::string> known(quantities.begin(), quantities.end());
    throw DataError("[read_series] ", table.source(), ", column '", columns.quantity,
                    "': ", text::unknown_name("quantity", name, {known.begin(), known.end()}));
  }
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Measurements found = table.measurements(columns.value);
  for (std::size_t row = 0; row < quantities.size(); ++row)
    if (quantities[row] != name) found.values[row] = found.below[row] = found.above[row] = kNone;
  return found;
}

}  // namespace costate::internal
