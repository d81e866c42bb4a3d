// Pictures as scripts of gnuplot. Data stand in them as here-documents; text of users is quoted.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "costate/report/figure.h"

namespace costate::internal {

/// A gnuplot string: double quotes would expand, single ones only double themselves. Line breaks become blanks.
std::string quote(const std::string& text);

/// Whether the figure's axes can show a point: it is finite, and has a logarithm where one is taken.
bool can_draw(const Figure& figure, double x, double y);
/// The same of a point of an area, both of its ends.
bool can_draw(const Figure& figure, const Area& area, std::size_t point);

/// Of a sheet, in pixels, and its rows of figures.
struct Extent {
  int width, height, rows;
};

Extent extent_of(const Sheet& sheet);

/// What draws the sheet on `terminal` into the file `out`.
std::string script_of(const Sheet& sheet, const std::string& terminal, const std::filesystem::path& out);

}  // namespace costate::internal
