// costate: reads the command line, runs a subcommand, turns errors into one line and an exit code.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "costate/base/base.h"

namespace {

using costate::cli::Action;

constexpr int kBadUsage = 2;
constexpr int kFailed = 1;

int complain(const std::string& message) {
  std::cerr << "costate: error: " << message << "\n";
  return kBadUsage;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// What the user may have meant by a word that no option or subcommand takes.
std::string explain_extra(const CLI::App& app, const std::string& word) {
  if (app.get_subcommands().empty()) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    return costate::text::unknown_name("command", word, names);
  }
  const CLI::App& command = *app.get_subcommands().front();
  if (!word.starts_with("-"))
    return "'" + word + "' is one argument too many for 'costate " + command.get_name() + "'.";
  return costate::text::unknown_name("option", word.substr(0, word.find('=')), option_names(command));
}

/// False if what was printed is lost, on a full disk say. A reader that has seen enough, as in `| head`, loses nothing.
bool printed_all() {
  if (std::cout.flush()) return true;
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLNVAL)) != 0;
}

int run(int argc, char** argv) {
  CLI::App app(
      "Neural ordinary differential equations at native speed: fit continuous-time models to data, and use them.");
  app.set_version_flag("--version", "costate " COSTATE_VERSION);
  app.option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);  // as scripts that append options expect
  app.footer("Run 'costate COMMAND --help' for the options of a command.");
  Action action;
  costate::cli::add_fit(app, action);
  costate::cli::add_forecast(app, action);
  costate::cli::add_simulate(app, action);
  costate::cli::add_bench(app, action);
  costate::cli::add_reproduce(app, action);
  costate::cli::add_info(app, action);
  app.allow_extras();
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) command->allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    return complain(error.what());
  }
  const std::vector<std::string> extras = app.remaining(true);
  if (!extras.empty()) return complain(explain_extra(app, extras.front()));
  if (!action) {
    std::cerr << app.help();
    return kBadUsage;
  }
  const int code = action();
  return printed_all() ? code : complain("cannot write to the standard output; is its disk full?");
}

}  // namespace

int main(int argc, char** argv) {
#ifdef SIGPIPE
  std::signal(SIGPIPE, SIG_IGN);
#endif
  try {
    return run(argc, argv);
  } catch (const costate::Error& error) {
    std::cerr << "costate: error: " << error.what() << "\n";
    return error.info().exit_code;
  } catch (const std::bad_alloc&) {
    std::cerr << "costate: error: out of memory.\n";
    return kFailed;
  } catch (const std::exception& error) {
    std::cerr << "costate: internal error: " << error.what() << "\n";
    return kFailed;
  }
}
