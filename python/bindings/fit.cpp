// The class of fitted models: what they say of themselves, predictions, files and pickles.
#include "python/bindings/fit.h"

#include <nanobind/stl/filesystem.h>

#include <cmath>

#include "costate/base/error.h"
#include "costate/report/fit_report.h"
#include "costate/report/shown_paths.h"
#include "costate/series/series.h"
#include "python/bindings/keywords.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

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
  SeriesModel::Query query{.start = to_host(start).numbers(), .times = to_times(times, model.time_scale())};
  if (!input_times.is_none()) query.input_times = to_times(input_times, model.time_scale());
  if (!inputs.is_none()) query.inputs = to_host(inputs).astype(Dtype::kF64);
  if (!covariates.is_none()) query.covariates = to_host(covariates).numbers();
  const auto width = static_cast<std::int64_t>(model.state_names().size());
  return to_numpy(HostArray::from_rows(run_long([&] { return model.predict(query); }), width));
}

/// A Fit as pickle keeps it: the model's file, what is said of it, its errors and its history.
nb::tuple fit_state(const Fit& fit) {
  const FitResult& result = fit.result;
  const std::string bytes = to_safetensors(result.ensemble.to_file());
  nb::list errors;
  for (const ForecastError& error : result.errors)
    errors.append(nb::make_tuple(error.model, numbers_of(error.rmse), or_nan(error.relative)));
  return nb::make_tuple(nb::bytes(bytes.data(), bytes.size()), errors, rows_of(result.training.history),
                        nb::make_tuple(fit.summary, fit.verdict, fit.chosen));
}

std::vector<std::optional<double>> measured(const std::vector<double>& numbers) {
  std::vector<std::optional<double>> all;
  for (const double number : numbers) all.push_back(std::isnan(number) ? std::nullopt : std::optional(number));
  return all;
}

void set_fit_state(Fit& fit, const nb::tuple& state) {
  const auto bytes = nb::cast<nb::bytes>(state[0]);
  const std::string_view text(bytes.c_str(), bytes.size());
  new (&fit) Fit(to_fit(Ensemble::from_file(parse_safetensors(text, "pickle"), "pickle")));
  FitResult& result = fit.result;
  for (const nb::handle error : state[1])
    result.errors.push_back({.model = nb::cast<std::string>(error[0]),
                             .rmse = measured(nb::cast<std::vector<double>>(error[1])),
                             .relative = measured({nb::cast<double>(error[2])}).front()});
  result.training.history = to_rows(state[2]);
  fit.summary = nb::cast<std::string>(state[3][0]);
  fit.verdict = nb::cast<std::string>(state[3][1]);
  fit.chosen = nb::cast<std::string>(state[3][2]);
}

NumpyArray slopes_at(const SeriesModel& model, nb::handle states) {
  const HostArray array = to_host(states);
  const auto d = static_cast<std::int64_t>(model.state_names().size());
  if (array.shape().rank() != 2 || array.shape()[1] != d)
    throw ShapeError("[slopes] states must have shape [n, ", d, "]; got ", array.shape(), ".");
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < array.shape()[0]; ++i) rows.push_back(array.row(i));
  return to_numpy(HostArray::from_rows(run_long([&] { return model.slopes(rows); }), d));
}

/// Tables of errors and what they say.
std::string verdict_of(const FitResult& result) {
  std::string tables, sentences;
  for (const std::optional<Verdict>* verdict : {&result.verdict, &result.verdict_unknown}) {
    if (!*verdict) continue;
    const std::string inputs = inputs_text(**verdict);
    tables += (inputs.empty() ? "" : inputs + ":\n") + format_table(**verdict) + "\n";
    for (const std::string& sentence : (*verdict)->sentences) sentences += sentence + "\n";
  }
  return with_keywords(sentences.empty() ? tables : tables + sentences.substr(0, sentences.size() - 1));
}

std::string title_of(const SeriesModel& model) {
  const std::vector<std::string>& columns = model.options().columns.states;
  return "Fit of " + text::join(columns.empty() ? model.state_names() : columns);
}

void check_has_paths(const Fit& fit, const char* method) {
  if (!fit.has_paths())
    throw InvalidArgument("[Fit.", method,
                          "] needs the data of the fit, which a Fit that was loaded does not have; fit again, or draw "
                          "what forecast gives. Run.plot draws a run folder.");
}

/// The trajectory of that name; of none, the first one of which something was held out.
std::size_t run_of(const FitResult& result, const nb::object& run) {
  if (run.is_none()) return result.split.held.empty() ? 0 : result.split.held.front().trajectory;
  const auto name = nb::cast<std::string>(nb::str(run));
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < result.series.trajectories.size(); ++i) {
    if (result.series.trajectories[i].id == name) return i;
    ids.push_back(result.series.trajectories[i].id);
  }
  if (ids == std::vector<std::string>{""})
    throw InvalidArgument("[Fit.plot] the data are one trajectory, which has no name; leave out run='", name, "'.");
  throw InvalidArgument("[Fit.plot] ", text::unknown_name("trajectory", name, ids));
}

nb::list paths(const std::vector<StatePath>& all) {
  nb::list made;
  for (const StatePath& path : all) made.append(nb::make_tuple(to_numpy(path.times), to_numpy(path.states.middle)));
  return made;
}

nb::object plot(const Fit& fit, const nb::object& run, const nb::object& axes) {
  check_has_paths(fit, "plot");
  const FitResult& result = fit.result;
  const std::size_t trajectory = run_of(result, run);
  const Trajectory& seen = result.series.trajectories[trajectory];
  const ShownPaths shown = paths_of(result, trajectory);
  nb::dict drawn;
  drawn["id"] = seen.id;
  drawn["times"] = to_numpy(seen.times);
  drawn["states"] = to_numpy(seen.states);
  drawn["fitted"] = paths(shown.fitted);
  drawn["forecasts"] = paths(shown.forecasts);
  drawn["held"] = nb::none();
  for (const Window& held : result.split.held)
    if (held.trajectory == trajectory) drawn["held"] = seen.times[origin_before(held)];
  drawn["names"] = result.config.model.columns.states;
  drawn["time"] = result.series.time_name.empty() ? std::string("time") : result.series.time_name;
  const TimeScale& scale = result.series.time_scale;
  drawn["scale"] = nb::make_tuple(scale.unit, scale.origin);
  return nb::module_::import_("costate._plot").attr("draw")(drawn, axes);
}

void bind_texts(nb::class_<Fit>& type) {
  type.def_prop_ro(
          "errors", [](const Fit& fit) { return errors_of(fit.result); },
          "Errors of the forecast of all that was held out: the neural ODE and its rivals.")
      .def_prop_ro(
          "verdict", [](const Fit& fit) { return fit.verdict; },
          "Relative errors by how far ahead, beside the rivals', and in words whether to use the model; '' if nothing "
          "was held\nout.")
      .def_prop_ro(
          "chosen", [](const Fit& fit) { return fit.chosen; }, "The form of the model that was chosen.")
      .def_prop_ro(
          "summary", [](const Fit& fit) { return fit.summary; },
          "What the samples were for, the form that was chosen and the verdict, as `costate fit` prints them.")
      .def("__repr__", [](const Fit& fit) { return fit.summary; })
      .def_prop_ro(
          "history", [](const Fit& fit) { return history_of(fit.result.training.history); },
          "What training did: one array a column, one number an epoch.")
      .def(
          "report",
          [](const Fit& fit, const std::filesystem::path& path) {
            check_has_paths(fit, "report");
            write_fit_report(path, fit.result);
          },
          nb::arg("path"), "Writes the report of `costate fit`, one HTML file: pictures, errors, training, options.")
      .def("plot", &plot, nb::arg("run").none() = nb::none(), nb::arg("axes").none() = nb::none(),
           R"(Draws data, fit and the forecast of what was held out, over time, by matplotlib.

run     name of the trajectory; None: the first one of which something was held out.
axes    one of matplotlib's Axes for each state, to draw into; None: new ones, one above the other.

Gives an array of Axes, one a state.)");
}

void bind_predictions(nb::class_<Fit>& type) {
  type.def_prop_ro("parameters", [](const Fit& fit) { return fit.result.model().parameters(); })
      .def(
          "predict",
          [](const Fit& fit, nb::handle start, nb::handle times, const nb::object& input_times,
             const nb::object& inputs, const nb::object& covariates) {
            return predict(fit.result.model(), start, times, input_times, inputs, covariates);
          },
          nb::arg("start"), nb::arg("times"), nb::arg("input_times").none() = nb::none(),
          nb::arg("inputs").none() = nb::none(), nb::arg("covariates").none() = nb::none(),
          R"(States [time, state] from `start` at times[0], in the data's units; NaN from where the model blows up.

start   [state] measured states, and hidden ones after them if they are known; else these are as at the start of a trajectory.
times   [time], numbers as in the data; dates, or days or seconds since the earliest of the fit, where the data have dates.
input_times, inputs  [input time] and [input time, input], if the model has inputs.
covariates  [covariate])")
      .def(
          "slopes", [](const Fit& fit, nb::handle states) { return slopes_at(fit.result.model(), states); },
          nb::arg("states"),
          "The learned rate of change at each state [n, state], in the data's units; inputs are at their mean.")
      .def(
          "field",
          [](const Fit& fit, nb::handle, nb::handle z, const nb::object& inputs) {
            return fit.result.model().slope(to_array(z), inputs.is_none() ? Array() : to_array(inputs));
          },
          nb::arg("t"), nb::arg("z"), nb::arg("inputs").none() = nb::none(),
          "Inside a trace: the learned rate of change at one state [state] in the data's units, so that\n"
          "costate.solve(model.field, z0, times) goes on with a fit. The time is not read. Inputs [input] are at their "
          "mean "
          "if left out.")
      .def(
          "save", [](const Fit& fit, const std::filesystem::path& path) { fit.result.ensemble.save(path); },
          nb::arg("path"), "Writes the model as safetensors, for costate.load.");
}

void bind_forecast(nb::class_<Fit>& type) {
  type.def(
      "forecast",
      [](const Fit& fit, nb::object until, std::optional<std::int64_t> steps, nb::object at, nb::object data,
         nb::object starts, nb::object inputs, std::optional<std::string> inputs_ahead) {
        return forecast_of(fit, {.until = std::move(until),
                                 .at = std::move(at),
                                 .data = std::move(data),
                                 .starts = std::move(starts),
                                 .inputs = std::move(inputs),
                                 .steps = steps,
                                 .inputs_ahead = std::move(inputs_ahead)});
      },
      nb::arg("until").none() = nb::none(), nb::kw_only(), nb::arg("steps").none() = nb::none(),
      nb::arg("at").none() = nb::none(), nb::arg("data").none() = nb::none(), nb::arg("starts").none() = nb::none(),
      nb::arg("inputs").none() = nb::none(), nb::arg("inputs_ahead").none() = nb::none(),
      nb::sig("def forecast(self, until: object | None = None, *, steps: int | None = None, at: object | None = None, "
              "data: object | None = None, starts: object | None = None, inputs: object | None = None, "
              "inputs_ahead: str | None = None) -> typing.Any"),
      R"(Runs the model on from where its data end, as `costate forecast` does.

until   the last time: a number, or a date (text, datetime, NumPy's or pandas') where the data have dates.
steps   or so many samples, at the spacing of the data.
at      starts at the last sample up to this time instead, in `data` or in the data of the fit.
data    starts at the last measured sample of these; what it lacks is estimated from those before. Rows behind it, of inputs
        alone, give times to forecast.
starts  or at each row of these, or each trajectory.
inputs  inputs and events over the time of the forecast.
inputs_ahead  what is taken for inputs behind the last known one: 'hold', or 'repeat' those of a period before.

data, starts and inputs are what fit_table takes, in the columns of the fit: a DataFrame, a dict of columns or a path. Those of a
fit of arrays are t, z0, z1, …, u0, u1, …, c0, c1, …, unless pandas gave them names, and run where there were several.

Gives a Forecast: times, states and outside of each trajectory, notes, and to_frame() for pandas.)");
}

}  // namespace

Fit to_fit(FitResult result, TimeSeries data) {
  Fit fit{.result = std::move(result), .data = std::move(data)};
  fit.verdict = verdict_of(fit.result);
  fit.chosen = fit.result.chosen.candidate.text();
  fit.summary = text::concat(title_of(fit.result.model()), ": ", fit.result.parts.text(), "\nchosen: ", fit.chosen,
                             fit.verdict.empty() ? "" : "\n", fit.verdict);
  return fit;
}

Fit to_fit(Ensemble ensemble) {
  Fit fit{.result = {.ensemble = std::move(ensemble)}};
  fit.summary = title_of(fit.result.model()) + ", its model alone";
  return fit;
}

void bind_fit(nb::module_& module) {
  nb::class_<Fit> type(module, "Fit", "A fitted model of a time series.");
  type.def("__getstate__", &fit_state).def("__setstate__", &set_fit_state);
  bind_texts(type);
  bind_predictions(type);
  bind_forecast(type);
  bind_export(type);
}

}  // namespace costate::python
