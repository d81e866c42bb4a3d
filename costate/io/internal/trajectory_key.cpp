#include "costate/io/internal/trajectory_key.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "costate/io/internal/csv_header.h"

namespace costate::internal {
namespace {

bool tells_apart(const CsvTable& table, const std::vector<std::string>& cells, const std::vector<std::string>& keys) {
  std::map<std::string, std::size_t> rows;
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (table.is_missing(cells[row]) || !seen.insert({keys[row], cells[row]}).second) return false;
    ++rows[cells[row]];
  }
  return rows.size() > 1 && std::ranges::all_of(rows, [](const auto& entry) { return entry.second > 1; });
}

/// "replicate", "Rep": what numbers repeated measurements.
bool is_called_replicate(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name.starts_with("rep");
}

/// Whether all cells are there, some of equal keys differ, and each comes back with other keys.
bool names_rows(const CsvTable& table, const std::vector<std::string>& cells, const std::vector<std::string>& keys) {
  std::map<std::string, std::set<std::string>> words_of, keys_of;
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (table.is_missing(cells[row])) return false;
    words_of[keys[row]].insert(cells[row]);
    keys_of[cells[row]].insert(keys[row]);
  }
  const auto is_several = [](const auto& entry) { return entry.second.size() > 1; };
  return std::ranges::any_of(words_of, is_several) && std::ranges::all_of(keys_of, is_several);
}

/// The first column that is none of `used`, has a name of its own and does not number repeated measurements.
template <class Fits>
std::optional<std::string> find_unused(const CsvTable& table, const std::vector<std::string>& used, const Fits& fits) {
  for (const std::string& name : table.names()) {
    const bool is_one = std::ranges::count(table.names(), name) == 1;
    if (is_one && !is_called_replicate(name) && std::ranges::count(used, name) == 0 && fits(name)) return name;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_trajectory_key(const CsvTable& table, const std::vector<std::string>& used,
                                               const std::vector<std::string>& keys) {
  return find_unused(table, used, [&](const std::string& name) { return tells_apart(table, table.text(name), keys); });
}

std::optional<std::string> find_naming_words(const CsvTable& table, const std::vector<std::string>& used,
                                             const std::vector<std::string>& keys) {
  return find_unused(table, used, [&](const std::string& name) {
    return holds_words(table, name) && names_rows(table, table.text(name), keys);
  });
}

bool holds_words(const CsvTable& table, const std::string& name) {
  return is_text(table.text(name), table.delimiter());
}

}  // namespace costate::internal
