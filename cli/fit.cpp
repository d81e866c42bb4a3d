// costate fit: a neural ODE from a CSV file into a run folder.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/models/models.h"
#include "costate/models/normalization.h"
#include "costate/report/report.h"

namespace costate::cli {
namespace {

struct Arguments {
  std::string data;
  std::optional<std::string> out, time, state, input, trajectory, delay, hidden, activation, interpolation, method,
      rtol, atol, adjoint, loss, window, max_windows, optimizer, epochs, polish, learning_rate, batch, seed, hold_out,
      threads;
  bool resume = false, replace = false, quiet = false;
};

volatile std::sig_atomic_t interrupted = 0;

/// The first one lets the epoch end and saves; a second one ends the process.
void interrupt(int signal) {
  interrupted = signal;
  std::signal(signal, SIG_DFL);
}

constexpr IntegerRange kPositive{.low = 1, .high = 1'000'000'000};

FitConfig config_from(const Arguments& a) {
  FitConfig config;
  if (a.data.empty()) throw InvalidArgument("fit needs a CSV file; see 'costate fit --help'.");
  if (!a.time) throw InvalidArgument("fit needs --time COLUMN.");
  if (!a.state) throw InvalidArgument("fit needs --state COLUMN[,COLUMN…].");
  config.data = a.data;
  config.columns.time = *a.time;
  config.columns.states = to_names("--state", *a.state);
  if (a.input) config.columns.inputs = to_names("--input", *a.input);
  if (a.trajectory) config.columns.trajectory = *a.trajectory;
  if (a.delay) config.delay = static_cast<int>(to_integer("--delay", *a.delay, {0, 100}));
  if (a.hold_out) config.hold_out = to_share("--hold-out", *a.hold_out);
  if (a.hidden) config.hidden = to_integers("--hidden", *a.hidden, {1, 65536});
  if (a.activation) config.activation = activation_from_name(*a.activation);
  if (a.interpolation) config.interpolation = interpolation_from_name(*a.interpolation);
  if (a.method) config.method = method_from_name(*a.method);
  if (a.rtol) config.rtol = to_number("--rtol", *a.rtol);
  if (a.atol) config.atol = to_number("--atol", *a.atol);
  if (a.adjoint) config.adjoint = adjoint_from_name(*a.adjoint);
  if (a.loss) config.loss = loss_from_name(*a.loss);
  if (a.window) config.window = to_integer("--window", *a.window, {2, kPositive.high});
  if (a.max_windows) config.max_windows = to_integer("--max-windows", *a.max_windows, kPositive);
  if (a.optimizer) config.optimizer = optimizer_from_name(*a.optimizer);
  if (a.epochs) config.epochs = to_integer("--epochs", *a.epochs, kPositive);
  if (a.polish) config.polish = to_integer("--polish", *a.polish, {0, kPositive.high});
  if (a.learning_rate) config.learning_rate = to_number("--lr", *a.learning_rate);
  if (a.batch) config.batch = to_integer("--batch", *a.batch, kPositive);
  if (a.seed) config.seed = static_cast<std::uint64_t>(to_integer("--seed", *a.seed, {.low = 0}));
  config.check();
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
void check_no_config(const Arguments& a) {
  const std::pair<const char*, const std::optional<std::string>&> options[] = {{"--time", a.time},
                                                                               {"--state", a.state},
                                                                               {"--input", a.input},
                                                                               {"--delay", a.delay},
                                                                               {"--trajectory", a.trajectory},
                                                                               {"--hold-out", a.hold_out},
                                                                               {"--hidden", a.hidden},
                                                                               {"--activation", a.activation},
                                                                               {"--interpolation", a.interpolation},
                                                                               {"--method", a.method},
                                                                               {"--rtol", a.rtol},
                                                                               {"--atol", a.atol},
                                                                               {"--adjoint", a.adjoint},
                                                                               {"--loss", a.loss},
                                                                               {"--window", a.window},
                                                                               {"--max-windows", a.max_windows},
                                                                               {"--optimizer", a.optimizer},
                                                                               {"--epochs", a.epochs},
                                                                               {"--polish", a.polish},
                                                                               {"--lr", a.learning_rate},
                                                                               {"--batch", a.batch},
                                                                               {"--seed", a.seed}};
  for (const auto& [name, value] : options)
    if (value)
      throw InvalidArgument("--resume takes the options of the run from its folder; drop ", name, " ", *value,
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

void add_data_options(CLI::App& command, Arguments& a) {
  command.add_option("data", a.data, "CSV file, one row a sample");
  command.add_option("--time", a.time, "Column of times: numbers, or ISO 8601 dates")->group("Data");
  command
      .add_option("--state", a.state, "Columns of the state, separated by commas; empty cells are left out of the loss")
      ->group("Data");
  command.add_option("--input", a.input, "Columns of inputs that drive the system")->group("Data");
  command.add_option("--trajectory", a.trajectory, "Column that tells trajectories apart")->group("Data");
  command.add_option("--delay", a.delay, "Delayed copies of the state that join it (0)")->group("Data");
  command
      .add_option("--hold-out", a.hold_out,
                  "Share held out to judge the model: the end of one trajectory, the last of several (20%)")
      ->group("Data");
}

void add_model_options(CLI::App& command, Arguments& a) {
  command.add_option("--hidden", a.hidden, "Widths of the hidden layers (64,64)")->group("Model");
  command.add_option("--activation", a.activation, "tanh, relu, softplus, silu, … (tanh)")->group("Model");
  command.add_option("--interpolation", a.interpolation, "Of inputs between samples: linear, hold, cubic (linear)")
      ->group("Model");
  command.add_option("--method", a.method, "Solver: dopri5, tsit5, dopri8, bosh3, rk4, … (dopri5)")->group("Solver");
  command.add_option("--rtol", a.rtol, "Relative tolerance (1e-5)")->group("Solver");
  command.add_option("--atol", a.atol, "Absolute tolerance, in normalized units (1e-6)")->group("Solver");
  command.add_option("--adjoint", a.adjoint, "Gradients: discrete (exact) or backsolve (discrete)")->group("Solver");
}

void add_training_options(CLI::App& command, Arguments& a) {
  command.add_option("--loss", a.loss, "mse, mae or huber (mse)")->group("Training");
  command.add_option("--window", a.window, "Samples of a window of multiple shooting (half a trajectory, at most 50)")
      ->group("Training");
  command
      .add_option("--max-windows", a.max_windows,
                  "Windows that are trained on, spread over the data if there are more (512)")
      ->group("Training");
  command.add_option("--optimizer", a.optimizer, "adam, adamw, sgd or lbfgs (adam)")->group("Training");
  command.add_option("--epochs", a.epochs, "Passes over the windows (500)")->group("Training");
  command
      .add_option("--polish", a.polish,
                  "Further epochs of L-BFGS on all windows, fewer once none lowers the loss (500)")
      ->group("Training");
  command.add_option("--lr", a.learning_rate, "Learning rate, which falls to 1 % of it on half a cosine (0.01)")
      ->group("Training");
  command.add_option("--batch", a.batch, "Windows a step (64)")->group("Training");
  command.add_option("--seed", a.seed, "Seed of weights and order (0)")->group("Training");
  command.add_option("--out", a.out, "Run folder (runs/<name of the data>)")->group("Run");
  command.add_flag("--resume", a.resume, "Continue the run in --out, to the same bits as if it had not stopped")
      ->group("Run");
  command.add_flag("--replace", a.replace, "Remove the run that is in --out first")->group("Run");
  command.add_option("--threads", a.threads, "Threads (all); results do not depend on it")->group("Run");
  command.add_flag("--quiet", a.quiet, "Print nothing but errors")->group("Run");
}

}  // namespace

void add_fit(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("fit", "Fit a neural ODE to time series in a CSV file");
  const auto arguments = std::make_shared<Arguments>();
  add_data_options(*command, *arguments);
  add_model_options(*command, *arguments);
  add_training_options(*command, *arguments);
  command->footer(
      "Examples:\n"
      "  costate fit hare_lynx.csv --time year --state hare,lynx --out runs/lynx\n"
      "  costate fit drive.csv --time t --state mz --input voltage --delay 2\n"
      "  costate fit --resume --out runs/lynx");
  command->callback([arguments, &action] { action = [arguments] { return run(*arguments); }; });
}

}  // namespace costate::cli
