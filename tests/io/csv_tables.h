// A table of a text, as the tests of CSV read it.
#pragma once

#include <string>

#include "costate/io/csv.h"

namespace costate {

inline CsvTable table(const std::string& text, const TableLayout& layout = {}) {
  return CsvTable(text, "data.csv", layout);
}

}  // namespace costate
