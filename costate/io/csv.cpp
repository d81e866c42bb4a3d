// Text → table → columns. The scanner (internal/csv_scanner.h) knows quotes and lines; times are in
// csv_times.cpp; this file names columns and turns cells into numbers.
#include "costate/io/csv.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/calendar.h"
#include "costate/io/internal/csv_header.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/internal/shown.h"

namespace costate {
namespace {

/// Bytes that Excel's "Unicode text" or a binary file start with would otherwise surface as odd column names.
void check_is_text(std::string_view bytes, const std::string& source) {
  if (bytes.substr(0, 2) == "\xFF\xFE" || bytes.substr(0, 2) == "\xFE\xFF")
    throw DataError("[read_csv] '", source, "' is UTF-16 text; save it as UTF-8 (\"CSV UTF-8\").");
  if (bytes.find('\0') != std::string_view::npos)
    throw DataError("[read_csv] '", source, "' is not a text file; expected CSV: a header line, then one row a line.");
}

}  // namespace

CsvTable::CsvTable(std::string_view text, std::string source, TableLayout layout)
    : source_(std::move(source)), layout_(std::move(layout)) {
  check_is_text(text, source_);
  internal::CsvScanner scanner(text, source_, layout_.skip);
  internal::CsvRecord record;
  if (!scanner.next(record))
    throw DataError("[read_csv] '", source_, "' ",
                    layout_.skip > 0 ? text::concat("has nothing after ", layout_.skip, " lines") : "is empty",
                    "; expected a header line, then one row a line.");
  delimiter_ = scanner.delimiter();
  const std::size_t first_line = record.line;
  std::vector<internal::CsvRecord> ahead;
  if (take_header(record, scanner.last_comment())) ahead.push_back(std::move(record));
  // What lies below the header tells whether there are units between.
  constexpr std::size_t kMostRowsOfUnits = 3;
  while (ahead.size() <= kMostRowsOfUnits && scanner.next(record)) ahead.push_back(std::move(record));
  while (!ahead.empty() && !names_.empty() && names_.back().empty() && ahead[0].cells.size() < names_.size())
    names_.pop_back();  // a delimiter at the end of the header alone
  if (has_header_ && layout_.names.empty() && internal::have_row_names(names_, ahead, delimiter_))
    names_.insert(names_.begin(), "");
  std::size_t units = 0;
  const auto is_words = [&](const internal::Cells& cells) {
    return cells.size() == names_.size() && internal::is_text(cells, delimiter_) &&
           !std::ranges::all_of(cells, [&](const auto& c) { return is_missing(c); });
  };
  while (units + 1 < ahead.size() && units < kMostRowsOfUnits && is_words(ahead[units].cells)) ++units;
  if (units > 0 && internal::is_above_datum(ahead[0].cells, ahead[units].cells, delimiter_))
    for (const std::string& cell : ahead[0].cells) units_.push_back(internal::as_utf8(cell));
  else
    units = 0;
  check_names_are_there(first_line);
  columns_.resize(names_.size());
  for (std::size_t i = units; i < ahead.size(); ++i) add_row(ahead[i], text);
  while (scanner.next(record)) add_row(record, text);
  drop_empty_tail();
  // A first line of one cell, such as a title, tells no delimiter.
  const auto is_uncut = [](const std::string& cell) { return cell.find_first_of(";\t") != std::string::npos; };
  name_the_nameless();
  if (names_.size() == 1 && 2 * std::ranges::count_if(columns_[0], is_uncut) > std::ssize(columns_[0]))
    throw DataError("[read_csv] ", source_, ", line ", first_line,
                    ": the first line has one cell, but the rows below more. ",
                    internal::advice_on_begin(text, source_, delimiter_));
  if (lines_.empty())
    throw DataError("[read_csv] '", source_, "' has a header (", internal::shown(text::join(names_)),
                    ") but no rows below it.");
}

CsvTable::CsvTable(std::vector<std::string> names, std::vector<std::vector<std::string>> columns, std::string source,
                   TableLayout layout, std::map<std::string, std::string> not_columns)
    : source_(std::move(source)),
      layout_(std::move(layout)),
      has_header_(!names.empty()),
      names_(std::move(names)),
      columns_(std::move(columns)),
      not_columns_(std::move(not_columns)) {
  if (!layout_.names.empty()) names_ = layout_.names;
  has_header_ = !names_.empty();
  if (!has_header_) names_ = internal::numbered_names(columns_.size());
  if (names_.size() != columns_.size())
    throw InvalidArgument("[read_csv] ", source_, ": --names must name all ", columns_.size(), " columns; got ",
                          names_.size(), " names.");
  if (columns_.empty() || columns_[0].empty()) throw DataError("[read_csv] '", source_, "' has no rows.");
  for (std::size_t row = 0; row < columns_[0].size(); ++row) lines_.push_back(row + 1);
}

/// Whether the first record is a row.
bool CsvTable::take_header(internal::CsvRecord& first, std::string_view comment) {
  if (!layout_.names.empty()) {
    names_ = layout_.names;
    if (names_.size() != first.cells.size())
      throw InvalidArgument("[read_csv] ", source_, ", line ", first.line, ": --names must name all ",
                            first.cells.size(), " columns; got ", names_.size(), " names.");
    // A header that the file does have is passed over as units are.
    return true;
  }
  names_ = internal::names_in_comment(comment, first, source_, delimiter_);
  if (!names_.empty()) return true;
  has_header_ = !internal::is_row(first.cells, delimiter_);
  names_ = has_header_ ? first.cells : internal::numbered_names(first.cells.size());
  // Instruments write "T [°C]" in Latin-1, which nobody could type.
  for (std::string& name : names_) name = internal::as_utf8(internal::without_blanks(name));
  return !has_header_;
}

/// A line of groups above that of names leaves columns without one.
void CsvTable::check_names_are_there(std::size_t line) const {
  for (std::size_t i = 1; i < units_.size(); ++i)
    if (names_[i].empty() && !units_[i].empty())
      throw DataError("[read_csv] ", source_, ", line ", line, ": column ", i + 1,
                      " has no name, but the line below has one, '", internal::shown(units_[i]),
                      "'; if that is the header, skip the lines before it with --skip.");
}

void CsvTable::add_row(internal::CsvRecord& record, std::string_view text) {
  // Spreadsheets write empty cells behind a table, and loggers a delimiter at the end of a line.
  while (record.cells.size() > names_.size() && record.cells.back().empty()) record.cells.pop_back();
  const bool is_empty = std::ranges::all_of(record.cells, [](const std::string& cell) { return cell.empty(); });
  if (is_empty && record.cells.size() < names_.size()) record.cells.resize(names_.size());
  const bool is_short = lines_.empty() && has_header_ && record.cells.size() == names_.size() + 1;
  if (record.cells.size() != names_.size())
    throw DataError("[read_csv] ", source_, ", line ", record.line, ": expected ", names_.size(),
                    has_header_ ? " cells as in the header; got " : " cells as in the first line; got ",
                    record.cells.size(), is_short ? ": the header has one cell less than the row. " : ". ",
                    lines_.empty() ? internal::advice_on_begin(text, source_, delimiter_)
                                   : "Mend the line, or quote cells that hold the delimiter.");
  lines_.push_back(record.line);
  for (std::size_t i = 0; i < names_.size(); ++i) columns_[i].push_back(std::move(record.cells[i]));
}

/// Tables that are saved with their index have no name above it, and it may be the times.
void CsvTable::name_the_nameless() {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const bool is_empty = std::ranges::all_of(columns_[i], [](const std::string& cell) { return cell.empty(); });
    if (names_[i].empty() && !is_empty) names_[i] = text::concat("column ", i + 1);
  }
}

void CsvTable::drop_empty_tail() {
  const auto is_empty = [](const std::vector<std::string>& column) { return column.back().empty(); };
  while (!lines_.empty() && columns_.size() > 1 && std::ranges::all_of(columns_, is_empty)) {
    lines_.pop_back();
    for (std::vector<std::string>& column : columns_) column.pop_back();
  }
}

bool CsvTable::has_column(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

CsvTable CsvTable::with_column(std::string name, std::vector<std::string> cells) const {
  CsvTable wider = *this;
  wider.names_.push_back(std::move(name));
  wider.columns_.push_back(std::move(cells));
  if (!units_.empty()) wider.units_.emplace_back();
  return wider;
}

const std::vector<std::string>& CsvTable::text(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) reject_name(name);
  const std::vector<std::string>& cells = columns_[static_cast<std::size_t>(found - names_.begin())];
  for (auto other = std::find(found + 1, names_.end(), name); other != names_.end();
       other = std::find(other + 1, names_.end(), name))
    if (columns_[static_cast<std::size_t>(other - names_.begin())] != cells)
      throw DataError("[read_csv] ", source_, ": columns ", found - names_.begin() + 1, " and ",
                      other - names_.begin() + 1, " are both called '", internal::shown(name),
                      "' and differ; give all columns other names with --names",
                      units_.empty() ? "." : ", or skip what is before the header with --skip.");
  return cells;
}

void CsvTable::reject_name(const std::string& name) const {
  if (const auto other = not_columns_.find(name); other != not_columns_.end())
    throw DataError("[read_table] ", source_, ": '", internal::shown(name), "' is no column: it ", other->second, ".");
  if (!has_header_)
    throw DataError("[read_csv] ", source_, ": there is no column '", internal::shown(name),
                    "', since the file has no header: line ", lines_[0], " holds numbers. Name all ", names_.size(),
                    " columns with --names, such as --names ", text::join(internal::example_names(names_.size()), ","),
                    ", or take them by number, such as --time 1 --state 2.");
  std::string advice;
  if (std::ranges::find(units_, name) != units_.end())
    advice =
        text::concat(". '", internal::shown(name),
                     "' stands in a row below the first line, which was taken for units; if it is the header, skip "
                     "the lines before it with --skip");
  else if (std::ranges::any_of(names_, [&](const std::string& cell) { return internal::is_datum(cell, delimiter_); }))
    advice = ". If the first line is no header, name the columns with --names";
  throw DataError("[read_csv] ", source_, ": ", text::unknown_name("column", name, names_), advice,
                  advice.empty() ? "" : ".");
}

std::vector<std::string> CsvTable::columns_of(const std::string& name) const {
  if (has_column(name) || name.find(',') == std::string::npos) return {name};
  std::vector<std::string> parts(1);
  for (const char c : name)
    if (c == ',')
      parts.emplace_back();
    else if (c != ' ' || !parts.back().empty())
      parts.back() += c;
  return parts;
}

std::vector<std::string> CsvTable::joined(const std::string& name, std::string_view separator) const {
  const std::vector<std::string> parts = columns_of(name);
  std::vector<std::string> cells = text(parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::vector<std::string>& more = text(parts[i]);
    for (std::size_t row = 0; row < cells.size(); ++row) cells[row].append(separator).append(more[row]);
  }
  return cells;
}

bool CsvTable::is_missing(const std::string& cell) const {
  if (internal::is_word_for_missing(cell)) return true;
  return std::ranges::any_of(layout_.missing, [&](const std::string& code) {
    if (cell == code) return true;
    if (code == "<" || code == ">") return cell.starts_with(code);
    const std::optional<double> number = internal::parse_double(code);
    return number && (internal::parse_double(cell) == number || internal::parse_comma_double(cell) == number);
  });
}

std::string CsvTable::where(std::size_t row, const std::string& name) const {
  return text::concat(source_, ", line ", line(row), ", column '", name, "'");
}

void CsvTable::reject_number(std::size_t row, const std::string& name, const std::string& cell) const {
  const std::string at = where(row, name), shown = internal::shown(cell);
  if (internal::parse_limit(cell))
    throw DataError("[read_csv] ", at, ": '", shown,
                    "' is beyond a limit of detection, as only a state may be; take such cells as missing with "
                    "--missing '",
                    cell[0], "', or write half the limit in their place.");
  if (internal::is_date_or_clock(cell))
    throw DataError("[read_csv] ", at, ": expected a number; got '", shown,
                    "', a date or time. Only the column of --time may hold dates.");
  const bool begins_as_one = cell.find_first_of("0123456789") <= cell.find_first_not_of("+-$(.");
  throw DataError(
      "[read_csv] ", at, ": expected a number; got '", shown, "'. ",
      cell.find(',') != std::string::npos ? "Write numbers with a decimal point and without thousands separators."
      : begins_as_one                     ? "Write numbers alone, without units or thousands separators."
                      : "Write numbers in place of words; leave the cell empty if the value is missing, or say so with "
                        "--missing.");
}

Measurements CsvTable::measurements(const std::string& name) const {
  const std::vector<std::string>& cells = text(name);
  const internal::NumberStyle style = internal::style_of(cells, delimiter_);
  const std::vector<double> nothing(cells.size(), std::numeric_limits<double>::quiet_NaN());
  Measurements found{nothing, nothing, nothing};
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (is_missing(cells[row])) continue;
    const auto limit = internal::parse_limit(cells[row]);
    const std::string_view digits = limit ? limit->limit : cells[row];
    std::optional<double> value = internal::parse_number(digits, style);
    if (!value) value = internal::parse_truth(digits);
    if (!value && style == internal::NumberStyle::kComma && internal::parse_double(digits))
      throw DataError("[read_csv] ", where(row, name), ": the column has decimal commas; '", internal::shown(digits),
                      "' has a decimal point. Write all numbers alike.");
    if (!value) reject_number(row, name, std::string(digits));
    if (!std::isfinite(*value))
      throw DataError("[read_csv] ", where(row, name), ": expected a finite number; got '", internal::shown(digits),
                      "'. Leave the cell empty if the value is missing.");
    (!limit ? found.values : limit->is_below ? found.below : found.above)[row] = *value;
  }
  return found;
}

std::string CsvTable::doubt(const std::string& name) const {
  const std::vector<std::string>& cells = text(name);
  const internal::NumberStyle style = internal::style_of(cells, delimiter_);
  std::size_t numbers = 0, others = 0, other = 0, row = 0;
  std::string grouped;
  bool may_be_grouped = style == internal::NumberStyle::kComma;
  for (const std::string& cell : cells) {
    const std::size_t here = row++;
    if (is_missing(cell)) continue;
    if (cell.find(',') != std::string::npos) {
      may_be_grouped = may_be_grouped && internal::parse_thousands_double(cell).has_value();
      grouped = cell;
    }
    const std::optional<double> number = internal::parse_number(cell, style);
    if (internal::parse_limit(cell) || (number && std::isfinite(*number)) || internal::parse_truth(cell))
      ++numbers;
    else if (others++ == 0)
      other = here;
  }
  if (others > 0 && others < numbers)
    return text::concat("no number on line ", line(other), ": '", internal::shown(cells[other]), "'");
  if (others > 0 || !may_be_grouped || grouped.empty()) return "";
  return text::concat("decimal commas: '", internal::shown(grouped), "' is ", *internal::parse_comma_double(grouped));
}

std::vector<double> CsvTable::numbers(const std::string& name) const {
  Measurements found = measurements(name);
  for (std::size_t row = 0; row < found.values.size(); ++row)
    if (!std::isnan(found.below[row]) || !std::isnan(found.above[row])) reject_number(row, name, text(name)[row]);
  return std::move(found.values);
}

CsvTable read_csv(const std::filesystem::path& path, const TableLayout& layout) {
  return CsvTable(read_file(path), path.string(), layout);
}

}  // namespace costate
