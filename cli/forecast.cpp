// costate forecast: a fitted model run on.
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/series/series.h"

namespace costate::cli {
namespace {

struct Arguments {
  std::string run, until, from, input, out;
  std::optional<std::int64_t> steps;
};

/// A number, or a date on the axis of the model's times.
double to_time(const std::string& text, const SeriesModel& model) {
  if (model.time_scale().unit.empty()) return read_option("--until", number(), text);
  const CsvTable table({"t"}, {{text}}, "--until");
  return table.times("t", model.time_scale()).values[0];
}

int run(const Arguments& arguments) {
  if (arguments.run.empty()) throw InvalidArgument("forecast needs the folder of a run.");
  const RunFolder folder = RunFolder::open(arguments.run);
  const SeriesModel model = SeriesModel::load(folder.model());
  const SeriesColumns& columns = model.options().columns;
  ForecastOptions options;
  if (!arguments.until.empty()) options.until = to_time(arguments.until, model);
  options.steps = arguments.steps;
  if (!arguments.from.empty()) {
    SeriesColumns starts = columns;
    starts.inputs.clear();
    starts.covariates.clear();
    starts.events.clear();
    starts.time_scale = model.time_scale();
    starts.min_samples = 1;
    const CsvTable table = read_table(arguments.from, columns.layout);  // once: it may be a pipe
    for (const std::string& name : table.columns_of(columns.trajectory))
      if (!table.has_column(name)) starts.trajectory.clear();
    options.starts = series_from_table(table, starts);
  }
  if (!arguments.input.empty()) {
    if (model.input_names().empty() && !model.has_events())
      throw InvalidArgument("--input: the model was fitted without inputs and events.");
    // The reader wants a state; the inputs are read as such, so that none may be missing in between unnoticed.
    SeriesColumns drive = columns;
    drive.states = columns.inputs;
    drive.inputs.clear();
    drive.covariates.clear();
    drive.trajectory.clear();
    drive.time_scale = model.time_scale();
    if (columns.inputs.empty()) drive.min_samples = 1;
    options.drive = read_series(arguments.input, drive);
    for (Trajectory& trajectory : options.drive.trajectories) trajectory.inputs = trajectory.states;
  }
  TimeSeries series = forecast(model, options);
  series.trajectory_name = columns.trajectory;
  const std::filesystem::path out = arguments.out.empty() ? folder.ahead() : std::filesystem::path(arguments.out);
  std::error_code ignored;
  if (std::filesystem::equivalent(out, folder.forecast(), ignored))
    throw InvalidArgument("--out: '", out.string(),
                          "' holds what the fit forecast of its held-out samples; choose another file.");
  write_series(out, series, text::concat("costate forecast ", arguments.run));
  if (out != "/dev/stdout") std::cout << "forecast: " << out.string() << "\n";
  return 0;
}

}  // namespace

void add_forecast(CommandLine& line) {
  const auto arguments = std::make_shared<Arguments>();
  Command command = line.add_command("forecast", "Run a fitted model on, beyond its data or from a given start",
                                     [arguments] { return run(*arguments); });
  command.add_positional("run", arguments->run, "Folder of the run");
  command.add_option("--until", arguments->until, some_text("a number or a date"),
                     "Last time, a number or a date as in the data");
  command.add_option("--steps", arguments->steps, integer<std::int64_t>({.low = 1}),
                     "Number of samples, at the spacing of the data");
  command.add_option("--from", arguments->from, some_text("a file"),
                     "File whose first row is the start (where the data end)");
  command.add_option("--input", arguments->input, some_text("a file"),
                     "File of the inputs, or of the events, over the time of the forecast");
  command.add_option("--out", arguments->out, some_text("a file"),
                     "CSV file to write (forecast-ahead.csv in the run folder)");
  command.set_footer(
      "Examples:\n  costate forecast runs/lynx --until 1930\n  costate forecast runs/lynx --steps 10 --out next.csv");
}

}  // namespace costate::cli
