#include "costate/io/internal/csv_header.h"

#include <algorithm>
#include <cctype>

#include "costate/base/text.h"
#include "costate/io/internal/calendar.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/internal/shown.h"

namespace costate::internal {
namespace {

bool is_number(const std::string& cell, char delimiter) {
  return parse_double(cell) || parse_thousands_double(cell) || (delimiter != ',' && parse_comma_double(cell));
}

/// 0,1,2 or 1990,1991,1992: how tools number the columns of a table that has no names; beside an index ",0" alone is
/// what pandas writes above a Series.
bool are_numbered_names(const Cells& cells) {
  const std::size_t begin = cells[0].empty() ? 1 : 0;
  if (begin == 1 && cells.size() == 2 && cells[1] == "0") return true;
  if (cells.size() < 3) return false;
  for (std::size_t i = begin; i < cells.size(); ++i) {
    const bool is_whole = !cells[i].empty() && cells[i].find_first_not_of("0123456789") == std::string::npos;
    if (!is_whole || (i > begin && *parse_double(cells[i]) != *parse_double(cells[i - 1]) + 1)) return false;
  }
  return true;
}

}  // namespace

bool is_word_for_missing(std::string_view cell) {
  constexpr std::size_t kLongest = 9;
  if (cell.empty()) return true;
  if (cell.size() > kLongest) return false;
  std::string lower(cell);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  // Beside the usual ones what spreadsheets, Microsoft's C library, pandas and databases write.
  for (const char* word :
       {"na",        "nan",    "-nan",   "n/a",    "#n/a",    "#na",      "<na>",   "null",    "none",
        ".",         "-",      "--",     "?",      "n.a.",    "k.a.",     "nat",    "#div/0!", "#value!",
        "#num!",     "#ref!",  "#null!", "#name?", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "nan(ind)",
        "-nan(ind)", "(null)", "\\n",    "nodata", "no data", "missing"})
    if (lower == word) return true;
  return false;
}

bool begins_with_word_for_missing(std::string_view line) {
  return line.starts_with('#') && is_word_for_missing(line.substr(0, line.find_first_of(",;\t| ")));
}

bool is_datum(const std::string& cell, char delimiter) {
  if (const auto limit = parse_limit(cell)) return is_number(std::string(limit->limit), delimiter);
  return is_number(cell, delimiter) || is_date_or_clock(cell);
}

bool is_row(const Cells& cells, char delimiter) {
  bool has_datum = false;
  for (const std::string& cell : cells) {
    if (is_word_for_missing(cell)) continue;
    if (!is_datum(cell, delimiter)) return false;
    has_datum = true;
  }
  return has_datum && !are_numbered_names(cells);
}

bool is_text(const Cells& cells, char delimiter) {
  return std::ranges::none_of(cells, [&](const std::string& cell) { return is_datum(cell, delimiter); });
}

bool have_row_names(const Cells& header, std::span<const CsvRecord> rows, char delimiter) {
  // Words in the first row are a header below other lines, and numbers above it no names.
  if (rows.empty() || is_text(rows[0].cells, delimiter) || !is_text(header, delimiter)) return false;
  const auto is_longer = [&](const CsvRecord& row) {
    return row.cells.size() == header.size() + 1 && (delimiter != ',' || row.is_quoted);
  };
  const bool is_full = std::ranges::any_of(rows, [](const CsvRecord& row) { return !row.cells.back().empty(); });
  bool are_names = true, are_counted = true;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string& name = rows[i].cells[0];
    are_names = are_names && !name.empty() && !parse_double(name);
    are_counted = are_counted && name == text::concat(i + 1);
  }
  return is_full && std::ranges::all_of(rows, is_longer) && (are_names || are_counted);
}

bool is_above_datum(const Cells& cells, const Cells& below, char delimiter) {
  for (std::size_t i = 0; i < std::min(cells.size(), below.size()); ++i)
    if (!cells[i].empty() && is_datum(below[i], delimiter)) return true;
  return false;
}

Cells numbered_names(std::size_t count) {
  Cells names;
  for (std::size_t i = 1; i <= count; ++i) names.push_back(text::concat(i));
  return names;
}

Cells example_names(std::size_t count) {
  Cells names = {"t"};
  const Cells few = {"x", "y", "z"};
  for (std::size_t i = 1; i < count; ++i) names.push_back(count <= 4 ? few[i - 1] : text::concat("x", i));
  return names;
}

std::string advice_on_begin(std::string_view text, const std::string& source, char delimiter) {
  const CsvRecord begin = table_begin(text, source);
  if (begin.line <= 1) return "Mend the line, or quote cells that hold the delimiter.";
  const bool is_header = is_text(begin.cells, delimiter);
  return text::concat("The table seems to begin on line ", begin.line, ", '", shown(text::join(begin.cells)),
                      "': skip what is before with --skip ", begin.line - 1,
                      is_header ? "." : ", and name its columns with --names.");
}

Cells names_in_comment(std::string_view comment, const CsvRecord& first, const std::string& source, char delimiter) {
  const bool is_header =
      std::any_of(first.cells.begin(), first.cells.end(), [](const std::string& cell) { return !parse_double(cell); });
  if (is_header) return {};
  // Names may be set apart otherwise than numbers: 0 is what the comment itself tells.
  for (const char between : {char{0}, delimiter}) {
    CsvRecord names;
    if (CsvScanner(comment, source, 0, between).next(names) && names.cells.size() == first.cells.size())
      return names.cells;
  }
  return {};
}

}  // namespace costate::internal
