// Splits CSV text into records of cells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costate::internal {

/// The cells of one row and the line (from 1) on which it starts.
struct CsvRecord {
  std::vector<std::string> cells;
  std::size_t line = 0;
  bool is_quoted = false;  // the first cell
};

/// Reads record after record, skipping comments and blank lines. Cells come without surrounding blanks, but for
/// quoted text.
class CsvScanner {
 public:
  /// `skip` lines are passed over first; `delimiter` 0 finds it in the first two records.
  CsvScanner(std::string_view text, const std::string& source, std::int64_t skip = 0, char delimiter = 0);

  /// The next record, or false at the end. DataError for a quote that is not closed or not followed by a delimiter.
  bool next(CsvRecord& record);

  /// The last comment line before the current place, without its # or %; empty if there was none.
  std::string_view last_comment() const { return last_comment_; }
  /// A blank where runs of blanks delimit.
  char delimiter() const { return delimiter_; }

 private:
  void skip_to_record();
  std::string_view rest_of_line() const;
  void end_line();
  std::string read_cell();
  std::string read_quoted_cell();
  void skip_blanks();
  bool take_delimiter();
  bool at_cell_end() const;

  std::string_view text_;
  std::string_view last_comment_;
  const std::string& source_;
  char delimiter_ = ',';
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

/// A text without blanks before and after it, tabs among them.
std::string without_blanks(std::string_view text);

/// Where a table seems to begin: the first line (from 1) of the longest stretch of records of as many cells, at least
/// two, and that record. Line 0 if no stretch has more than one record.
CsvRecord table_begin(std::string_view text, const std::string& source);

}  // namespace costate::internal
