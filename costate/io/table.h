// Tables of any format that is told by its first bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "costate/io/csv.h"

namespace costate {

/// Text as CsvTable reads it, .npy (one or two axes: columns by number, or by field names) and .npz (an array a
/// column), each gzipped or not. Arrays name no columns by themselves: layout.names does, or they are 1, 2, 3, …; those
/// of .npz have their names, with a number behind it where an array has several columns. So have the variables of
/// MATLAB's .mat of versions 5 to 7.2 (internal/matlab_file.h). And .ts, .tsf and .arff, series or rows below lines of
/// `@attributes` (internal/attribute_files.h).
///
/// Throws: DataError as CsvTable; NotSupported, which says what to do, for formats that are known but not read.
CsvTable parse_table(std::string_view bytes, const std::string& source, const TableLayout& layout = {});

/// Reads a file. IoError if it cannot be read.
CsvTable read_table(const std::filesystem::path& path, const TableLayout& layout = {});

}  // namespace costate
