// gnuplot reads a script from a file in a temporary folder; data stand in it as here-documents. Text of users is
// quoted, and never passes through a shell.
#include "costate/report/figure.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sstream>

#include "costate/base/error.h"
#include "costate/io/files.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace costate {
namespace {

namespace fs = std::filesystem;

// Okabe and Ito 2008.
constexpr const char* kPalette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                    "#E69F00", "#56B4E9", "#000000", "#F0E442"};

/// A gnuplot string: double quotes would expand, single ones only double themselves. Line breaks become blanks.
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

bool can_draw(const Figure& figure, double x, double y) {
  return std::isfinite(x) && std::isfinite(y) && (figure.x_scale != Scale::kLog || x > 0) &&
         (figure.y_scale == Scale::kLinear || y > 0);
}

bool can_draw(const Figure& figure, const Area& area, std::size_t point) {
  return can_draw(figure, area.x[point], area.low[point]) && can_draw(figure, area.x[point], area.high[point]);
}

void check(const Figure& figure) {
  bool any = !figure.arrows.empty() || !figure.rasters.empty();
  for (const Raster& raster : figure.rasters)
    if (raster.columns == 0 || raster.values.size() % raster.columns != 0 || raster.values.empty())
      throw InvalidArgument("[to_svg] a raster of ", raster.columns, " columns has ", raster.values.size(),
                            " values; give full rows.");
  for (const Curve& curve : figure.curves) {
    if (curve.x.size() != curve.y.size())
      throw InvalidArgument("[to_svg] curve '", curve.name, "' has ", curve.x.size(), " x and ", curve.y.size(),
                            " y; give as many.");
    for (std::size_t i = 0; i < curve.x.size(); ++i) any = any || can_draw(figure, curve.x[i], curve.y[i]);
  }
  for (const Area& area : figure.areas) {
    if (area.x.size() != area.low.size() || area.x.size() != area.high.size())
      throw InvalidArgument("[to_svg] area '", area.name, "' has ", area.x.size(), " x, ", area.low.size(), " low and ",
                            area.high.size(), " high ends; give as many.");
    for (std::size_t i = 0; i < area.x.size(); ++i) any = any || can_draw(figure, area, i);
  }
  if (!any) throw InvalidArgument("[to_svg] figure '", figure.title, "' has nothing finite to draw.");
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

/// One figure; `index` tells its data from those of others on the sheet.
void write_figure(std::ostream& script, const Figure& figure, std::size_t index) {
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

struct Extent {
  int width, height, rows;
};

Extent extent_of(const Sheet& sheet) {
  const int rows = (static_cast<int>(sheet.figures.size()) + sheet.columns - 1) / sheet.columns;
  return {sheet.figures[0].width * sheet.columns, sheet.figures[0].height * rows, rows};
}

std::string script_of(const Sheet& sheet, const std::string& terminal, const fs::path& out) {
  std::ostringstream script;
  script << "set terminal " << terminal << "\nset output " << quote(out.string()) << "\n";
  if (sheet.figures.size() > 1)
    script << "set multiplot layout " << extent_of(sheet).rows << "," << sheet.columns << "\n";
  for (std::size_t i = 0; i < sheet.figures.size(); ++i) write_figure(script, sheet.figures[i], i);
  if (sheet.figures.size() > 1) script << "unset multiplot\n";
  return script.str();
}

/// A folder of this call alone.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "costate-figure-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw IoError("[to_svg] cannot make a temporary folder in '", fs::temp_directory_path().string(),
                    "': ", std::strerror(errno), ".");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Gnuplot repeats the command before it says what is wrong.
std::string last_line(const std::string& text) {
  std::istringstream lines(text);
  std::string last = "no message";
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(' ') != std::string::npos) last = line;
  return last;
}

void run_gnuplot(const fs::path& script, const fs::path& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::string name = "gnuplot", argument = script.string();
  char* arguments[] = {name.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw IoError("[to_svg] gnuplot cannot be run: ", std::strerror(error), ". Install it (Debian: gnuplot-nox).");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw IoError("[to_svg] lost gnuplot: ", std::strerror(errno), ".");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw IoError("[to_svg] gnuplot failed: ", fs::exists(log) ? last_line(read_file(log)) : "no message", ".");
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

/// What gnuplot draws on its terminal.
std::string drawn(const Sheet& sheet, const std::string& terminal) {
  const TemporaryFolder folder;
  const fs::path script = folder.path() / "figure.gp", out = folder.path() / "figure";
  write_atomically(script, script_of(sheet, terminal, out));
  run_gnuplot(script, folder.path() / "log");
  return read_file(out);
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
