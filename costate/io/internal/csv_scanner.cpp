#include "costate/io/internal/csv_scanner.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/io/internal/shown.h"

namespace costate::internal {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Tabs delimit in some files, so they are a blank only where they do not.
bool is_blank(char c, char delimiter) { return c == ' ' || (c == '\t' && delimiter != '\t'); }

std::string_view trim(std::string_view text, char delimiter) {
  while (!text.empty() && is_blank(text.front(), delimiter)) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back(), delimiter)) text.remove_suffix(1);
  return text;
}

/// The delimiter that occurs most often outside quotes; a comma if none does.
char detect_delimiter(std::string_view header) {
  std::size_t commas = 0, semicolons = 0, tabs = 0;
  bool is_quoted = false;
  for (const char c : header) {
    if (c == '"') is_quoted = !is_quoted;
    if (is_quoted) continue;
    commas += c == ',';
    semicolons += c == ';';
    tabs += c == '\t';
  }
  const std::size_t most = std::max({commas, semicolons, tabs});
  if (most == commas) return ',';
  return most == semicolons ? ';' : '\t';
}

}  // namespace

CsvScanner::CsvScanner(std::string_view text, const std::string& source) : text_(text), source_(source) {
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) text_.remove_prefix(kByteOrderMark.size());
  skip_to_record();
  delimiter_ = detect_delimiter(rest_of_line());
}

bool CsvScanner::next(CsvRecord& record) {
  skip_to_record();
  if (at_ >= text_.size()) return false;
  record.cells.clear();
  record.line = line_;
  while (true) {
    record.cells.push_back(read_cell());
    if (at_ >= text_.size() || text_[at_] != delimiter_) break;
    ++at_;
  }
  end_line();
  return true;
}

void CsvScanner::skip_to_record() {
  while (at_ < text_.size()) {
    const std::string_view line = rest_of_line();
    if (line.starts_with('#'))
      last_comment_ = line.substr(1);
    else if (!trim(line, delimiter_).empty())
      return;
    at_ += line.size();
    end_line();
  }
}

std::string_view CsvScanner::rest_of_line() const {
  const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
  return text_.substr(at_, end - at_);
}

void CsvScanner::end_line() {
  if (at_ >= text_.size()) return;
  const bool is_crlf = text_.substr(at_, 2) == "\r\n";
  at_ += is_crlf ? 2 : 1;
  ++line_;
}

bool CsvScanner::at_cell_end() const {
  return at_ >= text_.size() || text_[at_] == delimiter_ || text_[at_] == '\n' || text_[at_] == '\r';
}

std::string CsvScanner::read_cell() {
  while (!at_cell_end() && is_blank(text_[at_], delimiter_)) ++at_;
  if (!at_cell_end() && text_[at_] == '"') return read_quoted_cell();
  const std::size_t begin = at_;
  while (!at_cell_end()) ++at_;
  return std::string(trim(text_.substr(begin, at_ - begin), delimiter_));
}

std::string CsvScanner::read_quoted_cell() {
  const std::size_t first_line = line_;
  std::string cell;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      if (text_.substr(at_, 2) != "\"\"") break;
      ++at_;
    }
    if (text_[at_] == '\n') ++line_;
    cell.push_back(text_[at_]);
  }
  if (at_ >= text_.size())
    throw DataError("[read_csv] ", source_, ", line ", first_line,
                    ": a quoted cell is not closed; add the missing \".");
  ++at_;
  while (!at_cell_end() && is_blank(text_[at_], delimiter_)) ++at_;
  if (!at_cell_end())
    throw DataError("[read_csv] ", source_, ", line ", line_, ": expected a delimiter after the quoted cell \"",
                    shown(cell), "\"; got '", shown(text_.substr(at_, 1)), "'. Write a quote within quotes twice.");
  return cell;
}

}  // namespace costate::internal
