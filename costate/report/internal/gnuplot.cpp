// The script goes through a file in a temporary folder, never through a shell.
#include "costate/report/internal/gnuplot.h"

#include <filesystem>
#include <sstream>

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "costate/io/files.h"
#include "costate/io/internal/process.h"
#include "costate/report/internal/gnuplot_script.h"

namespace costate::internal {
namespace {

namespace fs = std::filesystem;

/// Gnuplot repeats the command before it says what is wrong.
std::string last_line(const std::string& text) {
  std::istringstream lines(text);
  std::string last = "no message";
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(' ') != std::string::npos) last = line;
  return last;
}

void run_gnuplot(const fs::path& script, const fs::path& log) {
  if (run_program("to_svg", {"gnuplot", script.string()}, log, "Install it (Debian: gnuplot-nox).") != 0)
    throw IoError("[to_svg] gnuplot failed: ", fs::exists(log) ? last_line(read_file(log)) : "no message", ".");
}

}  // namespace

std::string drawn(const Sheet& sheet, const std::string& terminal) {
  const TemporaryFolder folder("to_svg");
  const fs::path script = folder.path() / "figure.gp", out = folder.path() / "figure";
  write_atomically(script, script_of(sheet, terminal, out));
  run_gnuplot(script, folder.path() / "log");
  return read_file(out);
}

}  // namespace costate::internal
