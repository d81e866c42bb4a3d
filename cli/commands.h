// The subcommands. Each file adds one: its options, its help, and what it does once the command line is read.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace costate::cli {

/// What the chosen subcommand does; returns the exit code.
using Action = std::function<int()>;

void add_fit(CLI::App& app, Action& action);
void add_forecast(CLI::App& app, Action& action);
void add_simulate(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_reproduce(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);

}  // namespace costate::cli
