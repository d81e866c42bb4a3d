// Pictures by gnuplot, as SVG or PNG.
#pragma once

#include <filesystem>
#include <functional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

enum class Mark {
  kLine,
  kDashed,
  kPoints,
  kDots,   // small and half transparent, for many samples
  kSteps,  // a line that holds its value up to the next point
};

/// Places 0, 1, 2, … on an axis: first + spacing i.
struct EvenAxis {
  double first = 0, spacing = 1;
};

/// Which columns of points [point, column] are drawn.
struct PointColumns {
  std::int64_t x = 0, y = 1;
};

/// One row of numbers as a curve or as points. NaN makes a gap.
struct Curve {
  std::string name = {};  // in the legend; "": not there
  std::vector<double> x = {}, y = {};
  Mark mark = Mark::kLine;
  int color = 0;  // of the palette of Okabe and Ito (colour-blind safe), 0 … 7

  // The same name, mark and color through other numbers, as in Curve{.name = "error"}.over({}, errors):
  /// through (x_of(row), y_of(row)) of each row of a list; x_of and y_of are members or callables,
  template <std::ranges::range Rows, class X, class Y>
  Curve through(const Rows& rows, X x_of, Y y_of) const {
    Curve curve{.name = name, .mark = mark, .color = color};
    for (const auto& row : rows) {
      curve.x.push_back(static_cast<double>(std::invoke(x_of, row)));
      curve.y.push_back(static_cast<double>(std::invoke(y_of, row)));
    }
    return curve;
  }
  /// through points [point, column] (ShapeError if they are not that),
  Curve through(const HostArray& points, const PointColumns& columns = {}) const;
  /// and through evenly spaced ones.
  Curve over(const EvenAxis& axis, std::span<const double> heights) const;
};

/// The area between two curves over the same x, behind the curves, in a light tone of its color. NaN makes a gap.
struct Area {
  std::string name = {};  // in the legend; "": not there
  std::vector<double> x = {}, low = {}, high = {};
  int color = 0;  // as Curve::color
};

/// A shaded stretch of the x axis.
struct Band {
  double from = 0, to = 0;
  std::string name = {};
};

/// An arrow of a vector field, from (x, y).
struct Arrow {
  double x = 0, y = 0, dx = 0, dy = 0;
};

/// A function of the plane as shades, dark where it is large, behind the rest.
struct Raster {
  double x_low = 0, x_high = 0, y_low = 0, y_high = 0;  // the outer edges
  std::size_t columns = 0;
  std::vector<double> values = {};  // rows from below, cells from the left
};

/// A square of cells around the origin.
struct SquareGrid {
  double half_width = 1;
  std::int64_t cells = 100;  // along each side

  /// The middles of all cells [cells * cells, 2], in the order of a Raster's values.
  HostArray middles() const;
  /// A function of them, from its values there.
  Raster raster(std::vector<double> values) const;
};

/// The part of an axis that is shown; from it to the same number: all of the curves.
struct Interval {
  double low = 0, high = 0;
};

enum class Scale {
  kLinear,
  kLog,
  kDate,  // of x alone: seconds since 1970, written as dates
};
enum class Aspect { kFree, kEqual };

struct Figure {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<Curve> curves = {};
  std::vector<Area> areas = {};
  std::vector<Band> bands = {};
  std::vector<Arrow> arrows = {};
  std::vector<Raster> rasters = {};  // one at most
  Scale x_scale = Scale::kLinear;
  Scale y_scale = Scale::kLinear;
  Aspect aspect = Aspect::kFree;
  Interval x_range = {}, y_range = {};
  int width = 720, height = 360;
};

/// A figure of the square of `half_width` around the origin of the plane (x, y).
Figure square_figure(const std::string& title, double half_width);
/// The same with a dot for each row of `samples` [n, 2].
Figure samples_figure(const std::string& title, double half_width, const HostArray& samples, int color);

/// The size of each figure of a sheet, in pixels.
struct CellSize {
  int width = 480, height = 360;
};

/// Figures on one sheet, from left to right and then down, in cells of the first one's size.
struct Sheet {
  std::vector<Figure> figures;
  int columns = 1;

  Sheet(Figure figure) : figures{std::move(figure)} {}  // NOLINT(google-explicit-constructor): a sheet of one
  Sheet(std::vector<Figure> all, int side_by_side, const CellSize& cell = {});
};

/// The sheet as an SVG element whose ids begin with `id`, so that several can stand on one page. Numbers that are not
/// finite, or that a logarithmic axis cannot show, are gaps; a figure without any other number says "no values".
///
/// Throws: InvalidArgument if the columns of a curve or an area differ in length or a raster's rows are not full;
///         IoError if gnuplot is missing or fails.
std::string to_svg(const Sheet& sheet, const std::string& id);

/// Writes the sheet as a PNG file, which is the old one or the new one. Throws as to_svg.
void write_png(const std::filesystem::path& path, const Sheet& sheet);

}  // namespace costate
