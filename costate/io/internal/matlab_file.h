// MATLAB's own files, of versions 5 to 7.2, through libmatio.
#pragma once

#include <string>
#include <string_view>

#include "costate/io/csv.h"

namespace costate::internal {

/// Whether the bytes begin as these files do; those of version 7.3 are HDF5 and do not.
bool is_matlab_file(std::string_view bytes);

/// Variables as columns: a vector, or each column of a matrix, "x1", "x2", …, of real numbers. What is as long as most
/// vectors are is a column, also where it lies along the second axis; all else is CsvTable::not_columns, with the
/// reason. NotSupported if libmatio was missing when Costate was built; DataError for a damaged file, or one without
/// any column.
CsvTable read_matlab_file(std::string_view bytes, const std::string& source, const TableLayout& layout);

}  // namespace costate::internal
