#include "cli/processes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <system_error>
#include <thread>

#include "costate/base/base.h"

extern char** environ;

namespace costate::cli {
namespace {

/// Of a C array that ends with null.
std::vector<char*> pointers_of(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Without what mpirun has put there.
std::vector<std::string> plain_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!text.starts_with("OMPI_") && !text.starts_with("PMIX_") && !text.starts_with("PRTE_")) kept.push_back(text);
  }
  return kept;
}

/// Between fork and exec only what signal handlers may do is allowed: all is made ready before.
::pid_t start(ChildProgram program) {
  std::vector<std::string> environment = plain_environment();
  const std::vector<char*> arguments = pointers_of(program.arguments), variables = pointers_of(environment);
  const int log = ::open(program.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (log < 0)
    throw IoError("[sweep] cannot write '", program.log.string(), "': ", std::generic_category().message(errno), ".");
  const ::pid_t parent = ::getpid(), child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(128 + SIGTERM);  // it died before
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ::close(log);
  if (child < 0) throw IoError("[sweep] cannot start a process: ", std::generic_category().message(errno), ".");
  return child;
}

}  // namespace

void run_children(std::size_t count, std::size_t at_once, const std::function<ChildProgram(std::size_t)>& program,
                  const std::function<int()>& stop, const std::function<void(std::size_t, int code)>& ended) {
  std::map<::pid_t, std::size_t> running;
  std::size_t next = 0;
  bool has_passed_on = false;
  while (!running.empty() || (next < count && stop() == 0)) {
    while (running.size() < at_once && next < count && stop() == 0) {
      running.emplace(start(program(next)), next);
      ++next;
    }
    if (stop() != 0 && !has_passed_on) {
      for (const auto& [child, index] : running) ::kill(child, stop());
      has_passed_on = true;
    }
    int status = 0;
    const ::pid_t child = ::waitpid(-1, &status, WNOHANG);
    const auto found = running.find(child);
    if (found == running.end()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a signal of ours ends the sleep
      continue;
    }
    const std::size_t index = found->second;
    running.erase(found);
    ended(index, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

std::string this_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace costate::cli
