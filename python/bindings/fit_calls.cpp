// fit and fit_table: arrays or a table → a Fit. Their keywords are rows of the library's table of options.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "costate/base/error.h"
#include "costate/report/fit_report.h"
#include "costate/series/fit_config_options.h"
#include "costate/series/fit_run.h"
#include "python/bindings/fit.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

/// A share, or the text that names a part.
Keyword<FitConfig> hold_out_keyword() {
  return {.name = "hold_out",
          .annotation = "float | str",
          .get = [](const FitConfig& config) -> nb::object {
            if (config.hold_out_part.empty()) return nb::cast(config.hold_out);
            return nb::cast(config.hold_out_part);
          },
          .set =
              [](FitConfig& config, nb::handle value) {
                if (nb::isinstance<nb::str>(value))
                  config.hold_out_part = argument_as<std::string>(value);
                else if (const nb::module_ tables = nb::module_::import_("costate._tables");
                         nb::cast<bool>(tables.attr("is_date")(value)))  // from which on all is held out
                  config.hold_out_part = nb::cast<std::string>(tables.attr("time_text")(value));
                else
                  config.hold_out = argument_as<double>(value);
              }};
}

/// Checked before it is set: the member may not even hold what was given.
Keyword<FitConfig> option_keyword(const FitConfigOption& option) {
  Keyword<FitConfig> keyword = of_table(option.key, option.kind, option.access);
  keyword.set = [&option](FitConfig& config, nb::handle value) {
    const OptionValue given = from_python(value, option.kind);
    option.check(given);
    option.access.set(config, given);
  };
  return keyword;
}

/// The options of a fit, those of a table's columns and layout among them.
Keywords<FitConfig> table_keywords() {
  Keywords<FitConfig> keywords;
  for (const FitConfigOption& option : fit_config_options())
    if (option.key == "hold_out")
      keywords.push_back(hold_out_keyword());
    else if (option.doors != OptionDoors::kFile && option.key != "hold_out_part" && option.key != "judge")
      keywords.push_back(option_keyword(option));
  return keywords;
}

/// Those that are not about a table.
Keywords<FitConfig> array_keywords() {
  Keywords<FitConfig> keywords = table_keywords();
  std::erase_if(keywords, [](const Keyword<FitConfig>& keyword) {
    const auto option = std::ranges::find(fit_config_options(), keyword.name, &FitConfigOption::key);
    return option->doors != OptionDoors::kAll;
  });
  return keywords;
}

Fit run_fit(TimeSeries series, FitConfig config, const FitOptions& options, TimeSeries judge = {}) {
  FitResult result = run_long([&] {
    config.check();
    return fit(prepare_fit(series, config, std::move(judge)), config, options);
  });
  return to_fit(std::move(result), std::move(series));
}

RunMode to_run_mode(const std::string& existing) {
  const std::vector<std::string> known = {"refuse", "replace", "resume"};
  const auto at = std::ranges::find(known, existing);
  if (at == known.end()) throw InvalidArgument("[fit_table] existing: ", text::unknown_name("choice", existing, known));
  return at == known.begin() ? RunMode::kNew : existing == "replace" ? RunMode::kReplace : RunMode::kResume;
}

FitOptions to_options(const std::string& device, const nb::object& progress) {
  return {.device = device_from_name(device), .on_epoch = to_epoch_listener(progress)};
}

/// The path of data that a run folder names, for whoever reads it later.
std::string path_for_run(const char* name, nb::handle data) {
  const auto made = nb::module_::import_("costate._tables").attr("path_of")(data);
  if (made.is_none())
    throw InvalidArgument("[fit_table] a run folder names the file of its ", name,
                          ", which the command line reads, too; got ", type_of(data),
                          ". Write the table to a file, such as by to_csv(path, index=False), and give its path.");
  return nb::cast<std::string>(made);
}

/// `costate fit`: a file into a run folder.
Fit fit_into(const std::string& folder, RunMode mode, FitConfig config, const FitOptions& options) {
  return run_long([&] {
    FitResult result = fit_run(std::move(config), folder, mode, options);
    const RunFolder run = RunFolder::open(folder);
    write_fit_report(run.report(), result);
    return to_fit(std::move(result), read_fit_data(run));
  });
}

/// Arrays have no texts, and NaN for what is missing.
void remove_codes(const std::vector<std::string>& codes, TimeSeries& series) {
  for (const std::string& code : codes) {
    if (code == "none") continue;
    double number = 0;
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), number);
    if (error != std::errc() || end != code.data() + code.size())
      throw InvalidArgument("[fit] missing must be numbers, or 'none', for arrays; got '", code, "'.");
    for (Trajectory& trajectory : series.trajectories)
      for (double& cell : trajectory.states.data<double>())
        if (cell == number) cell = std::nan("");
  }
}

Fit fit_arrays(const nb::object& times, const nb::object& states, const nb::object& inputs,
               const nb::object& covariates, const nb::object& progress, const std::string& device,
               const nb::kwargs& options) {
  FitConfig config = from_keywords(array_keywords(), options);
  TimeSeries series = series_of_arrays(times, states, inputs, covariates);
  remove_codes(config.model.columns.layout.missing, series);
  config.model.columns = {.time = series.time_name,
                          .states = series.state_names,
                          .inputs = series.input_names,
                          .covariates = series.covariate_names,
                          .trajectory = series.trajectory_name,
                          .layout = config.model.columns.layout};
  config.data = "arrays";
  return run_fit(std::move(series), config, to_options(device, progress));
}

bool are_equal(const TimeSeries& left, const TimeSeries& right) {
  return std::ranges::equal(left.trajectories, right.trajectories, [](const Trajectory& a, const Trajectory& b) {
    return a.id == b.id && a.times == b.times && a.states.numbers() == b.states.numbers();
  });
}

TimeSeries judge_of(const nb::object& judge, const FitConfig& config, const TimeSeries& series) {
  if (judge.is_none()) return {};
  SeriesColumns columns = config.model.columns;
  columns.time_scale = series.time_scale;
  TimeSeries read = series_from_table(to_table(judge, columns).table, columns);
  if (are_equal(read, series)) throw DataError("[fit_table] judge holds what the model is fitted to; give other data.");
  return read;
}

Fit fit_table(const nb::object& data, const nb::object& judge, const nb::object& out, const std::string& existing,
              const nb::object& progress, const std::string& device, const nb::kwargs& options) {
  FitConfig config = from_keywords(table_keywords(), options);
  const RunMode mode = to_run_mode(existing);
  if (!judge.is_none() && options.contains("hold_out"))
    throw InvalidArgument("[fit_table] data that judge are the whole test; give either judge or hold_out.");
  if (!out.is_none()) {
    config.data = path_for_run("data", data);
    if (!judge.is_none()) config.judge = path_for_run("judge", judge);
    return fit_into(nb::cast<std::string>(nb::str(out)), mode, std::move(config), to_options(device, progress));
  }
  if (mode != RunMode::kNew)
    throw InvalidArgument("[fit_table] existing says what to do with the run in out; give out.");
  const NamedTable named = to_table(data, config.model.columns);
  SeriesColumns& columns = config.model.columns;
  if (!columns.has_times()) columns.time = named.index;
  config.data = named.table.source();
  TimeSeries series = series_from_table(named.table, columns);
  TimeSeries judges = judge_of(judge, config, series);
  return run_fit(std::move(series), config, to_options(device, progress), std::move(judges));
}

constexpr const char* kOptionsHelp =
    R"(hold_out                 what judges the model and has no say in training: a share (the end of one trajectory, the last ones of several);
                         't=40' or a date, all from a time on; '0,3', trajectories by their place in the lists, or their names in a table.
validation               share of the rest by which model and weights are chosen; 0 keeps the last weights.
memory                   hidden states, for what the measured ones do not tell: 'auto', 'none' or a number as a string.
clock                    periods that the system follows: 'day', 'week', 'year' where times are dates, or numbers in units of time;
                         'time' is the time itself, 'auto' finds a period, 'none' is none.
delay, lag               so many earlier samples, each lag samples before the next, join each state: another memory, for evenly
                         spaced times.
hidden, activation       the net: widths of its layers ([0]: chosen, []: a linear ODE), and what stands between them.
interpolation            of the inputs between samples: 'linear', 'hold' or 'cubic'.
method, rtol, atol       of the solves, as in solve; adjoint and gradient_steps, too.
loss                     'mse', or another name that the message of an unknown one lists.
window, max_windows      samples of a window, and how many windows are trained on at most; 0: chosen.
optimizer, learning_rate, epochs, batch  of the training; epochs 0: chosen; batch: windows a step, 0 for 64.
polish                   the last of the epochs, by L-BFGS; -1: a fifth of them.
patience                 share of the polish, or of all epochs if there is none, without a better validation error after which a training
                         ends; 0: it does not; -1: half of it, and 0 where epochs are given.
max_growth               times the evaluations of the first epoch, from which on one counts as several for patience.
minutes                  after which training ends with the best so far; 0: no limit. Time makes bits depend on the machine.
seed                     of the weights and the order of the windows. Equal seeds give equal bits.
seeds                    models of other first weights that are trained beside; two or more give a forecast bands.
progress                 True shows a line that is redrawn, also in notebooks; or a callable, which gets a dict after each epoch: model,
                         epoch, epochs, is_trial, loss, validation_loss, nfe_forward, nfe_backward, seconds. What it raises ends the fit.
device                   'cpu'; or 'cuda', experimental: the solves that train run on a card, with gradient_steps='off' (docs/gpu.md).
)";

constexpr const char* kArraysHelp =
    R"(Fits a neural ODE z' = net(z, u(t)) to measured time series.

times   [samples], increasing: numbers or dates (datetime64, datetime, ISO 8601, a DatetimeIndex). For several trajectories a list,
        whose lengths may differ, or [trajectory, samples], or times that all share.
states  [samples, state], or [samples] for one; NaN where nothing was measured. Several: a list, or [trajectory, samples, state].
inputs  [samples, input] that drive the system, or [samples] for one; several as states.
covariates  [trajectory, covariate]: constants of each trajectory, such as a dose or a weight; or [trajectory] for one.
missing  numbers that mean missing in states: [-999]; 'none' to keep what looks like such a code.

DataFrames and Series in place of arrays give names.

)";

constexpr const char* kArraysEnd =
    R"(
What is left open (widths, memory, clock, window, epochs) is chosen by forecasts of a validation part, the last fifth of what is
trained on. Gives a Fit: its verdict on whether to use it, forecast(until), plot(), report(path), predict(start, times), slopes(states), field for
solves of your own, errors, history, save. Ctrl-C ends it. For tables, files and doses, see fit_table. For a field or a loss of your own, see trace, solve and value_and_grad.

>>> import costate, numpy as np
>>> times = np.linspace(0, 6, 61)
>>> model = costate.fit(times, np.stack([np.cos(times), -np.sin(times)], axis=1), hidden=[], memory='none', epochs=100, polish=50)
>>> model.predict([1.0, 0.0], [0.0, 0.5]).shape
(2, 2)
)";

constexpr const char* kTableHelp =
    R"(Fits a neural ODE to the columns of a table, as `costate fit` does: with the same options it gives the same bits.

data        a DataFrame (of pandas, or with columns as it has them), a dict of columns, an xarray Dataset, or the path of a file: .csv,
            .gz, .npy, .npz and others as of `costate fit`, and .parquet, .feather, .arrow and .xlsx, which pandas reads.
judge       such data that are the test, instead of a part of `data`.
out         a run folder to write, as that of `costate fit --out`: data must be a path. costate.Run(out) reads it, and so does the
            command line. None: nothing is written.
existing    what becomes of a run that is in `out`: 'refuse', 'replace', or 'resume', to go on with it to the same bits.
time        column of times, numbers or dates; 'Date,Time' for two. A frame's index is the times if it has a name or dates and
            neither time, step nor rate is given.
states      columns of the state; empty cells are left out of the loss.
inputs      columns of inputs that drive the system.
covariates  columns of constants of a trajectory: a dose, a weight.
events      columns of what enters at a row's time: 'dose', 'dose:rate' or 'dose:duration'. An empty cell is none.
trajectory  column that tells trajectories apart; 'site,visit' for two.
quantity, value  of a long table: the columns of what a row measured and of its number; states and inputs then name quantities.
step, rate  time between rows, or rows in a unit of time, for data without times.
time_format form of dates as text, where the column does not tell it: '%d/%m/%Y %H:%M'.
missing     cells that mean missing: [-999, 'n/a']; '<' for all below a limit of detection; 'none' to look for no codes.
names       of all columns, for data that have none.
skip        lines before the header of a file or a sheet.

)";

constexpr const char* kTableEnd =
    R"(
Index levels of a frame that have names are columns, too. Dates with a time zone are read in UTC. Rows of the same time are repeated
measurements. Line 1 of a table, in messages, is its first row. Gives a Fit, as costate.fit does.

>>> import costate, numpy as np
>>> times = np.linspace(0, 6, 61)
>>> table = {"hours": times, "x": np.cos(times), "v": -np.sin(times)}
>>> model = costate.fit_table(table, time="hours", states=["x", "v"], hidden=[], memory="none", clock="none", epochs=100, polish=50)
>>> model.forecast(steps=10).states[0].shape
(11, 2)
)";

}  // namespace

void bind_fit_calls(nb::module_& module) {
  const std::string fit_type = name_of<Fit>();
  const std::string of_arrays =
      "def fit(times: object, states: object, inputs: object | None = None, covariates: object | None = None, *, "
      "progress: object | None = None, device: str = 'cpu'" +
      parameters_of(array_keywords(), true) + ") -> " + fit_type;
  const std::string of_table =
      "def fit_table(data: object, *, judge: object | None = None, out: object | None = None, "
      "existing: str = 'refuse', progress: object | None = None, device: str = 'cpu'" +
      parameters_of(table_keywords(), true) + ") -> " + fit_type;
  const std::string table_help = text::concat(kTableHelp, kOptionsHelp, kTableEnd);
  module.def("fit_table", &fit_table, nb::arg("data"), nb::kw_only(), nb::arg("judge").none() = nb::none(),
             nb::arg("out").none() = nb::none(), nb::arg("existing") = "refuse",
             nb::arg("progress").none() = nb::none(), nb::arg("device") = "cpu", nb::arg("options"),
             nb::sig(of_table.c_str()), table_help.c_str());
  const std::string help = text::concat(kArraysHelp, kOptionsHelp, kArraysEnd);
  module.def("fit", &fit_arrays, nb::arg("times"), nb::arg("states"), nb::arg("inputs").none() = nb::none(),
             nb::arg("covariates").none() = nb::none(), nb::kw_only(), nb::arg("progress").none() = nb::none(),
             nb::arg("device") = "cpu", nb::arg("options"), nb::sig(of_arrays.c_str()), help.c_str());
}

}  // namespace costate::python
