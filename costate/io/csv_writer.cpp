// Columns → CSV text.
#include <cmath>

#include "costate/base/error.h"
#include "costate/io/csv.h"
#include "costate/io/files.h"
#include "costate/io/internal/numbers.h"

namespace costate {
namespace {

std::size_t num_cells(const CsvColumn& column) {
  return std::visit([](const auto& cells) { return cells.size(); }, column.cells);
}

/// A cell that starts with # or % would make its line a comment; blanks at the ends would be trimmed.
std::string quote_if_needed(const std::string& cell) {
  const bool is_plain =
      cell.find_first_of(",;\t\"\r\n#%") == std::string::npos && !cell.starts_with(' ') && !cell.ends_with(' ');
  if (is_plain) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string format_cell(const CsvColumn& column, std::size_t row) {
  if (const auto* words = std::get_if<std::vector<std::string>>(&column.cells)) return quote_if_needed((*words)[row]);
  const double value = std::get<std::vector<double>>(column.cells)[row];
  return std::isnan(value) ? "" : internal::format_double(value);
}

}  // namespace

std::string format_csv(const std::vector<CsvColumn>& columns) {
  const std::size_t num_rows = columns.empty() ? 0 : num_cells(columns.front());
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (num_cells(columns[i]) != num_rows)
      throw InvalidArgument("[write_csv] all columns must have ", num_rows, " cells as '", columns.front().name,
                            "' has; '", columns[i].name, "' has ", num_cells(columns[i]), ".");
    text += (i > 0 ? "," : "") + quote_if_needed(columns[i].name);
  }
  text += '\n';
  for (std::size_t row = 0; row < num_rows; ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string cell = format_cell(columns[i], row);
      // A line without any character would be skipped as blank.
      text += (i > 0 ? "," : "") + (cell.empty() && columns.size() == 1 ? "NA" : cell);
    }
    text += '\n';
  }
  return text;
}

void write_csv(const std::filesystem::path& path, const std::vector<CsvColumn>& columns) {
  write_atomically(path, format_csv(columns));
}

}  // namespace costate
