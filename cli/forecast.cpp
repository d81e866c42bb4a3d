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
  const CsvTable table("t\n" + text + "\n", "--until");
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
    SeriesColumns starts{
        .time = columns.time, .states = columns.states, .time_scale = model.time_scale(), .min_samples = 1};
    const CsvTable table = read_csv(arguments.from);  // once: it may be a pipe
    if (!columns.trajectory.empty() && table.has_column(columns.trajectory)) starts.trajectory = columns.trajectory;
    options.starts = series_from_table(table, starts);
  }
  if (!arguments.input.empty()) {
    if (model.input_names().empty()) throw InvalidArgument("--input: the model was fitted without inputs.");
    // The reader wants a state; the inputs are read as such, so that none may be missing in between unnoticed.
    SeriesColumns drive{.time = columns.time, .states = {columns.inputs.front()}, .time_scale = model.time_scale()};
    drive.states = columns.inputs;
    options.drive = read_series(arguments.input, drive);
    for (Trajectory& trajectory : options.drive.trajectories) trajectory.inputs = trajectory.states;
  }
  const TimeSeries series = forecast(model, options);
  const std::filesystem::path out = arguments.out.empty() ? folder.forecast() : std::filesystem::path(arguments.out);
  write_series(out, series, {text::concat("costate forecast ", arguments.run)});
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
                     "CSV file whose first row is the start (where the data end)");
  command.add_option("--input", arguments->input, some_text("a file"),
                     "CSV file of the inputs over the time of the forecast");
  command.add_option("--out", arguments->out, some_text("a file"),
                     "CSV file to write (forecast.csv in the run folder)");
  command.set_footer(
      "Examples:\n  costate forecast runs/lynx --until 1930\n  costate forecast runs/lynx --steps 10 --out next.csv");
}

}  // namespace costate::cli
