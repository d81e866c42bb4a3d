// costate simulate: trajectories of a known system, as if measured.
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "costate/base/base.h"
#include "costate/data/data.h"
#include "costate/io/io.h"

namespace costate::cli {
namespace {

struct Arguments {
  std::string system, out;
  std::optional<std::string> trajectories, noise, seed, until, samples, start, parameters;
  bool irregular = false, list = false;
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

std::vector<SystemParameter> to_parameters(const std::string& text) {
  std::vector<SystemParameter> parameters;
  for (const std::string& assignment : to_names("--parameter", text)) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InvalidArgument("--parameter takes assignments such as mu=1.5; got '", assignment, "'.");
    parameters.push_back({assignment.substr(0, equals), to_number("--parameter", assignment.substr(equals + 1))});
  }
  return parameters;
}

SimulateOptions to_options(const Arguments& arguments) {
  SimulateOptions options;
  if (arguments.trajectories)
    options.trajectories = static_cast<int>(to_integer("--trajectories", *arguments.trajectories, {1, 1'000'000}));
  if (arguments.noise) options.noise = to_number("--noise", *arguments.noise);
  if (arguments.seed) options.seed = static_cast<std::uint64_t>(to_integer("--seed", *arguments.seed, {.low = 0}));
  if (arguments.until) options.until = to_number("--until", *arguments.until);
  if (arguments.samples)
    options.samples = static_cast<int>(to_integer("--samples", *arguments.samples, {2, 100'000'000}));
  if (arguments.start)
    for (const std::string& value : to_names("--start", *arguments.start))
      options.start.push_back(to_number("--start", value));
  if (arguments.parameters) options.parameters = to_parameters(*arguments.parameters);
  options.irregular = arguments.irregular;
  return options;
}

int run(const Arguments& arguments) {
  if (arguments.list) return list_systems();
  if (arguments.system.empty()) throw InvalidArgument("simulate needs a system; 'costate simulate --list' shows them.");
  if (arguments.out.empty()) throw InvalidArgument("simulate needs --out FILE.");
  const SimulateOptions options = to_options(arguments);
  const TimeSeries series = simulate(arguments.system, options);
  write_series(arguments.out, series,
               {text::concat("costate simulate ", arguments.system, " --trajectories ", options.trajectories,
                             " --noise ", options.noise, " --seed ", options.seed),
                find_system(arguments.system).description});
  return 0;
}

}  // namespace

void add_simulate(CommandLine& line) {
  const auto arguments = std::make_shared<Arguments>();
  Command command = line.add_command("simulate", "Simulate a known system and write its trajectories as CSV",
                                     [arguments] { return run(*arguments); });
  command.add_positional("system", arguments->system,
                         "Name of the system: pendulum, lotka-volterra, … (--list shows all)");
  command.add_option("--out", arguments->out, "CSV file to write");
  command.add_option("--trajectories", arguments->trajectories, "Number of trajectories (1)");
  command.add_option("--noise", arguments->noise, "Standard deviation of Gaussian noise on each state (0)");
  command.add_option("--seed", arguments->seed, "Seed of starts, times and noise (0)");
  command.add_option("--until", arguments->until, "Last time (the system's default)");
  command.add_option("--samples", arguments->samples, "Samples of each trajectory (the system's default)");
  command.add_option("--start", arguments->start, "Start state, e.g. 1,0 (drawn for each trajectory)");
  command.add_option("--parameter", arguments->parameters, "Parameters in place of the defaults, e.g. mu=2");
  command.add_flag("--irregular", arguments->irregular, "Draw the times at random instead of evenly");
  command.add_flag("--list", arguments->list, "List the systems with their states and parameters");
  command.set_footer(
      "Example:\n  costate simulate pendulum --trajectories 20 --noise 0.02 --seed 1 --out pendulum.csv");
}

}  // namespace costate::cli
