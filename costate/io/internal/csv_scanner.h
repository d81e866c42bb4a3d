// Splits CSV text into records of cells.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace costate::internal {

/// The cells of one row and the line (from 1) on which it starts.
struct CsvRecord {
  std::vector<std::string> cells;
  std::size_t line = 0;
};

/// Reads record after record, skipping comments and blank lines. Unquoted cells come without surrounding blanks.
class CsvScanner {
 public:
  CsvScanner(std::string_view text, const std::string& source);

  /// The next record, or false at the end. DataError for a quote that is not closed or not followed by a delimiter.
  bool next(CsvRecord& record);

  /// The last comment line before the current place, without its #; empty if there was none.
  std::string_view last_comment() const { return last_comment_; }

 private:
  void skip_to_record();
  std::string_view rest_of_line() const;
  void end_line();
  std::string read_cell();
  std::string read_quoted_cell();
  bool at_cell_end() const;

  std::string_view text_;
  std::string_view last_comment_;
  const std::string& source_;
  char delimiter_ = ',';
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace costate::internal
