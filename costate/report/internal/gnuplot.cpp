// The script goes through a file in a temporary folder, never through a shell.
#include "costate/report/internal/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "costate/io/files.h"
#include "costate/report/internal/gnuplot_script.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace costate::internal {
namespace {

namespace fs = std::filesystem;

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
}  // namespace

std::string drawn(const Sheet& sheet, const std::string& terminal) {
  const TemporaryFolder folder;
  const fs::path script = folder.path() / "figure.gp", out = folder.path() / "figure";
  write_atomically(script, script_of(sheet, terminal, out));
  run_gnuplot(script, folder.path() / "log");
  return read_file(out);
}

}  // namespace costate::internal
