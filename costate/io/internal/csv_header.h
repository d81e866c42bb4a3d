// What the first lines of a table are: a header, a row, units, or lines before the table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "costate/io/internal/csv_scanner.h"

namespace costate::internal {

using Cells = std::vector<std::string>;

/// Whether a cell is empty or one of what programs write for nothing: NA, n/a, NULL, none, ".", "-", "?".
bool is_word_for_missing(std::string_view cell);

/// Whether a line that begins with # is a row all the same, since its first cell is "#N/A" or "#DIV/0!".
bool begins_with_word_for_missing(std::string_view line);

/// Whether a cell holds a number, a value beyond a limit ("<0.01"), a date or a time of day.
bool is_datum(const std::string& cell, char delimiter);

/// A first line that holds data alone. 0,1,2,… or 1990,1991,1992 are names that tools give to columns.
bool is_row(const Cells& cells, char delimiter);

/// Whether no cell is a datum.
bool is_text(const Cells& cells, char delimiter);

/// Whether `rows` have one cell more than the header, and begin with names of rows, as R writes them without a name
/// above: words, dates, or 1, 2, 3; quoted where commas delimit, since 1,5 may be one number.
bool have_row_names(const Cells& header, std::span<const CsvRecord> rows, char delimiter);

/// Whether text stands above a datum in some column: units, kinds of a mean, names in another language.
bool is_above_datum(const Cells& cells, const Cells& below, char delimiter);

/// The names in a comment such as "# t (s)\tmx ()" right above rows of numbers, as numpy.savetxt and mumax write them;
/// empty if the line below is a header of its own or the comment does not fit it.
Cells names_in_comment(std::string_view comment, const CsvRecord& first, const std::string& source, char delimiter);

/// "1", "2", …: what columns without names are called.
Cells numbered_names(std::size_t count);
/// "t", "x", …: names that a user could give.
Cells example_names(std::size_t count);

/// What to say where already the first row differs from the first line.
std::string advice_on_begin(std::string_view text, const std::string& source, char delimiter);

}  // namespace costate::internal
