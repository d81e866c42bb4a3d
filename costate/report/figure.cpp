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

bool can_draw(const Figure& figure, double x, double y) {
  return std::isfinite(x) && std::isfinite(y) && (figure.y_scale == Scale::kLinear || y > 0);
}

void check(const Figure& figure) {
  bool any = !figure.arrows.empty();
  for (const Curve& curve : figure.curves) {
    if (curve.x.size() != curve.y.size())
      throw InvalidArgument("[to_svg] curve '", curve.name, "' has ", curve.x.size(), " x and ", curve.y.size(),
                            " y; give as many.");
    for (std::size_t i = 0; i < curve.x.size(); ++i) any = any || can_draw(figure, curve.x[i], curve.y[i]);
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
    case Mark::kSteps:
      return "with steps lw 1.5" + color;
  }
  throw InternalError("[to_svg] no such mark.");
}

void write_data(std::ostream& script, const Figure& figure, const Curve& curve, std::size_t index) {
  script << "$curve" << index << " << EOD\n";
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (can_draw(figure, curve.x[i], curve.y[i]))
      script << number(curve.x[i]) << " " << number(curve.y[i]) << "\n";
    else
      script << "\n";  // a gap
  }
  script << "EOD\n";
}

std::string script_of(const Figure& figure, const std::string& id, const fs::path& out) {
  std::ostringstream script;
  script << "set terminal svg size " << figure.width << "," << figure.height
         << " dynamic enhanced font 'sans-serif,13' name " << quote(id) << " background rgb 'white'\n"
         << "set output " << quote(out.string()) << "\n"
         << "set title " << quote(figure.title) << " noenhanced\n"
         << "set xlabel " << quote(figure.x_label) << " noenhanced\n"
         << "set ylabel " << quote(figure.y_label) << " noenhanced\n"
         << "set border 3 lc rgb '#555555'\nset tics nomirror out\nset grid lc rgb '#dddddd' lt 1 lw 0.5\n"
         << "set key outside top right horizontal noenhanced\nset samples 2\n";
  if (figure.y_scale == Scale::kLog) script << "set logscale y\nset format y '10^{%L}'\n";
  if (figure.aspect == Aspect::kEqual) script << "set size ratio -1\n";
  for (std::size_t i = 0; i < figure.bands.size(); ++i) {
    const Band& band = figure.bands[i];
    script << "set object " << i + 1 << " rectangle from first " << number(band.from) << ", graph 0 to first "
           << number(band.to) << ", graph 1 behind fc rgb '#eeeeee' fs solid noborder\n"
           << "set label " << i + 1 << " " << quote(band.name) << " at first " << number(band.from)
           << ", graph 0.95 offset character 0.5,0 tc rgb '#555555' noenhanced front\n";
  }
  for (std::size_t i = 0; i < figure.curves.size(); ++i) write_data(script, figure, figure.curves[i], i);
  std::vector<std::string> plots;
  if (!figure.arrows.empty()) {
    script << "$arrows << EOD\n";
    for (const Arrow& arrow : figure.arrows)
      script << number(arrow.x) << " " << number(arrow.y) << " " << number(arrow.dx) << " " << number(arrow.dy) << "\n";
    script << "EOD\n";
    plots.push_back("$arrows using 1:2:3:4 with vectors filled head size graph 0.008,20 lw 1 lc rgb '#aaaaaa' notitle");
  }
  for (std::size_t i = 0; i < figure.curves.size(); ++i) {
    const Curve& curve = figure.curves[i];
    const std::string title = curve.name.empty() ? "notitle" : "title " + quote(curve.name);
    plots.push_back(text::concat("$curve", i, " using 1:2 ", style_of(curve), " ", title));
  }
  script << "plot " << text::join(plots, ", ") << "\n";
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
    throw IoError("[to_svg] gnuplot failed: ", fs::exists(log) ? read_file(log) : std::string("no message"));
}

/// Only the svg element: a page has one XML declaration at most.
std::string element_of(const std::string& svg) {
  const std::size_t begin = svg.find("<svg");
  if (begin == std::string::npos) throw IoError("[to_svg] gnuplot drew no SVG.");
  return svg.substr(begin);
}

}  // namespace

std::string to_svg(const Figure& figure, const std::string& id) {
  check(figure);
  const TemporaryFolder folder;
  const fs::path script = folder.path() / "figure.gp", out = folder.path() / "figure.svg";
  write_atomically(script, script_of(figure, id, out));
  run_gnuplot(script, folder.path() / "log");
  std::string svg = element_of(read_file(out));
  // gnuplot's own ids repeat from picture to picture.
  for (const char* own : {"gpDot", "gpPt", "textbox", "greybox", "gnuplot_canvas"}) {
    const std::string from = own, to = id + "-" + own;
    for (std::size_t at = svg.find(from); at != std::string::npos; at = svg.find(from, at + to.size()))
      svg.replace(at, from.size(), to);
  }
  return svg;
}

}  // namespace costate
