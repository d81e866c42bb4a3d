// Text → table → columns. The scanner (internal/csv_scanner.h) knows quotes and lines; times are in
// internal/iso_time.h; this file names columns and turns cells into numbers.
#include "costate/io/csv.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/csv_scanner.h"
#include "costate/io/internal/iso_time.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/internal/shown.h"

namespace costate {
namespace {

bool is_missing(const std::string& cell) {
  if (cell.empty()) return true;
  if (cell.size() > 3) return false;
  std::string lower = cell;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower == "na" || lower == "nan";
}

/// Bytes that Excel's "Unicode text" or a binary file start with would otherwise surface as odd column names.
void check_is_text(std::string_view bytes, const std::string& source) {
  if (bytes.substr(0, 2) == "\xFF\xFE" || bytes.substr(0, 2) == "\xFE\xFF")
    throw DataError("[read_csv] '", source, "' is UTF-16 text; save it as UTF-8 (\"CSV UTF-8\").");
  if (bytes.find('\0') != std::string_view::npos)
    throw DataError("[read_csv] '", source, "' is not a text file; expected CSV: a header line, then one row a line.");
}

void check_names(const std::vector<std::string>& names, const std::string& source, std::size_t line) {
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (!name.empty() && !seen.insert(name).second)
      throw DataError("[read_csv] ", source, ", line ", line, ": column names must differ; '", internal::shown(name),
                      "' occurs twice. Rename one.");
}

/// The names in a comment such as "# t (s)\tmx ()" right above rows of numbers, as numpy.savetxt and mumax write them;
/// empty if the line below is a header of its own or the comment does not fit it.
std::vector<std::string> names_in_comment(std::string_view comment, const internal::CsvRecord& first,
                                          const std::string& source) {
  const bool is_header = std::any_of(first.cells.begin(), first.cells.end(),
                                     [](const std::string& cell) { return !internal::parse_double(cell); });
  internal::CsvRecord names;
  if (is_header || !internal::CsvScanner(comment, source).next(names)) return {};
  return names.cells.size() == first.cells.size() ? names.cells : std::vector<std::string>{};
}

}  // namespace

CsvTable::CsvTable(std::string_view text, std::string source) : source_(std::move(source)) {
  check_is_text(text, source_);
  internal::CsvScanner scanner(text, source_);
  internal::CsvRecord record;
  if (!scanner.next(record))
    throw DataError("[read_csv] '", source_, "' is empty; expected a header line, then one row a line.");
  names_ = names_in_comment(scanner.last_comment(), record, source_);
  const bool is_first_line_a_row = !names_.empty();
  if (!is_first_line_a_row) names_ = record.cells;
  check_names(names_, source_, record.line);
  columns_.resize(names_.size());
  if (is_first_line_a_row) add_row(record);
  while (scanner.next(record)) add_row(record);
  if (lines_.empty())
    throw DataError("[read_csv] '", source_, "' has a header (", internal::shown(text::join(names_)),
                    ") but no rows below it.");
}

void CsvTable::add_row(internal::CsvRecord& record) {
  if (record.cells.size() != names_.size())
    throw DataError("[read_csv] ", source_, ", line ", record.line, ": expected ", names_.size(),
                    " cells as in the header; got ", record.cells.size(),
                    ". Mend the line, or quote cells that hold the delimiter.");
  lines_.push_back(record.line);
  for (std::size_t i = 0; i < names_.size(); ++i) columns_[i].push_back(std::move(record.cells[i]));
}

bool CsvTable::has_column(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

const std::vector<std::string>& CsvTable::text(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) throw DataError("[read_csv] ", source_, ": ", text::unknown_name("column", name, names_));
  return columns_[static_cast<std::size_t>(found - names_.begin())];
}

std::string CsvTable::where(std::size_t row, const std::string& name) const {
  return text::concat(source_, ", line ", line(row), ", column '", name, "'");
}

std::vector<double> CsvTable::numbers(const std::string& name) const {
  const std::vector<std::string>& cells = text(name);
  std::vector<double> values(cells.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (is_missing(cells[row])) continue;
    const std::optional<double> value = internal::parse_double(cells[row]);
    if (!value) {
      const bool has_comma = cells[row].find(',') != std::string::npos;
      throw DataError("[read_csv] ", where(row, name), ": expected a number; got '", internal::shown(cells[row]), "'. ",
                      has_comma ? "Write numbers with a decimal point and without thousands separators."
                                : "Leave the cell empty if the value is missing.");
    }
    if (!std::isfinite(*value))
      throw DataError("[read_csv] ", where(row, name), ": expected a finite number; got '", internal::shown(cells[row]),
                      "'. Leave the cell empty if the value is missing.");
    values[row] = *value;
  }
  return values;
}

TimeColumn CsvTable::times(const std::string& name, const TimeScale& scale) const {
  const std::vector<std::string>& cells = text(name);
  for (std::size_t row = 0; row < cells.size(); ++row)
    if (is_missing(cells[row]))
      throw DataError("[read_csv] ", where(row, name), ": the time is missing. Fill it in or remove the line.");

  std::vector<internal::IsoTime> calendar;
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const std::optional<internal::IsoTime> time = internal::parse_iso_time(cells[row]);
    if (!time && row == 0 && scale.unit.empty()) return {numbers(name), {}};
    if (!time)
      throw DataError("[read_csv] ", where(row, name),
                      ": expected a date or date-time such as 2024-05-01 or 2024-05-01T12:30:00Z",
                      row == 0 ? "" : " as on the lines before", "; got '", internal::shown(cells[row]), "'.");
    calendar.push_back(*time);
  }
  return internal::to_scale(calendar, scale);
}

CsvTable read_csv(const std::filesystem::path& path) { return CsvTable(read_file(path), path.string()); }

}  // namespace costate
