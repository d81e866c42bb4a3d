// Tables as text, one row a line, below a header of names.
//
// Read: the delimiter is tab, semicolon or comma, or blanks where a line has none of them. Fields may be quoted
// ("a ""b"" c"), lines may end in LF or CRLF, the file may start with a UTF-8 byte order mark. Blank lines and lines
// that start with # or % are skipped, except that a comment right above a first line of numbers is the header if it has
// as many names; so are rows of units below the header, rows of empty cells at the end, and a first line "sep=;". Names
// in Latin-1 become UTF-8. A first line of numbers alone is no header: columns are then called 1, 2, 3, …, unless
// TableLayout names them. A cell that is empty, or one of the usual words for nothing (NA, nan, n/a, null, none, ".",
// "-", "?"), is missing. Numbers have a decimal point, or in a whole column a decimal comma, or commas between
// thousands (internal/numbers.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "costate/array/time_series.h"

namespace costate {

namespace internal {
struct CsvRecord;
}

/// How a table is laid out, where it does not tell that itself.
struct TableLayout {
  /// Of all columns of a file that has no header.
  std::vector<std::string> names = {};
  /// Lines before the header or, if there is none, before the first row.
  std::int64_t skip = 0;
  /// Cells that mean "missing", beside those above: a text, or a number however it is spelled. "<" and ">" stand for
  /// all values below or above a limit of detection ("<0.01"); "none" for no code, also where a fit would find one.
  std::vector<std::string> missing = {};
};

/// A column of measurements: each is a number, or known to lie below or above a limit of detection, or missing. All
/// three are of one length, NaN where there is nothing.
struct Measurements {
  std::vector<double> values, below, above;
};

/// A time column as numbers, and how it came to be numbers.
struct TimeColumn {
  std::vector<double> values;
  TimeScale scale;
};

/// The cells of a file as text, by named column. Conversions name the file, the line, the column and the cell when
/// they throw DataError.
class CsvTable {
 public:
  /// `source` is the file's name in messages. DataError if there is no row, if a row has another number of cells than
  /// the header (saying where the table seems to begin, if it is not there), a quote is not closed, or the bytes are
  /// not text; InvalidArgument for a layout that does not fit the file.
  CsvTable(std::string_view text, std::string source, TableLayout layout = {});
  /// A table of another format: columns of cells, all as long. `not_columns` is as below.
  CsvTable(std::vector<std::string> names, std::vector<std::vector<std::string>> columns, std::string source,
           TableLayout layout = {}, std::map<std::string, std::string> not_columns = {});

  const std::string& source() const { return source_; }
  const TableLayout& layout() const { return layout_; }
  const std::vector<std::string>& names() const { return names_; }
  /// A comma for tables that were no text.
  char delimiter() const { return delimiter_; }
  /// Whether the file names its columns, or the layout does.
  bool has_header() const { return has_header_; }
  /// What the row of units below the header holds, column by column; empty if there is none.
  const std::vector<std::string>& units() const { return units_; }
  /// What a file holds beside columns, by name, and why it is none: "is a struct; …".
  const std::map<std::string, std::string>& not_columns() const { return not_columns_; }
  std::size_t num_rows() const { return lines_.size(); }
  bool has_column(const std::string& name) const;

  /// The same table with one more column, of which there is none yet.
  CsvTable with_column(std::string name, std::vector<std::string> cells) const;

  /// The line of the file (from 1) on which a row starts.
  std::size_t line(std::size_t row) const { return lines_.at(row); }

  /// The cells of a column as they stand, without surrounding blanks. DataError names the nearest column if there is
  /// none called `name`, or if several differing ones are.
  const std::vector<std::string>& text(const std::string& name) const;

  /// The columns that a name stands for: itself, or those of "site,visit" where no column is called so.
  std::vector<std::string> columns_of(const std::string& name) const;
  /// The cells of columns_of(name), joined row by row.
  std::vector<std::string> joined(const std::string& name, std::string_view separator) const;

  /// Whether a cell holds nothing, or what the layout says is missing.
  bool is_missing(const std::string& cell) const;

  /// The cells of a column as numbers, NaN where missing. DataError for text, dates, values beyond a limit of
  /// detection, infinities and out-of-range numbers.
  std::vector<double> numbers(const std::string& name) const;

  /// The same of a column that may hold limits of detection: "<0.01", "> 100".
  Measurements measurements(const std::string& name) const;

  /// What to say about a column of numbers: that one cell among most is none, or that its commas may be read otherwise.
  /// "" if there is nothing.
  std::string doubt(const std::string& name) const;

  /// What to say about a column of times that is read as numbers, without a format, but may be dates: 194901. "" if
  /// there is nothing.
  std::string doubt_of_times(const std::string& name) const;

  /// A column of times: all numbers, or all dates or date-times; "Date,Time" for two columns. ISO 8601 is read
  /// (2024-05-01, 2024-05, 2024-05-01T12:30:00.5Z, 2024-05-01 12:30+02:00), and any common order that the whole column
  /// leaves no doubt about (13/05/2024 12.30.00, May 13 2024, 20240513); or `format`, as of strptime, if given. Without
  /// an offset, UTC. Dates become days, and seconds as soon as one cell has a time of day, since the earliest cell; or
  /// the unit and origin of `scale`, if given, so that two files share an axis. The scale keeps the format.
  /// DataError for a missing cell, a mixture, and dates whose day and month could be exchanged.
  TimeColumn times(const std::string& name, const TimeScale& scale = {}, const std::string& format = {}) const;

  /// "data.csv, line 7, column 'hare'": the start of a message about a cell.
  std::string where(std::size_t row, const std::string& name) const;

 private:
  bool take_header(internal::CsvRecord& first, std::string_view comment);
  void add_row(internal::CsvRecord& record, std::string_view text);
  void check_names_are_there(std::size_t line) const;
  void drop_empty_tail();
  void name_the_nameless();
  [[noreturn]] void reject_name(const std::string& name) const;
  [[noreturn]] void reject_number(std::size_t row, const std::string& name, const std::string& cell) const;

  std::string source_;
  TableLayout layout_;
  char delimiter_ = ',';
  bool has_header_ = true;
  std::vector<std::string> names_;
  std::vector<std::string> units_;
  std::vector<std::vector<std::string>> columns_;
  std::vector<std::size_t> lines_;
  std::map<std::string, std::string> not_columns_;
};

/// Reads a table. IoError if the file cannot be read, DataError as CsvTable.
CsvTable read_csv(const std::filesystem::path& path, const TableLayout& layout = {});

/// Times as cells: the fewest digits of a number, or dates in scale.format; in ISO 8601 if that would lose a part of
/// one.
std::vector<std::string> time_cells(const std::vector<double>& times, const TimeScale& scale);

/// The `steps`-th time after `start`, each `spacing` later; where the scale's times are months, quarters or years, and
/// `start` is one, by the calendar: in these, as many as come closest to `spacing`.
double time_after(double start, std::int64_t steps, double spacing, const TimeScale& scale);

/// A column to write.
struct CsvColumn {
  std::string name;
  std::variant<std::vector<double>, std::vector<std::string>> cells;
};

/// The table as comma-separated text. Doubles have the fewest digits that read back to the same bits; NaN is an empty
/// cell (NA if it is the only column). InvalidArgument if the columns differ in length.
std::string format_csv(const std::vector<CsvColumn>& columns);

/// Writes format_csv's text with write_atomically.
void write_csv(const std::filesystem::path& path, const std::vector<CsvColumn>& columns);

}  // namespace costate
