// costate fit: a neural ODE from a CSV file into a run folder.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/fit_flags.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "cli/stop_signal.h"
#include "costate/base/base.h"
#include "costate/base/interrupt.h"
#include "costate/io/io.h"
#include "costate/report/report.h"
#include "costate/series/fit_config_options.h"
#include "costate/series/normalization.h"
#include "costate/series/series.h"

namespace costate::cli {
namespace {

struct FitArguments {
  FitConfig config;
  std::vector<std::string> given;  // of fit_config_options(): "--epochs 9"
  std::string out;
  std::optional<int> threads;
  Device device = Device::kCpu;
  bool resume = false, replace = false, quiet = false;
};

/// The units in which the network works.
void print_units(const FitResult& result) {
  const Normalization& units = result.model().normalization();
  std::cout << "normalized: ";
  for (std::size_t k = 0; k < result.config.model.columns.states.size(); ++k)
    std::cout << result.model().state_names()[k] << " (mean " << std::setprecision(4) << units.state_offset[k]
              << ", deviation " << units.state_scale[k] << "), ";
  std::cout << result.series.time_name << " in units of " << units.time_scale << "\n";
}

/// What prints the lines about the data, which come before the first epoch's; nothing if it is to be quiet.
std::function<void(const std::string&)> lines_printer(bool is_quiet) {
  if (is_quiet) return {};
  return [](const std::string& lines) { std::cout << lines << std::flush; };
}

/// What was chosen, and what it is worth.
void print_verdict(const FitResult& result) {
  std::cout << "chosen: " << result.chosen.candidate.text() << "\n";
  if (const std::string early = early_ends_text(result.trials, result.config); !early.empty())
    std::cout << early << "\n";
  for (const std::optional<Verdict>* verdict : {&result.verdict, &result.verdict_unknown})
    if (*verdict) {
      const std::string inputs = inputs_text(**verdict);
      std::cout << (inputs.empty() ? "" : inputs + ":\n") << format_table(**verdict) << "\n";
    }
  for (const std::optional<Verdict>* verdict : {&result.verdict, &result.verdict_unknown})
    if (*verdict)
      for (const std::string& sentence : (*verdict)->sentences) std::cout << sentence << "\n";
  if (result.coverage) std::cout << result.coverage->text() << "\n";
}

/// What a fit cannot do without.
void check_is_complete(const FitConfig& config) {
  if (config.data.empty()) throw InvalidArgument("fit needs a CSV file; see 'costate fit --help'.");
  const SeriesColumns& columns = config.model.columns;
  const bool lacks_columns = !columns.has_times() || columns.states.empty();
  if (lacks_columns && !std::filesystem::exists(config.data)) read_file(config.data);  // says so
  if (!columns.has_times())
    throw InvalidArgument(
        "fit needs --time COLUMN, or --step or --rate if the file has no times; 'costate look FILE' proposes one.");
  if (columns.states.empty())
    throw InvalidArgument("fit needs --state COLUMN[,COLUMN…]; 'costate look FILE' proposes some.");
}

/// The share that is held out by default gives way to a file that judges; one that was asked for does not.
void check_test_is_one(const FitArguments& arguments) {
  const bool asks =
      std::ranges::any_of(arguments.given, [](const std::string& given) { return given.starts_with("--hold-out "); });
  if (asks && !arguments.config.judge.empty())
    throw InvalidArgument("a file that judges is the whole test; give either --judge or --hold-out.");
}

/// The config of the run to resume; none of it may come from the command line.
FitConfig resumed_config(const FitArguments& arguments) {
  if (!arguments.given.empty())
    throw InvalidArgument("--resume takes the options of the run from its folder; drop ", arguments.given.front(),
                          ", or begin a new run with it.");
  return read_fit_config(RunFolder::open(arguments.out));
}

std::string stopped_text(const std::filesystem::path& folder) {
  return text::concat("stopped early; continue with 'costate fit --resume --out ", folder.string(), "'\n");
}

/// Fits and writes the report. The first signal lets epochs end and saves; where that takes too long nothing is
/// returned, and the fit goes on from its checkpoints. Ranks of mpirun wait for each other, and have its patience.
std::optional<FitResult> fit_until_stopped(const FitArguments& arguments, const FitConfig& config,
                                           const std::filesystem::path& folder) {
  const RunMode mode = arguments.resume ? RunMode::kResume : arguments.replace ? RunMode::kReplace : RunMode::kNew;
  watch_stop_signals();
  StopDeadline deadline;
  const InterruptScope scope([&deadline, is_alone = num_ranks() == 1] {
    if (is_alone) deadline.check();
  });
  Progress progress(arguments.quiet ? Progress::Volume::kQuiet : Progress::Volume::kNormal);
  try {
    FitResult result = fit_run(config, folder, mode,
                               {.device = arguments.device,
                                .on_epoch = [&](const FitProgress& p) { progress.show(p); },
                                .should_stop = [] { return stop_signal() != 0; }},
                               lines_printer(arguments.quiet));
    if (this_rank() == 0) {
      const CommunicatorPause alone;
      write_fit_report(RunFolder::open(folder).report(), result);
    }
    return result;
  } catch (const StoppedBySignal&) {
    if (arguments.quiet) return std::nullopt;
    std::cout << (RunFolder::is_run(folder) ? stopped_text(folder) : "stopped before anything was trained\n");
    return std::nullopt;
  }
}

int run(const FitArguments& arguments) {
  if (arguments.threads) set_num_threads(*arguments.threads);
  if (arguments.resume && arguments.replace) throw InvalidArgument("--resume and --replace exclude each other.");
  if (arguments.resume && arguments.out.empty())
    throw InvalidArgument("--resume needs --out DIR, the folder of the run.");
  const bool reads_config = arguments.resume && arguments.config.data.empty();
  if (!reads_config) check_is_complete(arguments.config);
  check_test_is_one(arguments);
  const FitConfig config = reads_config ? resumed_config(arguments) : arguments.config;
  const std::filesystem::path folder = arguments.out.empty()
                                           ? std::filesystem::path("runs") / std::filesystem::path(config.data).stem()
                                           : std::filesystem::path(arguments.out);
  const std::optional<FitResult> ended = fit_until_stopped(arguments, config, folder);
  if (!ended) return 128 + stop_signal();
  const FitResult& result = *ended;
  const RunFolder run = RunFolder::open(folder);
  if (!arguments.quiet) {
    if (result.windows.trained < result.windows.all)
      std::cout << result.windows.text() << "; --max-windows sets how many\n";
    print_units(result);
    print_verdict(result);
    if (std::filesystem::exists(run.stopped()))
      std::cout << "the time was up; after which epochs stands in " << run.stopped().string()
                << ", by which --resume gives the same model. Remove it to train on\n";
    if (result.was_stopped) std::cout << stopped_text(folder);
    std::cout << "report: " << run.report().string() << "\n";
  }
  return stop_signal() != 0 ? 128 + stop_signal() : 0;
}

OptionType<Device> device_name() {
  return {.name = "TEXT", .expected = "cpu or cuda", .read = device_from_name, .choices = {"cpu", "cuda"}};
}

void add_options(Command& command, FitArguments& arguments) {
  command.add_positional("data", arguments.config.data, "CSV file, or .csv.gz, .npy, .npz, .mat");
  add_fit_flags(command, arguments.config, arguments.given, [](const FitConfigOption&) { return true; });
  command.add_option("--out", arguments.out, some_text("a folder"), "Run folder (runs/<name of the data>)", "Run");
  command.add_flag("--resume", arguments.resume, "Continue the run in --out, to the same bits as if it had not stopped",
                   "Run");
  command.add_flag("--replace", arguments.replace, "Remove the run that is in --out first", "Run");
  command.add_option("--threads", arguments.threads, thread_count(), "Threads (all); results do not depend on it",
                     "Run");
  command.add_option("--device", arguments.device, device_name(),
                     "Where the training's solves run: cpu, or cuda, which is experimental (cpu)", "Run");
  command.add_flag("--quiet", arguments.quiet, "Print nothing but errors", "Run");
}

}  // namespace

void add_fit(CommandLine& line) {
  const auto arguments = std::make_shared<FitArguments>();
  Command command = line.add_command("fit", "Fit a neural ODE to time series in a CSV file",
                                     [arguments] { return on_ranks([arguments] { return run(*arguments); }); });
  add_options(command, *arguments);
  command.set_footer(
      "Examples:\n"
      "  costate fit hare_lynx.csv --time year --state hare,lynx --out runs/lynx\n"
      "  costate simulate driven-oscillator --out driven.csv\n"
      "  costate fit driven.csv --time t --state x,v --input u\n"
      "  costate fit --resume --out runs/lynx\n"
      "  mpirun -n 4 costate fit --resume --out runs/lynx");
}

}  // namespace costate::cli
