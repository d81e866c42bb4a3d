#include "costate/io/internal/attribute_files.h"

#include <algorithm>
#include <cctype>

#include "costate/base/error.h"
#include "costate/io/internal/csv_scanner.h"

namespace costate::internal {
namespace {

using Cells = std::vector<std::string>;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

Cells split(std::string_view text, char delimiter) {
  Cells parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(delimiter, begin), text.size());
    parts.push_back(trim(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

/// "name" of "@attribute 'name' numeric".
std::string attribute_name(const std::string& rest) {
  const char quote = rest.empty() || (rest[0] != '\'' && rest[0] != '"') ? 0 : rest[0];
  return quote == 0 ? rest.substr(0, rest.find_first_of(" \t{")) : rest.substr(1, rest.find(quote, 1) - 1);
}

struct Header {
  Cells attributes = {};
  bool is_ts = false, is_tsf = false;  // .arff otherwise
  bool has_label = false, has_times = false;
  std::int64_t lines = 0;  // up to @data
  std::size_t data = 0;    // where the lines after it begin
};

Header read_header(std::string_view text, const std::string& source) {
  Header header;
  while (header.data < text.size()) {
    const std::size_t end = std::min(text.find('\n', header.data), text.size());
    const std::string line = trim(text.substr(header.data, end - header.data));
    header.data = end + 1;
    ++header.lines;
    const std::size_t blank = std::min(line.find_first_of(" \t"), line.size());
    const std::string key = lower(line.substr(0, blank)), rest = trim(std::string_view(line).substr(blank));
    const bool is_true = lower(rest).starts_with("true");
    if (key == "@data") return header;
    if (key == "@attribute" && lower(rest).ends_with(" relational"))
      throw NotSupported("[read_table] '", source, "', line ", header.lines,
                         ": relational attributes are not read; take the same series as .ts, or write them as CSV, a "
                         "row a sample.");
    if (key == "@attribute") header.attributes.push_back(attribute_name(rest));
    if (key == "@problemname" || key == "@univariate" || key == "@serieslength") header.is_ts = true;
    if (key == "@frequency" || key == "@horizon") header.is_tsf = true;
    if (key == "@classlabel" || key == "@targetlabel") header.has_label = header.has_label || is_true;
    if (key == "@timestamps") header.has_times = is_true;
  }
  throw DataError("[read_table] '", source, "' has a header of @ lines but no @data. It may be cut short.");
}

/// Rows made of series: columns by name, grown sample by sample.
struct Columns {
  Cells names;
  std::vector<Cells> cells;

  void set_names(Cells given) {
    names = std::move(given);
    cells.resize(names.size());
  }
};

[[noreturn]] void reject_line(const std::string& source, std::int64_t line, const std::string& what) {
  throw DataError("[read_table] ", source, ", line ", line, ": ", what, ". Mend the line.");
}

void add_ts(const Header& header, const Cells& parts, std::int64_t line, const std::string& source, Columns& columns) {
  const std::size_t dimensions = parts.size() - (header.has_label ? 1 : 0);
  if (columns.names.empty()) {
    Cells names = {"trajectory", "time"};
    for (std::size_t k = 1; k <= dimensions; ++k) names.push_back(dimensions == 1 ? "x" : text::concat("x", k));
    if (header.has_label) names.emplace_back("label");
    columns.set_names(std::move(names));
  }
  if (dimensions == 0 || parts.size() + 2 != columns.names.size())
    reject_line(source, line,
                text::concat("expected ", columns.names.size() - 2, " parts between colons as in the first row; got ",
                             parts.size()));
  const std::string id = columns.cells[0].empty() ? "1" : text::concat(std::stoll(columns.cells[0].back()) + 1);
  std::size_t samples = 0;
  for (std::size_t k = 0; k < dimensions; ++k) {
    const Cells values = split(parts[k], ',');
    if (k > 0 && values.size() != samples) reject_line(source, line, "the dimensions differ in length");
    samples = values.size();
    columns.cells[2 + k].insert(columns.cells[2 + k].end(), values.begin(), values.end());
  }
  for (std::size_t i = 0; i < samples; ++i) {
    columns.cells[0].push_back(id);
    columns.cells[1].push_back(text::concat(i));
    if (header.has_label) columns.cells.back().push_back(parts.back());
  }
}

void add_tsf(const Header& header, const Cells& parts, std::int64_t line, const std::string& source, Columns& columns) {
  const std::size_t attributes = header.attributes.size();
  if (columns.names.empty()) {
    Cells names = header.attributes;
    names.insert(names.end(), {"time", "value"});
    columns.set_names(std::move(names));
  }
  if (parts.size() != attributes + 1)
    reject_line(
        source, line,
        text::concat("expected ", attributes + 1, " parts between colons as the header says; got ", parts.size()));
  const Cells values = split(parts.back(), ',');
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t k = 0; k < attributes; ++k) columns.cells[k].push_back(parts[k]);
    columns.cells[attributes].push_back(text::concat(i));
    columns.cells[attributes + 1].push_back(values[i]);
  }
}

}  // namespace

bool is_attribute_file(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line = trim(text.substr(0, end));
    if (!line.empty() && line[0] != '#' && line[0] != '%') return line[0] == '@';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

CsvTable read_attribute_file(std::string_view text, const std::string& source, const TableLayout& layout) {
  const Header header = read_header(text, source);
  if (!header.is_ts && !header.is_tsf) {
    CsvRecord first;
    if (layout.names.empty() && CsvScanner(text, source, header.lines).next(first) &&
        first.cells.size() != header.attributes.size())
      throw DataError("[read_table] ", source, ", line ", first.line, ": the header has ", header.attributes.size(),
                      " attributes, but the row ", first.cells.size(), " cells. Mend the header or the line.");
    TableLayout rows = layout;
    if (rows.names.empty()) rows.names = header.attributes;
    rows.skip = header.lines;
    return {text, source, rows};
  }
  if (header.has_times)
    throw NotSupported(
        "[read_table] '", source,
        "' holds series with time stamps in brackets, which are not read; write it as CSV, a row a sample.");
  Columns columns;
  std::int64_t line = header.lines;
  for (std::size_t begin = header.data; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string row = trim(text.substr(begin, end - begin));
    begin = end + 1;
    if (row.empty() || row[0] == '#') continue;
    (header.is_ts ? add_ts : add_tsf)(header, split(row, ':'), line + 1, source, columns);
  }
  if (columns.cells.empty()) throw DataError("[read_table] '", source, "' has no rows below its header.");
  return {std::move(columns.names), std::move(columns.cells), source, layout};
}

}  // namespace costate::internal
