// Text files whose header is lines of @attributes: .ts (of classification archives), .tsf (Monash), .arff (Weka).
#pragma once

#include <string>
#include <string_view>

#include "costate/io/csv.h"

namespace costate::internal {

/// Whether the first line that is no comment begins with @.
bool is_attribute_file(std::string_view text);

/// The rows of .arff, whose attributes name the columns. Of .ts and .tsf a row a sample: "trajectory" or the attributes
/// of a series, "time", the sample's number from 0 on, and "x" ("x1", "x2", … of several dimensions) or "value"; labels
/// of .ts are "label". DataError for rows that do not fit the header, NotSupported for .ts with time stamps.
CsvTable read_attribute_file(std::string_view text, const std::string& source, const TableLayout& layout);

}  // namespace costate::internal
