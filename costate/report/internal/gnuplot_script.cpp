#include "costate/report/internal/gnuplot_script.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "costate/base/error.h"
#include "costate/base/text.h"

namespace costate::internal {
namespace {

// Okabe and Ito 2008.
constexpr const char* kPalette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                    "#E69F00", "#56B4E9", "#000000", "#F0E442"};

std::string number(double value) {
  std::ostringstream out;
  out.precision(9);
  out << value;
  return out.str();
}

/// A place on the x axis, as gnuplot takes it.
std::string x_of(const Figure& figure, double x) {
  if (figure.x_scale != Scale::kDate) return number(x);
  std::ostringstream out;
  out.precision(15);  // seconds since 1970 need ten digits for the second alone
  out << x;
  return out.str();
}

/// The same of what is no point of a curve: gnuplot then wants it quoted as a date.
std::string coordinate(const Figure& figure, double x) {
  return figure.x_scale == Scale::kDate ? quote(x_of(figure, x)) : number(x);
}

std::string style_of(const Curve& curve) {
  const std::string color = text::concat(" lc rgb '", kPalette[static_cast<std::size_t>(curve.color) % 8], "'");
  switch (curve.mark) {
    case Mark::kLine:
      return "with lines lw 2" + color;
    case Mark::kDashed:
      return "with lines lw 2 dt 2" + color;
    case Mark::kPoints:
      return "with points pt 7 ps 0.5" + color;
    case Mark::kDots:
      return text::concat("with points pt 7 ps 0.15 lc rgb '#90",
                          kPalette[static_cast<std::size_t>(curve.color) % 8] + 1, "'");
    case Mark::kSteps:
      return "with steps lw 1.5" + color;
  }
  throw InternalError("[to_svg] no such mark.");
}

void write_data(std::ostream& script, const Figure& figure, const Curve& curve, const std::string& block) {
  script << block << " << EOD\n";
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (can_draw(figure, curve.x[i], curve.y[i]))
      script << x_of(figure, curve.x[i]) << " " << number(curve.y[i]) << "\n";
    else
      script << "\n";  // a gap
  }
  script << "EOD\n";
}

std::string write_area(std::ostream& script, const Figure& figure, const Area& area, const std::string& block) {
  script << block << " << EOD\n";
  for (std::size_t i = 0; i < area.x.size(); ++i) {
    if (can_draw(figure, area, i))
      script << x_of(figure, area.x[i]) << " " << number(area.low[i]) << " " << number(area.high[i]) << "\n";
    else
      script << "\n";  // a gap
  }
  script << "EOD\n";
  const char* const color = kPalette[static_cast<std::size_t>(area.color) % 8];
  return text::concat(block, " using 1:2:3 with filledcurves fs transparent solid 0.25 noborder lc rgb '", color, "' ",
                      area.name.empty() ? "notitle" : "title " + quote(area.name));
}

/// The raster as a matrix whose cells stand at their middles.
std::string write_raster(std::ostream& script, const Raster& raster, const std::string& block) {
  script << block << " << EOD\n";
  for (std::size_t i = 0; i < raster.values.size(); ++i)
    script << (std::isfinite(raster.values[i]) ? number(raster.values[i]) : "NaN")
           << ((i + 1) % raster.columns == 0 ? "\n" : " ");
  script << "EOD\n";
  const auto columns = static_cast<double>(raster.columns);
  const double rows = static_cast<double>(raster.values.size()) / columns;
  const double dx = (raster.x_high - raster.x_low) / columns, dy = (raster.y_high - raster.y_low) / rows;
  return text::concat(block, " matrix using (", number(raster.x_low), "+($1+0.5)*", number(dx), "):(",
                      number(raster.y_low), "+($2+0.5)*", number(dy), "):3 with image notitle");
}

/// From the least to the largest number of all curves on an axis.
double range_of(const Figure& figure, std::vector<double> Curve::*axis) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Curve& curve : figure.curves)
    for (const double number : curve.*axis) {
      low = std::fmin(low, number);
      high = std::fmax(high, number);
    }
  return high - low;
}

/// 1, 2 or 5 times a power of ten, of which at most four fit into the range.
double round_step(double range) {
  const double least = range / 4, power = std::pow(10, std::floor(std::log10(least)));
  for (const double digit : {1.0, 2.0, 5.0})
    if (digit * power >= least) return digit * power;
  return 10 * power;
}

/// As much of a date as the range of x needs; few of them where there is little room.
void write_dates(std::ostream& script, const Figure& figure) {
  constexpr double kDay = 86400, kYear = 365 * kDay;
  constexpr int kRoomy = 400;
  const double range = range_of(figure, &Curve::x);
  const char* const format = range > 8 * kYear   ? "%Y"
                             : range > 2 * kYear ? "%Y-%m"
                             : range > 12 * kDay ? "%m-%d\\n%Y"
                                                 : "%m-%d\\n%H:%M";
  script << "set xdata time\nset timefmt '%s'\nset format x \"" << format << "\"\n";
  if (figure.width < kRoomy && range > 0) script << "set xtics " << number(range / 3) << "\n";
}

void write_axes(std::ostream& script, const Figure& figure) {
  script << "set title " << quote(figure.title) << " noenhanced\n"
         << "set xlabel " << quote(figure.x_label) << " noenhanced\n"
         << "set ylabel " << quote(figure.y_label) << " noenhanced\n";
  if (figure.x_scale == Scale::kLog) script << "set logscale x\nset format x '10^{%L}'\n";
  if (figure.x_scale == Scale::kDate) write_dates(script, figure);
  if (figure.y_scale == Scale::kLog) script << "set logscale y\nset format y '10^{%L}'\n";
  // Numbers of neighbouring ticks would touch.
  const bool is_narrow = figure.width < 300, is_small = figure.width < 400, is_low = figure.height < 250;
  if (is_narrow) script << "set tics font ',8'\n";
  const double across = range_of(figure, &Curve::x), up = range_of(figure, &Curve::y);
  if (is_small && figure.x_scale == Scale::kLinear && across > 0 && std::isfinite(across))
    script << "set xtics " << number(round_step(across)) << "\nset autoscale xfix\n";
  if (is_low && figure.y_scale == Scale::kLinear && up > 0 && std::isfinite(up))
    script << "set ytics " << number(round_step(up))
           << "\nset autoscale yfix\nset offsets 0, 0, graph 0.06, graph 0.06\n";
  if (figure.aspect == Aspect::kEqual) script << "set size ratio -1\n";
  const auto write_range = [&](const char* axis, const Interval& interval, Scale scale) {
    if (interval.low == interval.high) return;
    script << "set " << axis << "range [" << number(interval.low) << ":" << number(interval.high) << "]\n";
    if (is_narrow && scale == Scale::kLinear)
      script << "set " << axis << "tics " << number((interval.high - interval.low) / 4) << "\n";
  };
  write_range("x", figure.x_range, figure.x_scale);
  write_range("y", figure.y_range, figure.y_scale);
  for (std::size_t i = 0; i < figure.bands.size(); ++i) {
    const Band& band = figure.bands[i];
    script << "set object " << i + 1 << " rectangle from first " << coordinate(figure, band.from)
           << ", graph 0 to first " << coordinate(figure, band.to)
           << ", graph 1 behind fc rgb '#eeeeee' fs solid noborder\n";
  }
}

bool has_values(const Figure& figure) {
  if (!figure.arrows.empty() || !figure.rasters.empty()) return true;
  for (const Curve& curve : figure.curves)
    for (std::size_t i = 0; i < curve.x.size(); ++i)
      if (can_draw(figure, curve.x[i], curve.y[i])) return true;
  for (const Area& area : figure.areas)
    for (std::size_t i = 0; i < area.x.size(); ++i)
      if (can_draw(figure, area, i)) return true;
  return false;
}

/// A panel that says so, in the place that it has beside others.
void write_empty(std::ostream& script, const Figure& figure) {
  script << "reset\nunset tics\nset border 3 lc rgb '#555555'\nset title " << quote(figure.title) << " noenhanced\n"
         << "set label 1 'no values' at graph 0.5, graph 0.5 center tc rgb '#555555'\n"
         << "set xrange [0:1]\nset yrange [0:1]\nplot NaN notitle\n";
}

/// One figure; `index` tells its data from those of others on the sheet.
void write_figure(std::ostream& script, const Figure& figure, std::size_t index) {
  if (!has_values(figure)) return write_empty(script, figure);
  script << "reset\nset border 3 lc rgb '#555555'\nset tics nomirror out\nset grid lc rgb '#dddddd' lt 1 lw 0.5\n"
         << "set key tmargin center horizontal noenhanced\nset samples 2\n"
         << "set rmargin 4\n"  // half of the last number on the axis
         << "set palette defined (0 'white', 0.35 '#9ecae1', 0.7 '#3182bd', 1 '#08306b')\nunset colorbox\n";
  write_axes(script, figure);
  std::vector<std::string> plots;
  for (const Raster& raster : figure.rasters)
    plots.push_back(write_raster(script, raster, text::concat("$raster", index)));
  if (!figure.arrows.empty()) {
    script << "$arrows" << index << " << EOD\n";
    for (const Arrow& arrow : figure.arrows)
      script << number(arrow.x) << " " << number(arrow.y) << " " << number(arrow.dx) << " " << number(arrow.dy) << "\n";
    script << "EOD\n";
    plots.push_back(text::concat(
        "$arrows", index, " using 1:2:3:4 with vectors filled head size graph 0.008,20 lw 1 lc rgb '#aaaaaa' notitle"));
  }
  for (std::size_t i = 0; i < figure.areas.size(); ++i)
    plots.push_back(write_area(script, figure, figure.areas[i], text::concat("$area", index, "_", i)));
  for (std::size_t i = 0; i < figure.curves.size(); ++i) {
    const Curve& curve = figure.curves[i];
    const std::string block = text::concat("$curve", index, "_", i);
    write_data(script, figure, curve, block);
    const std::string title = curve.name.empty() ? "notitle" : "title " + quote(curve.name);
    plots.push_back(text::concat(block, " using 1:2 ", style_of(curve), " ", title));
  }
  // In the legend, where no data hide the name.
  for (const Band& band : figure.bands)
    if (!band.name.empty() && &band == &figure.bands.front())
      plots.push_back("keyentry with boxes fs solid noborder fc rgb '#dddddd' title " + quote(band.name));
  script << "plot " << text::join(plots, ", ") << "\n";
}
}  // namespace

std::string quote(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "''";
    else
      quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + "'";
}

bool can_draw(const Figure& figure, double x, double y) {
  return std::isfinite(x) && std::isfinite(y) && (figure.x_scale != Scale::kLog || x > 0) &&
         (figure.y_scale == Scale::kLinear || y > 0);
}

bool can_draw(const Figure& figure, const Area& area, std::size_t point) {
  return can_draw(figure, area.x[point], area.low[point]) && can_draw(figure, area.x[point], area.high[point]);
}

Extent extent_of(const Sheet& sheet) {
  const int rows = (static_cast<int>(sheet.figures.size()) + sheet.columns - 1) / sheet.columns;
  return {sheet.figures[0].width * sheet.columns, sheet.figures[0].height * rows, rows};
}

std::string script_of(const Sheet& sheet, const std::string& terminal, const std::filesystem::path& out) {
  std::ostringstream script;
  script << "set terminal " << terminal << "\nset output " << quote(out.string()) << "\n";
  if (sheet.figures.size() > 1)
    script << "set multiplot layout " << extent_of(sheet).rows << "," << sheet.columns << "\n";
  for (std::size_t i = 0; i < sheet.figures.size(); ++i) write_figure(script, sheet.figures[i], i);
  if (sheet.figures.size() > 1) script << "unset multiplot\n";
  return script.str();
}

}  // namespace costate::internal
