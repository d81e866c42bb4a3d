// costate forecast: a fitted model run on.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/series/outliers.h"
#include "costate/series/series.h"
#include "costate/series/time_text.h"

namespace costate::cli {
namespace {

struct Arguments {
  std::string run, until, at, data, from, input, inputs_ahead, out;
  std::optional<std::int64_t> steps;
};

constexpr std::size_t kMostShown = 5;  // notes on the terminal; all of them are beside the forecast

/// A number, or a date on the axis of the model's times; nothing if it is not asked for.
std::optional<double> to_time(const std::string& option, const std::string& text, const SeriesModel& model) {
  if (text.empty()) return std::nullopt;
  const std::optional<double> time = time_of_text(text, model.time_scale());
  if (!time)
    throw InvalidArgument(option, " takes ", model.time_scale().unit.empty() ? "a number" : "a date as in the data",
                          "; got '", text, "'.");
  return time;
}

bool has_columns(const CsvTable& table, const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [&](const std::string& name) { return table.has_column(name); });
}

/// The model's columns as a further file has them, which may be of one trajectory.
SeriesColumns columns_in(const CsvTable& table, const SeriesModel& model) {
  SeriesColumns columns = model.options().columns;
  columns.time_scale = model.time_scale();
  columns.min_samples = 1;
  if (!has_columns(table, table.columns_of(columns.trajectory))) columns.trajectory.clear();
  return columns;
}

TimeSeries read_data(const std::string& path, const SeriesModel& model) {
  const CsvTable table = read_table(path, model.options().columns.layout);  // once: it may be a pipe
  return series_from_table(table, columns_in(table, model));
}

/// Each row a trajectory, if no column says otherwise.
TimeSeries read_starts(const std::string& path, const SeriesModel& model) {
  const CsvTable table = read_table(path, model.options().columns.layout);
  SeriesColumns columns = columns_in(table, model);
  if (!has_columns(table, columns.inputs)) columns.inputs.clear();
  columns.events.clear();
  if (!columns.trajectory.empty()) return series_from_table(table, columns);
  columns.trajectory = "start";
  std::vector<std::string> names = {columns.trajectory};
  std::vector<std::vector<std::string>> cells(1);
  for (std::size_t row = 0; row < table.num_rows(); ++row) cells[0].push_back(std::to_string(row + 1));
  for (const std::string& name : table.names()) {
    if (name == columns.trajectory) continue;
    names.push_back(name);
    cells.push_back(table.text(name));
  }
  const TableLayout read{.missing = columns.layout.missing};  // its names and lines have been taken
  TimeSeries series = series_from_table(CsvTable(names, cells, path, read), columns);
  if (series.trajectories.size() == 1) series.trajectories[0].id.clear();
  return series;
}

/// The reader wants a state; the inputs are read as such, so that none may be missing in between unnoticed.
TimeSeries read_drive(const std::string& path, const SeriesModel& model) {
  if (model.input_names().empty() && !model.has_events())
    throw InvalidArgument("--input: the model was fitted without inputs and events.");
  const CsvTable table = read_table(path, model.options().columns.layout);
  SeriesColumns columns = columns_in(table, model);
  columns.states = columns.inputs;
  columns.inputs.clear();
  columns.covariates.clear();
  TimeSeries drive = series_from_table(table, columns);
  for (Trajectory& trajectory : drive.trajectories) trajectory.inputs = trajectory.states;
  return drive;
}

InputsAhead inputs_ahead_of(const std::string& text) {
  if (text.empty()) return InputsAhead::kKnown;
  if (text == "hold") return InputsAhead::kHeld;
  if (text == "repeat") return InputsAhead::kRepeated;
  throw InvalidArgument("--inputs-ahead takes hold or repeat; got '", text, "'.");
}

ForecastOptions options_of(const Arguments& arguments, const RunFolder& folder, const SeriesModel& model,
                           std::vector<std::string>& notes) {
  ForecastOptions options{.until = to_time("--until", arguments.until, model),
                          .steps = arguments.steps,
                          .at = to_time("--at", arguments.at, model),
                          .inputs_ahead = inputs_ahead_of(arguments.inputs_ahead)};
  const bool needs_data = options.at || (options.inputs_ahead == InputsAhead::kRepeated && arguments.from.empty());
  if (!arguments.data.empty())
    options.data = read_data(arguments.data, model);
  else if (needs_data)
    options.data = read_fit_data(folder);
  const std::vector<std::string>& missing = model.options().columns.layout.missing;
  const bool keeps_codes = missing == std::vector<std::string>{"none"};
  for (const Outliers& found : remove_outliers(options.data, keeps_codes ? MissingCodes::kKeep : MissingCodes::kFind))
    notes.push_back(found.text() + ": taken as not measured");
  if (!arguments.from.empty()) options.starts = read_starts(arguments.from, model);
  if (!arguments.input.empty()) options.drive = read_drive(arguments.input, model);
  return options;
}

/// A column of marks, which no state's name hides.
void write_forecast(const std::filesystem::path& out, const Forecast& forecast, const std::string& provenance) {
  std::vector<CsvColumn> columns = series_columns(forecast.series);
  if (!forecast.outside.empty()) {
    const bool is_taken =
        std::ranges::any_of(columns, [](const CsvColumn& column) { return column.name == "outside"; });
    std::vector<double> marks;
    for (const std::vector<double>& some : forecast.outside) marks.insert(marks.end(), some.begin(), some.end());
    columns.push_back({is_taken ? "outside_training" : "outside", std::move(marks)});
  }
  write_csv(out, columns);
  std::error_code ignored;
  if (std::filesystem::is_regular_file(out, ignored)) write_atomically(out.string() + ".txt", provenance);
}

void print_notes(const std::vector<std::string>& notes, const std::filesystem::path& beside) {
  for (std::size_t i = 0; i < std::min(notes.size(), kMostShown); ++i) std::cerr << "costate: " << notes[i] << "\n";
  if (notes.size() > kMostShown)
    std::cerr << "costate: " << notes.size() - kMostShown << " more such lines are in " << beside.string() << ".txt\n";
}

int run(const Arguments& arguments) {
  if (arguments.run.empty()) throw InvalidArgument("forecast needs the folder of a run.");
  const RunFolder folder = RunFolder::open(arguments.run);
  const SeriesModel model = read_model(folder);
  const std::filesystem::path out = arguments.out.empty() ? folder.ahead() : std::filesystem::path(arguments.out);
  std::error_code ignored;
  if (std::filesystem::equivalent(out, folder.forecast(), ignored))
    throw InvalidArgument("--out: '", out.string(),
                          "' holds what the fit forecast of its held-out samples; choose another file.");
  std::vector<std::string> notes;
  const ForecastOptions options = options_of(arguments, folder, model, notes);
  Forecast made = forecast(model, options);
  made.series.trajectory_name =
      arguments.from.empty() ? model.options().columns.trajectory : options.starts.trajectory_name;
  notes.insert(notes.end(), made.notes.begin(), made.notes.end());
  std::string provenance = text::concat("costate forecast ", arguments.run, "\n");
  for (const std::string& note : notes) provenance += note + "\n";
  write_forecast(out, made, provenance);
  print_notes(notes, out);
  if (out != "/dev/stdout") std::cout << "forecast: " << out.string() << "\n";
  return 0;
}

}  // namespace

void add_forecast(CommandLine& line) {
  const auto arguments = std::make_shared<Arguments>();
  Command command = line.add_command("forecast", "Run a fitted model on, beyond its data or from a given start",
                                     [arguments] { return run(*arguments); });
  const std::string start = "Start, where the data of the fit end if none is given", inputs = "Inputs";
  command.add_positional("run", arguments->run, "Folder of the run");
  command.add_option("--until", arguments->until, some_text("a number or a date"),
                     "Last time, a number or a date as in the data");
  command.add_option("--steps", arguments->steps, integer<std::int64_t>({.low = 1}),
                     "Number of samples, at the spacing of the data");
  command.add_option("--out", arguments->out, some_text("a file"),
                     "CSV file to write (forecast-ahead.csv in the run folder)");
  command.add_option("--at", arguments->at, some_text("a number or a date"),
                     "The last sample up to this time, of --data or of the data of the fit", start);
  command.add_option(
      "--data", arguments->data, some_text("a file"),
      "The last measured sample of this file, of the columns of the fit; what it lacks is estimated from "
      "those before. Rows behind it, of inputs alone, give times to forecast",
      start);
  command.add_option("--from", arguments->from, some_text("a file"), "Each row of this file, or each trajectory",
                     start);
  command.add_option("--input", arguments->input, some_text("a file"),
                     "File of the inputs, or of the events, over the time of the forecast", inputs);
  command.add_option("--inputs-ahead", arguments->inputs_ahead, some_text("hold or repeat"),
                     "What is taken for inputs behind the last known one: hold it, or repeat those of a period before",
                     inputs);
  command.set_footer(
      "Examples:\n"
      "  costate forecast runs/lynx --until 1930\n"
      "  costate forecast runs/lynx --at 1890 --steps 10 --out next.csv\n"
      "  costate forecast runs/tanks --data today.csv --steps 100 --inputs-ahead hold");
}

}  // namespace costate::cli
