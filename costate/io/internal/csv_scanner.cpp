#include "costate/io/internal/csv_scanner.h"

#include <algorithm>
#include <optional>

#include "costate/base/error.h"
#include "costate/io/internal/csv_header.h"
#include "costate/io/internal/shown.h"

namespace costate::internal {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Tabs delimit in some files, so they are a blank only where they do not.
bool is_blank(char c, char delimiter) { return c == ' ' || (c == '\t' && delimiter != '\t'); }

constexpr std::string_view kFixedBlank = "\xC2\xA0";  // U+00A0, which does not break a line

std::string_view trim(std::string_view text, char delimiter) {
  const auto first_blank = [&]() -> std::size_t {
    if (text.starts_with(kFixedBlank)) return kFixedBlank.size();
    return !text.empty() && is_blank(text.front(), delimiter) ? 1 : 0;
  };
  const auto last_blank = [&]() -> std::size_t {
    if (text.ends_with(kFixedBlank)) return kFixedBlank.size();
    return !text.empty() && is_blank(text.back(), delimiter) ? 1 : 0;
  };
  while (const std::size_t size = first_blank()) text.remove_prefix(size);
  while (const std::size_t size = last_blank()) text.remove_suffix(size);
  return text;
}

/// What could delimit cells in a line, outside of quotes.
struct Counts {
  std::size_t commas = 0, semicolons = 0, tabs = 0, bars = 0, words = 0;
};

Counts count(std::string_view line) {
  Counts counts;
  bool is_quoted = false, is_in_word = false;
  for (const char c : line) {
    if (c == '"') is_quoted = !is_quoted;
    const bool is_space = c == ' ' && !is_quoted;
    counts.words += !is_space && !is_in_word;
    is_in_word = !is_space;
    if (is_quoted) continue;
    counts.commas += c == ',';
    counts.semicolons += c == ';';
    counts.tabs += c == '\t';
    counts.bars += c == '|';
  }
  return counts;
}

/// What delimits a line that begins with the name of R's first row, "1" or 1, above which stands one name; 0 if it does
/// not.
char delimiter_of_first_row(std::string_view line, const Counts& counts) {
  for (const std::string_view name : {std::string_view("\"1\""), std::string_view("1")}) {
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char next = line[name.size()];
    if (next == '\t' && counts.tabs == 1) return next;
    if (next == ' ' && counts.words == 2) return next;
    const std::size_t other = next == ',' ? counts.commas : next == ';' ? counts.semicolons : 0;
    if (other == 1 && name.size() > 1) return next;  // 1,5 may be a number
  }
  return 0;
}

/// Of tab, semicolon and bar one that two lines hold as often, since a comma may be that of numbers; or what the first
/// holds most often; or blanks, if both lines hold as many words, or the second one more: R writes names of rows, "1"
/// or 1 to begin with, and no name above these.
char detect_delimiter(std::string_view first, std::string_view second) {
  const Counts a = count(first), b = count(second);
  if (a.tabs > 0 && a.tabs == b.tabs) return '\t';
  if (a.semicolons > 0 && a.semicolons == b.semicolons) return ';';
  if (a.bars > 0 && a.bars == b.bars) return '|';
  const std::size_t most = std::max({a.commas, a.semicolons, a.tabs});
  if (most == 0 && a.words == 1)
    if (const char delimiter = delimiter_of_first_row(second, b)) return delimiter;
  if (most > 0) return most == a.commas ? ',' : most == a.semicolons ? ';' : '\t';
  const bool has_row_name = a.words + 1 == b.words && (second.starts_with('"') || second.starts_with("1 "));
  return a.words > 1 && (a.words == b.words || has_row_name) ? ' ' : ',';
}

}  // namespace

CsvScanner::CsvScanner(std::string_view text, const std::string& source, std::int64_t skip, char delimiter)
    : text_(text), source_(source) {
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) text_.remove_prefix(kByteOrderMark.size());
  // What spreadsheets write for each other: "sep=;" in the first line, perhaps quoted.
  std::string_view first_line = rest_of_line();
  if (first_line.size() == 7 && first_line.front() == '"' && first_line.back() == '"')
    first_line = first_line.substr(1, 5);
  if (first_line.size() == 5 && (first_line.starts_with("sep=") || first_line.starts_with("SEP="))) {
    if (delimiter == 0) delimiter = first_line.back();
    skip = std::max<std::int64_t>(skip, 1);
  }
  for (; skip > 0 && at_ < text_.size(); --skip) {
    at_ += rest_of_line().size();
    end_line();
  }
  skip_to_record();
  delimiter_ = delimiter;
  if (delimiter != 0) return;
  const std::size_t at = at_, line = line_;
  const std::string_view comment = last_comment_, first = rest_of_line();
  at_ += first.size();
  end_line();
  skip_to_record();
  delimiter_ = detect_delimiter(first, rest_of_line());
  at_ = at;
  line_ = line;
  last_comment_ = comment;
}

bool CsvScanner::next(CsvRecord& record) {
  skip_to_record();
  if (at_ >= text_.size()) return false;
  record.cells.clear();
  record.line = line_;
  record.is_quoted = text_[at_] == '"';
  while (true) {
    record.cells.push_back(read_cell());
    if (!take_delimiter()) break;
  }
  end_line();
  return true;
}

void CsvScanner::skip_to_record() {
  while (at_ < text_.size()) {
    const std::string_view line = rest_of_line();
    if ((line.starts_with('#') && !begins_with_word_for_missing(line)) || line.starts_with('%'))
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

void CsvScanner::skip_blanks() {
  while (at_ < text_.size() && is_blank(text_[at_], delimiter_)) ++at_;
}

/// Blanks that end a line delimit nothing.
bool CsvScanner::take_delimiter() {
  if (delimiter_ == ' ') skip_blanks();
  if (at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r') return false;
  if (delimiter_ != ' ') ++at_;
  return true;
}

std::string CsvScanner::read_cell() {
  skip_blanks();
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
  if (delimiter_ != ' ') skip_blanks();
  if (!at_cell_end())
    throw DataError("[read_csv] ", source_, ", line ", line_, ": expected a delimiter after the quoted cell \"",
                    shown(cell), "\"; got '", shown(text_.substr(at_, 1)), "'. Write a quote within quotes twice.");
  // Blanks belong to a text that is quoted, such as the name of a trajectory, but to no number or date.
  const std::string plain(trim(cell, 0));
  constexpr char kNoComma = ';';  // the commas of a quoted cell delimit nothing
  return plain.size() == cell.size() || is_datum(plain, kNoComma) || is_word_for_missing(plain) ? plain : cell;
}

namespace {

/// The longest stretch with one delimiter, if it is longer than `longest` records, which it then sets.
std::optional<CsvRecord> longest_stretch(CsvScanner scanner, std::size_t& longest) {
  std::optional<CsvRecord> best;
  CsvRecord record, first;
  std::size_t length = 0;
  while (scanner.next(record)) {
    if (record.cells.size() != first.cells.size()) {
      first = record;
      length = 0;
    }
    if (++length <= longest || first.cells.size() < 2) continue;
    longest = length;
    best = first;
  }
  return best;
}

}  // namespace

std::string without_blanks(std::string_view text) { return std::string(trim(text, 0)); }

CsvRecord table_begin(std::string_view text, const std::string& source) {
  CsvRecord best;
  std::size_t longest = 1;
  // The comma last but one: it may be that of numbers.
  for (const char delimiter : {'\t', ';', ',', ' '}) {
    try {
      if (auto found = longest_stretch({text, source, 0, delimiter}, longest)) best = *std::move(found);
    } catch (const DataError&) {
      // Quotes that make no sense: not this delimiter.
    }
  }
  return best;
}

}  // namespace costate::internal
