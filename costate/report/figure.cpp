#include "costate/report/figure.h"

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "costate/io/files.h"
#include "costate/report/internal/gnuplot.h"
#include "costate/report/internal/gnuplot_script.h"

namespace costate {
namespace {

using internal::drawn;
using internal::Extent;
using internal::extent_of;
using internal::quote;

void check(const Figure& figure) {
  for (const Raster& raster : figure.rasters)
    if (raster.columns == 0 || raster.values.size() % raster.columns != 0 || raster.values.empty())
      throw InvalidArgument("[to_svg] a raster of ", raster.columns, " columns has ", raster.values.size(),
                            " values; give full rows.");
  for (const Curve& curve : figure.curves) {
    if (curve.x.size() != curve.y.size())
      throw InvalidArgument("[to_svg] curve '", curve.name, "' has ", curve.x.size(), " x and ", curve.y.size(),
                            " y; give as many.");
  }
  for (const Area& area : figure.areas) {
    if (area.x.size() != area.low.size() || area.x.size() != area.high.size())
      throw InvalidArgument("[to_svg] area '", area.name, "' has ", area.x.size(), " x, ", area.low.size(), " low and ",
                            area.high.size(), " high ends; give as many.");
  }
}

std::string replace_all(std::string_view text, const std::string& from, const std::string& to) {
  std::string out;
  for (;;) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

/// Only the svg element: a page has one XML declaration at most.
std::string element_of(const std::string& svg) {
  const std::size_t begin = svg.find("<svg");
  if (begin == std::string::npos) throw IoError("[to_svg] gnuplot drew no SVG.");
  return svg.substr(begin);
}

void check(const Sheet& sheet) {
  if (sheet.figures.empty() || sheet.columns < 1)
    throw InvalidArgument("[to_svg] a sheet has ", sheet.figures.size(), " figures in ", sheet.columns,
                          " columns; give at least one of each.");
  for (const Figure& figure : sheet.figures) check(figure);
}
}  // namespace

Curve Curve::through(const HostArray& points, const PointColumns& columns) const {
  if (points.shape().rank() != 2)
    throw ShapeError("[Curve] points must have shape [point, column]; got ", points.shape(), ".");
  Curve curve{.name = name, .mark = mark, .color = color};
  for (std::int64_t i = 0; i < points.shape()[0]; ++i) {
    curve.x.push_back(points(i, columns.x));
    curve.y.push_back(points(i, columns.y));
  }
  return curve;
}

Curve Curve::over(const EvenAxis& axis, std::span<const double> heights) const {
  Curve curve{.name = name, .y = {heights.begin(), heights.end()}, .mark = mark, .color = color};
  for (std::size_t i = 0; i < heights.size(); ++i)
    curve.x.push_back(axis.first + axis.spacing * static_cast<double>(i));
  return curve;
}

HostArray SquareGrid::middles() const {
  const auto middle = [&](std::int64_t cell) {
    return half_width * (2 * (static_cast<double>(cell) + 0.5) / static_cast<double>(cells) - 1);
  };
  HostArray points(Shape{cells * cells, 2});
  for (std::int64_t i = 0; i < cells * cells; ++i) {
    points.set({i, 0}, middle(i % cells));
    points.set({i, 1}, middle(i / cells));
  }
  return points;
}

Raster SquareGrid::raster(std::vector<double> values) const {
  return {.x_low = -half_width,
          .x_high = half_width,
          .y_low = -half_width,
          .y_high = half_width,
          .columns = static_cast<std::size_t>(cells),
          .values = std::move(values)};
}

Figure square_figure(const std::string& title, double half_width) {
  return {.title = title,
          .x_label = "x",
          .y_label = "y",
          .aspect = Aspect::kEqual,
          .x_range = {-half_width, half_width},
          .y_range = {-half_width, half_width}};
}

Figure samples_figure(const std::string& title, double half_width, const HostArray& samples, int color) {
  Figure figure = square_figure(title, half_width);
  figure.curves = {Curve{.mark = Mark::kDots, .color = color}.through(samples)};
  return figure;
}

Sheet::Sheet(std::vector<Figure> all, int side_by_side, const CellSize& cell)
    : figures(std::move(all)), columns(side_by_side) {
  for (Figure& figure : figures) {
    figure.width = cell.width;
    figure.height = cell.height;
  }
}

std::string to_svg(const Sheet& sheet, const std::string& id) {
  check(sheet);
  const Extent extent = extent_of(sheet);
  std::string svg = element_of(
      drawn(sheet, text::concat("svg size ", extent.width, ",", extent.height,
                                " dynamic enhanced font 'sans-serif,13' name ", quote(id), " background rgb 'white'")));
  // gnuplot's own ids repeat from picture to picture.
  for (const char* own : {"gpDot", "gpPt", "textbox", "greybox", "gnuplot_canvas"})
    svg = replace_all(svg, own, id + "-" + own);
  return svg;
}

void write_png(const std::filesystem::path& path, const Sheet& sheet) {
  check(sheet);
  const Extent extent = extent_of(sheet);
  write_atomically(path, drawn(sheet, text::concat("pngcairo size ", extent.width, ",", extent.height,
                                                   " enhanced font 'sans,10' background rgb 'white'")));
}

}  // namespace costate
