// costate look: what a file holds, and the command that would fit it. Nothing is trained.
#include "costate/series/look.h"

#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/fit_flags.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/series/fit_run.h"

namespace costate::cli {
namespace {

struct LookArguments {
  FitConfig config;
  std::vector<std::string> given;
};

int run(const LookArguments& arguments) {
  FitConfig config = arguments.config;
  if (config.data.empty()) throw InvalidArgument("look needs a file; see 'costate look --help'.");
  SeriesColumns& columns = config.model.columns;
  const CsvTable table = read_table(config.data, columns.layout);
  columns = guess_columns(table, columns);
  std::cout << describe(table, columns);
  if (!columns.has_times()) {
    std::cout
        << "no column looks like times, so rows are taken to be 1 apart; name it with --time, or say how far apart "
           "they are with --step\n";
    columns.step = 1;
  }
  std::cout << std::flush;
  if (columns.states.empty())
    throw DataError("[look] no column is left to be a state; name those of numbers with --state.");
  const TimeSeries series = series_from_table(table, columns);
  const PreparedSeries prepared = prepare_fit(series, config, read_judge(config, series));
  std::cout << describe_outliers(prepared) << describe(prepared);
  const std::string rivals = describe_rivals(prepared);
  if (!rivals.empty()) std::cout << "errors of forecasts without a model, in deviations:\n" << rivals;
  std::cout << "to fit it: " << fit_command(config) << "\n";
  return 0;
}

}  // namespace

void add_look(CommandLine& line) {
  const auto arguments = std::make_shared<LookArguments>();
  Command command = line.add_command("look", "Say what a file holds and how it would be fitted, without training",
                                     [arguments] { return run(*arguments); });
  command.add_positional("data", arguments->config.data, "CSV file, or .csv.gz, .npy, .npz, .mat");
  add_fit_flags(command, arguments->config, arguments->given,
                [](const FitConfigOption& option) { return option.section == "data" || option.key == "clock"; });
  command.set_footer(
      "Roles that are not given are guessed.\n"
      "Examples:\n  costate look hare_lynx.csv\n  costate simulate driven-oscillator --out driven.csv\n"
      "  costate look driven.csv --time t --state x,v --input u");
}

}  // namespace costate::cli
