// Tables as comma-, semicolon- or tab-separated text with one header line.
//
// Read: the delimiter is the one of , ; tab that the header holds most often. Fields may be quoted ("a ""b"" c"), lines
// may end in LF or CRLF, the file may start with a UTF-8 byte order mark. Blank lines and lines that start with # are
// skipped, except that a comment right above a first line of numbers is the header if it has as many names. A cell that
// is empty, NA or nan (in any case) is missing. Numbers have a decimal point.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "costate/array/time_series.h"

namespace costate {

namespace internal {
struct CsvRecord;
}

/// A time column as numbers, and how it came to be numbers.
struct TimeColumn {
  std::vector<double> values;
  TimeScale scale;
};

/// The cells of a file as text, by named column. Conversions name the file, the line, the column and the cell when
/// they throw DataError.
class CsvTable {
 public:
  /// `source` is the file's name in messages. DataError if there is no header or no row, if a row has another number
  /// of cells than the header, a name occurs twice, a quote is not closed, or the bytes are not text.
  CsvTable(std::string_view text, std::string source);

  const std::string& source() const { return source_; }
  const std::vector<std::string>& names() const { return names_; }
  std::size_t num_rows() const { return lines_.size(); }
  bool has_column(const std::string& name) const;

  /// The line of the file (from 1) on which a row starts.
  std::size_t line(std::size_t row) const { return lines_.at(row); }

  /// The cells of a column as they stand, without surrounding blanks. DataError names the nearest column if there is
  /// none called `name`.
  const std::vector<std::string>& text(const std::string& name) const;

  /// The cells of a column as numbers, NaN where missing. DataError for text, infinities and out-of-range numbers.
  std::vector<double> numbers(const std::string& name) const;

  /// A column of times: all numbers, or all ISO 8601 dates or date-times (2024-05-01, 2024-05, 2024-05-01T12:30:00.5Z,
  /// 2024-05-01 12:30+02:00; without an offset, UTC). Dates become days, and seconds as soon as one cell has a time of
  /// day, since the earliest cell; or the unit and origin of `scale`, if given, so that two files share an axis.
  /// DataError for a missing cell or a mixture.
  TimeColumn times(const std::string& name, const TimeScale& scale = {}) const;

  /// "data.csv, line 7, column 'hare'": the start of a message about a cell.
  std::string where(std::size_t row, const std::string& name) const;

 private:
  void add_row(internal::CsvRecord& record);

  std::string source_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> columns_;
  std::vector<std::size_t> lines_;
};

/// Reads a table. IoError if the file cannot be read, DataError as CsvTable.
CsvTable read_csv(const std::filesystem::path& path);

/// A column to write.
struct CsvColumn {
  std::string name;
  std::variant<std::vector<double>, std::vector<std::string>> cells;
};

/// The table as comma-separated text. Doubles have the fewest digits that read back to the same bits; NaN is an empty
/// cell (NA if it is the only column). Each of `comments` becomes a line that starts with "# ". InvalidArgument if the
/// columns differ in length.
std::string format_csv(const std::vector<CsvColumn>& columns, const std::vector<std::string>& comments = {});

/// Writes format_csv's text with write_atomically.
void write_csv(const std::filesystem::path& path, const std::vector<CsvColumn>& columns,
               const std::vector<std::string>& comments = {});

}  // namespace costate
