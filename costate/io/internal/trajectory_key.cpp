#include "costate/io/internal/trajectory_key.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

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

}  // namespace

std::optional<std::string> find_trajectory_key(const CsvTable& table, const std::vector<std::string>& used,
                                               const std::vector<std::string>& keys) {
  for (const std::string& name : table.names()) {
    const bool is_one = std::ranges::count(table.names(), name) == 1;
    if (is_one && !is_called_replicate(name) && std::ranges::count(used, name) == 0 &&
        tells_apart(table, table.text(name), keys))
      return name;
  }
  return std::nullopt;
}

}  // namespace costate::internal
