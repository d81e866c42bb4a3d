// costate: reads the command line, runs a subcommand, turns errors into one line and an exit code.
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/ranks.h"
#include "costate/base/version.h"

namespace {

namespace cli = costate::cli;

constexpr int kBadUsage = 2;

/// False if what was printed is lost, on a full disk say. A reader that has seen enough, as in `| head`, loses nothing.
bool printed_all() {
  if (std::cout.flush()) return true;
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLNVAL)) != 0;
}

int run(int argc, char** argv) {
  cli::CommandLine line(
      "Neural ordinary differential equations at native speed: fit continuous-time models to data, and use them.",
      "costate " + costate::version(), "Run 'costate COMMAND --help' for the options of a command.");
  for (const auto add : {cli::add_fit, cli::add_sweep, cli::add_look, cli::add_forecast, cli::add_export,
                         cli::add_simulate, cli::add_bench, cli::add_reproduce, cli::add_info, cli::add_completion})
    add(line);
  const std::optional<cli::Action> action = line.parse(argc, argv);
  if (!action) return 0;
  if (!*action) {
    std::cerr << line.help();
    return kBadUsage;
  }
  const int code = (*action)();
  if (printed_all()) return code;
  std::cerr << cli::kErrorPrefix << "cannot write to the standard output; is its disk full?\n";
  return kBadUsage;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef SIGPIPE
  std::signal(SIGPIPE, SIG_IGN);
#endif
  cli::print_on_first_rank();
  try {
    return run(argc, argv);
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    try {
      // mpirun ends all ranks at the first one that fails, maybe before the one that prints has printed.
      return cli::on_ranks([&] { return cli::report(error); });
    } catch (...) {
      return cli::report(error);
    }
  }
}
