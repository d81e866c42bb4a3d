// costate simulate: trajectories of a known system, as if measured.
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/places.h"
#include "costate/base/base.h"
#include "costate/data/data.h"
#include "costate/io/io.h"

namespace costate::cli {
namespace {

struct SimulateArguments {
  std::string system, out;
  SimulateOptions options;
  bool list = false;
};

int list_systems() {
  for (const System& system : systems()) {
    std::cout << system.name << "\n    " << system.description << "\n    states:";
    for (const SystemState& state : system.states) std::cout << " " << state.name;
    if (!system.parameters.empty()) std::cout << "; parameters:";
    for (const SystemParameter& parameter : system.parameters)
      std::cout << " " << parameter.name << "=" << parameter.value;
    std::cout << "\n";
  }
  return 0;
}

/// "mu=1.5"
std::optional<SystemParameter> read_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  const std::optional<double> value = number().read(text.substr(equals + 1));
  return value ? std::optional(SystemParameter{text.substr(0, equals), *value}) : std::nullopt;
}

int run(const SimulateArguments& arguments, const std::string& given) {
  if (arguments.list) return list_systems();
  if (arguments.system.empty()) throw InvalidArgument("simulate needs a system; 'costate simulate --list' shows them.");
  if (arguments.out.empty()) throw InvalidArgument("simulate needs --out FILE.");
  check_place("simulate", arguments.out);
  const TimeSeries series = simulate(arguments.system, arguments.options);
  write_series(arguments.out, series, text::concat(given, "\n", find_system(arguments.system).description));
  return 0;
}

}  // namespace

void add_simulate(CommandLine& line) {
  const auto arguments = std::make_shared<SimulateArguments>();
  Command command = line.add_command("simulate", "Simulate a known system and write its trajectories as CSV",
                                     [arguments, &line] { return run(*arguments, line.given()); });
  std::vector<std::string> names;
  for (const System& system : systems()) names.push_back(system.name);
  command.add_positional("system", arguments->system,
                         "Name of the system: pendulum, lotka-volterra, … (--list shows all)", names);
  SimulateOptions& options = arguments->options;
  const OptionType<SystemParameter> assignment{.name = "NAME=NUMBER", .expected = "", .read = read_assignment};
  command.add_option("--out", arguments->out, some_text("a file"), "CSV file to write");
  command.add_option("--trajectories", options.trajectories, integer<int>({1, 1'000'000}), "Number of trajectories");
  command.add_option("--noise", options.noise, number(), "Standard deviation of Gaussian noise on each state");
  command.add_option("--seed", options.seed, integer<std::uint64_t>({.low = 0}), "Seed of starts, times and noise");
  command.add_option("--until", options.until, number(), "Last time (the system's default)");
  command.add_option("--samples", options.samples, integer<int>({2, 100'000'000}),
                     "Samples of each trajectory (the system's default)");
  command.add_option("--start", options.start, list_of(number(), "numbers separated by commas"),
                     "Start state, e.g. 1,0 (drawn for each trajectory)");
  command.add_option("--parameter", options.parameters, list_of(assignment, "assignments such as mu=1.5"),
                     "Parameters in place of the defaults, e.g. mu=2");
  command.add_flag("--irregular", options.irregular, "Draw the times at random instead of evenly");
  command.add_flag("--list", arguments->list, "List the systems with their states and parameters");
  command.set_footer(
      "Example:\n  costate simulate pendulum --trajectories 20 --noise 0.02 --seed 1 --out pendulum.csv");
}

}  // namespace costate::cli
