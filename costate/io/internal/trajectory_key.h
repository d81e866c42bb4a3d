// Columns that tell apart what a user has not told apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "costate/io/csv.h"

namespace costate::internal {

/// A column, none of `used`, by whose cells rows of equal `keys` (time, trajectory, quantity) always differ, and each
/// of whose cells comes back with other keys: a subject, a batch; none that is called
/// replicate or repeat. Nothing if no column does so.
std::optional<std::string> find_trajectory_key(const CsvTable& table, const std::vector<std::string>& used,
                                               const std::vector<std::string>& keys);

/// A column of words, none of `used`, that differ among some rows of equal keys and come back with other keys: what a
/// row measured, repeatedly or not at all times. Nothing if no column is so.
std::optional<std::string> find_naming_words(const CsvTable& table, const std::vector<std::string>& used,
                                             const std::vector<std::string>& keys);

/// Whether no cell of a column holds a number or a date.
bool holds_words(const CsvTable& table, const std::string& name);

}  // namespace costate::internal
