// The subcommands. Each file adds one: its options, its help, and what it does once the command line is read.
#pragma once

#include "cli/command_line.h"

namespace costate::cli {

void add_fit(CommandLine& line);
void add_sweep(CommandLine& line);
void add_look(CommandLine& line);
void add_forecast(CommandLine& line);
void add_export(CommandLine& line);
void add_simulate(CommandLine& line);
void add_bench(CommandLine& line);
void add_reproduce(CommandLine& line);
void add_info(CommandLine& line);
void add_completion(CommandLine& line);

}  // namespace costate::cli
