// Fits of time series, NumPy in and out.
#include <nanobind/stl/filesystem.h>

#include <cmath>

#include "costate/base/error.h"
#include "costate/series/fit_options.h"
#include "costate/series/series.h"
#include "python/bindings/bindings.h"
#include "python/bindings/keywords.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

/// A list of trajectories, or one.
std::vector<HostArray> to_list(const nb::object& value) {
  std::vector<HostArray> arrays;
  if (!nb::isinstance<nb::list>(value) && !nb::isinstance<nb::tuple>(value)) return {to_host(value)};
  const bool is_nested = nb::len(value) > 0 && nb::hasattr(nb::object(value[0]), "__len__");
  if (!is_nested) return {to_host(value)};
  for (const nb::handle item : value) arrays.push_back(to_host(item));
  return arrays;
}

/// [samples, columns] in f64.
HostArray columns_of(const HostArray& array, std::size_t samples, const char* what) {
  if (array.shape().rank() != 2 || array.shape()[0] != static_cast<std::int64_t>(samples))
    throw ShapeError("[fit] ", what, " must have shape [", samples, ", …] like their times; got ", array.shape(), ".");
  return array.astype(Dtype::kF64);
}

std::vector<std::string> names(const char* stem, std::int64_t count) {
  std::vector<std::string> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(text::concat(stem, i));
  return out;
}

TimeSeries to_series(const nb::object& times, const nb::object& states, const nb::object& inputs) {
  // A 2-D array of states is one trajectory; so is a flat list of times.
  const std::vector<HostArray> all_times = to_list(times);
  std::vector<HostArray> all_states, all_inputs;
  if (all_times.size() == 1) {
    all_states = {to_host(nb::isinstance<nb::list>(states) && nb::len(states) == 1 ? nb::object(states[0]) : states)};
    if (!inputs.is_none())
      all_inputs = {to_host(nb::isinstance<nb::list>(inputs) && nb::len(inputs) == 1 ? nb::object(inputs[0]) : inputs)};
  } else {
    all_states = to_list(states);
    if (!inputs.is_none()) all_inputs = to_list(inputs);
  }
  if (all_states.size() != all_times.size() || (!all_inputs.empty() && all_inputs.size() != all_times.size()))
    throw ShapeError("[fit] there must be as many trajectories of states and inputs as of times; got ",
                     all_times.size(), " of times and ", all_states.size(), " of states.");
  TimeSeries series{.time_name = "t", .time_scale = {}, .state_names = {}, .input_names = {}, .trajectories = {}};
  for (std::size_t i = 0; i < all_times.size(); ++i) {
    Trajectory trajectory{.id = all_times.size() == 1 ? "" : std::to_string(i),
                          .times = all_times[i].numbers(),
                          .states = {},
                          .inputs = HostArray(Shape{all_times[i].size(), 0})};
    trajectory.states = columns_of(all_states[i], trajectory.times.size(), "states");
    if (!all_inputs.empty()) trajectory.inputs = columns_of(all_inputs[i], trajectory.times.size(), "inputs");
    series.trajectories.push_back(std::move(trajectory));
  }
  series.state_names = names("z", series.trajectories[0].states.shape()[1]);
  series.input_names = names("u", series.trajectories[0].inputs.shape()[1]);
  return series;
}

void add_covariates(const HostArray& covariates, TimeSeries& series) {
  const auto count = static_cast<std::int64_t>(series.trajectories.size());
  if (covariates.shape().rank() != 2 || covariates.shape()[0] != count)
    throw ShapeError("[fit] covariates must have shape [", count, ", …], a row for each trajectory; got ",
                     covariates.shape(), ".");
  series.covariate_names = names("c", covariates.shape()[1]);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = covariates.row(i);
    series.trajectories[static_cast<std::size_t>(i)].covariates.assign(row.begin(), row.end());
  }
}

FitResult run_fit(const TimeSeries& series, FitConfig config) {
  config.model.columns = {.time = series.time_name,
                          .states = series.state_names,
                          .inputs = series.input_names,
                          .covariates = series.covariate_names};
  config.data = "arrays";
  return run_long([&] { return fit(series, config); });
}

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
                else
                  config.hold_out = argument_as<double>(value);
              }};
}

/// The options of fit() that are not about a file.
Keywords<FitConfig> fit_keywords() {
  Keywords<FitConfig> keywords;
  for (const FitOption& option : fit_options())
    if (option.key == "hold_out")
      keywords.push_back(hold_out_keyword());
    else if (option.doors == OptionDoors::kAll)
      keywords.push_back(of_table(option.key, option.kind, option.access));
  return keywords;
}

/// NaN where nothing was measured.
double or_nan(const std::optional<double>& number) { return number.value_or(std::nan("")); }

std::vector<double> numbers_of(const std::vector<std::optional<double>>& numbers) {
  std::vector<double> all;
  for (const std::optional<double>& number : numbers) all.push_back(or_nan(number));
  return all;
}

nb::dict errors_of(const FitResult& result) {
  nb::dict errors;
  for (const ForecastError& error : result.errors) {
    nb::dict entry;
    entry["rmse"] = to_numpy(numbers_of(error.rmse));
    entry["relative"] = or_nan(error.relative);
    errors[error.model.c_str()] = entry;
  }
  return errors;
}

NumpyArray predict(const SeriesModel& model, nb::handle start, nb::handle times, const nb::object& input_times,
                   const nb::object& inputs, const nb::object& covariates) {
  SeriesModel::Query query{.start = to_host(start).numbers(), .times = to_host(times).numbers()};
  if (!input_times.is_none()) query.input_times = to_host(input_times).numbers();
  if (!inputs.is_none()) query.inputs = to_host(inputs).astype(Dtype::kF64);
  if (!covariates.is_none()) query.covariates = to_host(covariates).numbers();
  std::vector<double> flat;
  for (const std::vector<double>& state : run_long([&] { return model.predict(query); }))
    flat.insert(flat.end(), state.begin(), state.end());
  const Shape shape{static_cast<std::int64_t>(query.times.size()),
                    static_cast<std::int64_t>(model.state_names().size())};
  return to_numpy(HostArray(shape, std::move(flat)));
}

/// A Fit as pickle keeps it: the model's file, its errors and its history.
nb::tuple state_of(const FitResult& result) {
  const std::string bytes = to_safetensors(result.model.to_file());
  nb::list errors;
  for (const ForecastError& error : result.errors)
    errors.append(nb::make_tuple(error.model, numbers_of(error.rmse), or_nan(error.relative)));
  return nb::make_tuple(nb::bytes(bytes.data(), bytes.size()), errors, rows_of(result.training.history));
}

std::vector<std::optional<double>> measured(const std::vector<double>& numbers) {
  std::vector<std::optional<double>> all;
  for (const double number : numbers) all.push_back(std::isnan(number) ? std::nullopt : std::optional(number));
  return all;
}

void set_state(FitResult& result, const nb::tuple& state) {
  const auto bytes = nb::cast<nb::bytes>(state[0]);
  const std::string_view text(bytes.c_str(), bytes.size());
  new (&result) FitResult(fit_of(SeriesModel::from_file(parse_safetensors(text, "pickle"), "pickle")));
  for (const nb::handle error : state[1])
    result.errors.push_back({.model = nb::cast<std::string>(error[0]),
                             .rmse = measured(nb::cast<std::vector<double>>(error[1])),
                             .relative = measured({nb::cast<double>(error[2])}).front()});
  result.training.history = to_rows(state[2]);
}

NumpyArray slopes_at(const SeriesModel& model, nb::handle states) {
  const HostArray array = to_host(states);
  const auto d = static_cast<std::int64_t>(model.state_names().size());
  if (array.shape().rank() != 2 || array.shape()[1] != d)
    throw ShapeError("[slopes] states must have shape [n, ", d, "]; got ", array.shape(), ".");
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < array.size(); ++i) {
    if (i % d == 0) rows.emplace_back();
    rows.back().push_back(array.at(i));
  }
  std::vector<double> flat;
  for (const auto& slope : run_long([&] { return model.slopes(rows); }))
    flat.insert(flat.end(), slope.begin(), slope.end());
  return to_numpy(HostArray(array.shape(), std::move(flat)));
}

}  // namespace

FitResult fit_of(SeriesModel model) { return {.model = std::move(model)}; }

void bind_fit(nb::module_& module) {
  nb::class_<FitResult>(module, "Fit", "A fitted model of a time series.")
      .def("__getstate__", &state_of)
      .def("__setstate__", &set_state)
      .def_prop_ro("errors", &errors_of,
                   "Errors of the forecast of all that was held out: the neural ODE and its rivals.")
      .def_prop_ro(
          "verdict",
          [](const FitResult& result) {
            std::string tables, sentences;
            for (const std::optional<Verdict>* verdict : {&result.verdict, &result.verdict_unknown}) {
              if (!*verdict) continue;
              const std::string inputs = inputs_text(**verdict);
              tables += (inputs.empty() ? "" : inputs + ":\n") + format_table(**verdict) + "\n";
              for (const std::string& sentence : (*verdict)->sentences) sentences += sentence + "\n";
            }
            return sentences.empty() ? tables : tables + sentences.substr(0, sentences.size() - 1);
          },
          "Relative errors by how far ahead, beside the rivals', and in words whether to use the model; '' if nothing "
          "was held\nout.")
      .def_prop_ro(
          "chosen", [](const FitResult& result) { return result.chosen.candidate.text(); },
          "The form of the model that was chosen.")
      .def_prop_ro(
          "history", [](const FitResult& result) { return history_of(result.training.history); },
          "What training did: one array a column, one number an epoch.")
      .def_prop_ro("parameters", [](const FitResult& result) { return result.model.parameters(); })
      .def(
          "predict",
          [](const FitResult& result, nb::handle start, nb::handle times, const nb::object& input_times,
             const nb::object& inputs, const nb::object& covariates) {
            return predict(result.model, start, times, input_times, inputs, covariates);
          },
          nb::arg("start"), nb::arg("times"), nb::arg("input_times").none() = nb::none(),
          nb::arg("inputs").none() = nb::none(), nb::arg("covariates").none() = nb::none(),
          "States [time, state] from `start` at times[0], in the data's units; NaN from where the model blows up. "
          "`start` may\nhold hidden states after the measured ones; they are as at the start of a trajectory "
          "otherwise. "
          "Covariates [covariate].")
      .def(
          "slopes", [](const FitResult& result, nb::handle states) { return slopes_at(result.model, states); },
          nb::arg("states"),
          "The learned rate of change at each state [n, state], in the data's units; inputs are at their mean.")
      .def(
          "field",
          [](const FitResult& result, nb::handle, nb::handle z, const nb::object& inputs) {
            return result.model.slope(to_array(z), inputs.is_none() ? Array() : to_array(inputs));
          },
          nb::arg("t"), nb::arg("z"), nb::arg("inputs").none() = nb::none(),
          "Inside a trace: the learned rate of change at one state [state] in the data's units, so that\n"
          "costate.solve(model.field, z0, times) goes on with a fit. The time is not read. Inputs [input] are at their "
          "mean "
          "if left out.")
      .def(
          "save", [](const FitResult& result, const std::filesystem::path& path) { result.model.save(path); },
          nb::arg("path"), "Writes the model as safetensors, for costate.load.");

  const std::string signature =
      "def fit(times: object, states: object, inputs: object | None = None, covariates: object | None = None" +
      parameters_of(fit_keywords()) + ") -> " + name_of<FitResult>();
  module.def(
      "fit",
      [](const nb::object& times, const nb::object& states, const nb::object& inputs, const nb::object& covariates,
         const nb::kwargs& options) {
        TimeSeries series = to_series(times, states, inputs);
        if (!covariates.is_none()) add_covariates(to_host(covariates).astype(Dtype::kF64), series);
        return run_fit(series, from_keywords(fit_keywords(), options));
      },
      nb::arg("times"), nb::arg("states"), nb::arg("inputs").none() = nb::none(),
      nb::arg("covariates").none() = nb::none(), nb::arg("options"), nb::sig(signature.c_str()),
      R"(Fits a neural ODE z' = net(z, u(t)) to measured time series.

times   [samples], increasing; a list of such arrays for several trajectories.
states  [samples, state], NaN where nothing was measured; or a list of them.
inputs  [samples, input] that drive the system; or a list of them.
covariates  [trajectory, covariate]: constants of each trajectory, such as a dose or a weight.

hold_out                 what judges the model and has no say in training: a share (the end of one trajectory, the last ones of several);
                         't=40', all from a time on; '0,3', trajectories by their place in the lists.
validation               share of the rest by which model and weights are chosen; 0 keeps the last weights.
memory                   hidden states, for what the measured ones do not tell: 'auto', 'none' or a number as a string.
clock                    periods that the system follows, as strings: numbers in units of time; ['auto'] finds one, ['none'] is none.
delay, lag               so many earlier samples, each lag samples before the next, join each state: another memory, for evenly
                         spaced times.
hidden, activation       the net: widths of its layers ([0]: chosen, []: a linear ODE), and what stands between them.
interpolation            of the inputs between samples: 'linear', 'hold' or 'cubic'.
method, rtol, atol       of the solves, as in solve; adjoint, too.
loss                     'mse', or another name that the message of an unknown one lists.
window, max_windows      samples of a window, and how many windows are trained on at most; 0: chosen.
optimizer, learning_rate, epochs, batch  of the training; epochs 0: chosen; batch: windows a step, 0 for 64.
polish                   the last of the epochs, by L-BFGS; -1: a fifth of them.
minutes                  after which training ends with the best so far; 0: no limit. Time makes bits depend on the machine.
seed                     of the weights and the order of the windows. Equal seeds give equal bits.

What is left open (widths, memory, clock, window, epochs) is chosen by forecasts of a validation part, the last fifth of what is
trained on. Gives a Fit: predict(start, times), slopes(states), field for solves of your own, errors of the forecast of what was held out,
history, save. Ctrl-C ends it. For a field or a loss of your own, see trace, solve and value_and_grad.

>>> import costate, numpy as np
>>> times = np.linspace(0, 6, 61)
>>> model = costate.fit(times, np.stack([np.cos(times), -np.sin(times)], axis=1), hidden=[], memory='none', epochs=100, polish=50)
>>> model.predict([1.0, 0.0], [0.0, 0.5]).shape
(2, 2)
)");
}

}  // namespace costate::python
