#include "costate/io/internal/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "costate/base/error.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace costate::internal {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(const std::string& who) {
  std::string pattern = (fs::temp_directory_path() / "costate-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw IoError("[", who, "] cannot make a temporary folder in '", fs::temp_directory_path().string(),
                  "': ", std::strerror(errno), ".");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

int run_program(const std::string& who, std::vector<std::string> arguments, const fs::path& log,
                const std::string& cure) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw IoError("[", who, "] ", arguments[0], " cannot be run: ", std::strerror(error), ". ", cure);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw IoError("[", who, "] lost ", arguments[0], ": ", std::strerror(errno), ".");
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace costate::internal
