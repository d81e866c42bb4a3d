// costate fit: a neural ODE from a CSV file into a run folder.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/report/report.h"
#include "costate/series/fit_options.h"
#include "costate/series/normalization.h"
#include "costate/series/series.h"

namespace costate::cli {
namespace {

struct Arguments {
  std::string data;
  std::map<std::string, std::optional<std::string>> options;  // by flag; each row of fit_options() has one
  std::optional<std::string> out, threads;
  bool resume = false, replace = false, quiet = false;
};

volatile std::sig_atomic_t interrupted = 0;

/// The first one lets the epoch end and saves; a second one ends the process.
void interrupt(int signal) {
  interrupted = signal;
  std::signal(signal, SIG_DFL);
}

ConfigValue read(const FitOption& option, const std::string& text) {
  switch (option.kind) {
    case OptionKind::kText:
    case OptionKind::kChoice:
      return text;
    case OptionKind::kNames:
      return to_names(option.flag, text);
    case OptionKind::kInteger:
      return to_integer(option.flag, text);
    case OptionKind::kNumber:
      return to_number(option.flag, text);
    case OptionKind::kShare:
      return to_share(option.flag, text);
    case OptionKind::kIntegers: {
      const std::vector<std::int64_t> numbers = to_integers(option.flag, text);
      return std::vector<double>(numbers.begin(), numbers.end());
    }
    case OptionKind::kNumbers:
      break;
  }
  throw InternalError("[fit] no flag takes such an option.");
}

FitConfig config_from(const Arguments& arguments) {
  FitConfig config;
  if (arguments.data.empty()) throw InvalidArgument("fit needs a CSV file; see 'costate fit --help'.");
  if (!arguments.options.at("--time")) throw InvalidArgument("fit needs --time COLUMN.");
  if (!arguments.options.at("--state")) throw InvalidArgument("fit needs --state COLUMN[,COLUMN…].");
  config.data = arguments.data;
  for (const FitOption& option : fit_options()) {
    if (option.doors == OptionDoors::kFile || !arguments.options.at(option.flag)) continue;
    const std::string& text = *arguments.options.at(option.flag);
    const ConfigValue value = read(option, text);
    if (!option.allows(value)) throw InvalidArgument(option.flag, " takes ", option.rule(), "; got '", text, "'.");
    option.access.set(config, value);
  }
  return config;
}

/// The units in which the network works.
void print_units(const FitResult& result) {
  const Normalization& units = result.model.normalization();
  std::cout << "normalized: ";
  for (std::size_t k = 0; k < result.model.config().columns.states.size(); ++k)
    std::cout << result.model.state_names()[k] << " (mean " << std::setprecision(4) << units.state_offset[k]
              << ", deviation " << units.state_scale[k] << "), ";
  std::cout << result.model.config().columns.time << " in units of " << units.time_scale << "\n";
}

void print_errors(const FitResult& result) {
  if (result.errors.empty()) return;
  const std::vector<std::string>& states = result.model.config().columns.states;
  std::size_t longest = 12;
  for (const std::string& state : states) longest = std::max(longest, state.size());
  const int width = static_cast<int>(longest) + 2;
  std::cout << "hold-out error (root mean square, in the data's units)\n" << std::left << std::setw(14) << "";
  for (const std::string& state : states) std::cout << std::setw(width) << state;
  std::cout << "relative\n";
  for (const ForecastError& error : result.errors) {
    std::cout << std::setw(14) << error.model << std::setprecision(4);
    for (const double rmse : error.rmse) std::cout << std::setw(width) << rmse;
    std::cout << error.relative << "\n";
  }
}

/// What a resumed run takes from its folder, not from the command line.
void check_no_config(const Arguments& arguments) {
  for (const auto& [flag, text] : arguments.options)
    if (text)
      throw InvalidArgument("--resume takes the options of the run from its folder; drop ", flag, " ", *text,
                            ", or begin a new run with it.");
}

int run(const Arguments& arguments) {
  if (arguments.threads) set_num_threads(static_cast<int>(to_integer("--threads", *arguments.threads, {1, 1024})));
  if (arguments.resume && arguments.replace) throw InvalidArgument("--resume and --replace exclude each other.");
  if (arguments.out && arguments.out->empty()) throw InvalidArgument("--out takes a folder; got ''.");
  if (arguments.resume && !arguments.out) throw InvalidArgument("--resume needs --out DIR, the folder of the run.");
  const bool reads_config = arguments.resume && arguments.data.empty();
  if (reads_config) check_no_config(arguments);
  const FitConfig config = reads_config ? read_fit_config(RunFolder::open(*arguments.out)) : config_from(arguments);
  const std::filesystem::path folder = arguments.out
                                           ? std::filesystem::path(*arguments.out)
                                           : std::filesystem::path("runs") / std::filesystem::path(config.data).stem();
  const RunMode mode = arguments.resume ? RunMode::kResume : arguments.replace ? RunMode::kReplace : RunMode::kNew;

  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  Progress progress(arguments.quiet ? Progress::Volume::kQuiet : Progress::Volume::kNormal);
  const FitResult result = fit_run(
      config, folder, mode,
      {.on_epoch = [&](const FitProgress& p) { progress.show(p); }, .should_stop = [] { return interrupted != 0; }});
  const RunFolder run = RunFolder::open(folder);
  write_fit_report(run.report(), result);
  if (!arguments.quiet) {
    if (result.windows.trained < result.windows.all)
      std::cout << result.windows.text() << "; --max-windows sets how many\n";
    print_units(result);
    print_errors(result);
    if (interrupted != 0)
      std::cout << "stopped early; continue with 'costate fit --resume --out " << folder.string() << "'\n";
    std::cout << "report: " << run.report().string() << "\n";
  }
  return interrupted != 0 ? 128 + interrupted : 0;
}

std::string help_of(const FitOption& option) {
  const std::string value = option.default_text();
  return value.empty() ? option.help : text::concat(option.help, " (", value, ")");
}

void add_options(Command& command, Arguments& arguments) {
  command.add_positional("data", arguments.data, "CSV file, one row a sample");
  for (const FitOption& option : fit_options())
    if (option.doors != OptionDoors::kFile)
      command.add_option(option.flag, arguments.options[option.flag], help_of(option), option.group);
  command.add_option("--out", arguments.out, "Run folder (runs/<name of the data>)", "Run");
  command.add_flag("--resume", arguments.resume, "Continue the run in --out, to the same bits as if it had not stopped",
                   "Run");
  command.add_flag("--replace", arguments.replace, "Remove the run that is in --out first", "Run");
  command.add_option("--threads", arguments.threads, "Threads (all); results do not depend on it", "Run");
  command.add_flag("--quiet", arguments.quiet, "Print nothing but errors", "Run");
}

}  // namespace

void add_fit(CommandLine& line) {
  const auto arguments = std::make_shared<Arguments>();
  Command command =
      line.add_command("fit", "Fit a neural ODE to time series in a CSV file", [arguments] { return run(*arguments); });
  add_options(command, *arguments);
  command.set_footer(
      "Examples:\n"
      "  costate fit hare_lynx.csv --time year --state hare,lynx --out runs/lynx\n"
      "  costate fit drive.csv --time t --state mz --input voltage --delay 2\n"
      "  costate fit --resume --out runs/lynx");
}

}  // namespace costate::cli
