// costate forecast: a fitted model run on.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/places.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/series/series.h"
#include "costate/series/time_text.h"

namespace costate::cli {
namespace {

struct ForecastArguments {
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

CsvTable table_of(const std::string& path, const SeriesModel& model) {
  return read_table(path, model.options().columns.layout);
}

ForecastOptions options_of(const ForecastArguments& arguments, const RunFolder& folder, const SeriesModel& model,
                           std::vector<std::string>& notes) {
  ForecastOptions options{.until = to_time("--until", arguments.until, model),
                          .steps = arguments.steps,
                          .at = to_time("--at", arguments.at, model),
                          .inputs_ahead = inputs_ahead_from_name(arguments.inputs_ahead)};
  const bool needs_data = options.at || (options.inputs_ahead == InputsAhead::kRepeat && arguments.from.empty());
  if (!arguments.data.empty())
    options.data = data_from_table(table_of(arguments.data, model), model);
  else if (needs_data)
    options.data = read_fit_data(folder);
  notes = remove_outliers_of(options.data, model);
  if (!arguments.from.empty()) options.starts = starts_from_table(table_of(arguments.from, model), model);
  if (!arguments.input.empty()) options.drive = drive_from_table(table_of(arguments.input, model), model);
  return options;
}

void write_forecast(const std::filesystem::path& out, const Forecast& forecast, const std::string& provenance) {
  write_csv(out, forecast_columns(forecast));
  std::error_code ignored;
  if (std::filesystem::is_regular_file(out, ignored)) write_atomically(out.string() + ".txt", provenance);
}

/// A forecast may take the place of an earlier one, but of nothing that the run or its data are.
void check_out(const std::filesystem::path& out, const ForecastArguments& arguments, const RunFolder& folder) {
  std::error_code ignored;
  const auto is_out = [&](const std::filesystem::path& path) {
    return std::filesystem::equivalent(out, path, ignored);
  };
  if (is_out(folder.forecast()))
    throw InvalidArgument("--out: '", out.string(),
                          "' holds what the fit forecast of its held-out samples; choose another file.");
  for (const std::filesystem::path& file : {folder.config(), folder.model(), folder.checkpoint(), folder.history(),
                                            folder.metrics(), folder.stopped(), folder.report()})
    if (is_out(file))
      throw InvalidArgument("--out: '", out.string(), "' is a file of the fit itself; choose another file.");
  const FitConfig config = read_fit_config(folder);
  for (const std::string& file : {config.data, config.judge, arguments.data, arguments.from, arguments.input})
    if (!file.empty() && is_out(file))
      throw InvalidArgument("--out: '", out.string(), "' holds data that are read; choose another file.");
}

void print_notes(const std::vector<std::string>& notes, const std::filesystem::path& beside) {
  for (std::size_t i = 0; i < std::min(notes.size(), kMostShown); ++i) std::cerr << "costate: " << notes[i] << "\n";
  if (notes.size() > kMostShown)
    std::cerr << "costate: " << notes.size() - kMostShown << " more such lines are in " << beside.string() << ".txt\n";
}

int run(const ForecastArguments& arguments, const std::string& given) {
  if (arguments.run.empty()) throw InvalidArgument("forecast needs the folder of a run.");
  const RunFolder folder = RunFolder::open(arguments.run);
  const Ensemble ensemble = read_models(folder);
  const SeriesModel& model = ensemble.first();
  const std::filesystem::path out = arguments.out.empty() ? folder.ahead() : std::filesystem::path(arguments.out);
  check_out(out, arguments, folder);
  check_place("forecast", out);
  const bool lacks_inputs = model.input_names().empty() && model.event_names().empty();
  if (!arguments.inputs_ahead.empty() && lacks_inputs)
    throw InvalidArgument("--inputs-ahead: the model has no inputs; leave it out.");
  std::vector<std::string> notes;
  const ForecastOptions options = options_of(arguments, folder, model, notes);
  Forecast made = forecast(ensemble, options);
  made.series.trajectory_name =
      arguments.from.empty() ? model.options().columns.trajectory : options.starts.trajectory_name;
  notes.insert(notes.end(), made.notes.begin(), made.notes.end());
  std::string provenance = given + "\n";
  for (const std::string& note : notes) provenance += note + "\n";
  write_forecast(out, made, provenance);
  print_notes(notes, out);
  if (out != "/dev/stdout") std::cout << "forecast: " << out.string() << "\n";
  return 0;
}

}  // namespace

void add_forecast(CommandLine& line) {
  const auto arguments = std::make_shared<ForecastArguments>();
  Command command = line.add_command("forecast", "Run a fitted model on, beyond its data or from a given start",
                                     [arguments, &line] { return run(*arguments, line.given()); });
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
  command.add_option("--inputs-ahead", arguments->inputs_ahead, some_text("hold or repeat", {"hold", "repeat"}),
                     "What is taken for inputs behind the last known one: hold it, or repeat those of a period before",
                     inputs);
  command.set_footer(
      "Examples:\n"
      "  costate forecast runs/lynx --until 1930\n"
      "  costate forecast runs/lynx --at 1890 --steps 10 --out next.csv\n"
      "  costate forecast runs/tanks --data today.csv --steps 100 --inputs-ahead hold");
}

}  // namespace costate::cli
