// Fit.forecast: what `costate forecast` does, with tables from Python.
#include "costate/series/forecast.h"

#include "costate/base/error.h"
#include "costate/series/forecast_tables.h"
#include "python/bindings/fit.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

/// What a caller gives as data, starts or inputs, in the columns of the model.
TimeSeries read(TimeSeries (*from_table)(const CsvTable&, const SeriesModel&), const char* name, nb::handle data,
                const SeriesModel& model) {
  if (data.is_none()) return {};
  return from_table(to_table(data, model.options().columns, text::concat("[forecast] ", name)).table, model);
}

ForecastOptions options_of(const Fit& fit, const ForecastArguments& given, std::vector<std::string>& notes) {
  const SeriesModel& model = fit.result.model();
  ForecastOptions options{.until = to_time("until", given.until, model.time_scale()),
                          .steps = given.steps,
                          .data = read(data_from_table, "data", given.data, model),
                          .at = to_time("at", given.at, model.time_scale()),
                          .starts = read(starts_from_table, "starts", given.starts, model),
                          .drive = read(drive_from_table, "inputs", given.inputs, model),
                          .inputs_ahead = inputs_ahead_from_name(given.inputs_ahead.value_or(""))};
  const bool repeats = options.inputs_ahead == InputsAhead::kRepeat && given.starts.is_none();
  if (given.data.is_none() && (options.at || repeats)) {
    if (!fit.has_data())
      throw InvalidArgument("[forecast] a forecast ", options.at ? "from a time" : "with inputs that repeat",
                            " needs data, which a Fit that was loaded does not have; give them with data.");
    options.data = fit.data;
  }
  notes = remove_outliers_of(options.data, model);
  return options;
}

}  // namespace

nb::object forecast_of(const Fit& fit, const ForecastArguments& given) {
  const SeriesModel& model = fit.result.model();
  std::vector<std::string> notes;
  const ForecastOptions options = options_of(fit, given, notes);
  const Forecast made = run_long([&] { return forecast(fit.result.ensemble, options); });
  const std::string trajectory_name =
      given.starts.is_none() ? model.options().columns.trajectory : options.starts.trajectory_name;
  notes.insert(notes.end(), made.notes.begin(), made.notes.end());
  for (std::string& note : notes) note = with_keywords(note);
  nb::list ids, times, states;
  for (const Trajectory& trajectory : made.series.trajectories) {
    ids.append(trajectory.id);
    times.append(to_numpy(trajectory.times));
    states.append(to_numpy(trajectory.states));
  }
  nb::list lower, upper;
  for (const HostArray& ends : made.lower) lower.append(to_numpy(ends));
  for (const HostArray& ends : made.upper) upper.append(to_numpy(ends));
  const std::string time_name = made.series.time_name.empty() ? "time" : made.series.time_name;
  const auto names = nb::make_tuple(time_name, made.series.state_names,
                                    trajectory_name.empty() ? std::string("trajectory") : trajectory_name);
  const TimeScale& scale = made.series.time_scale;
  return nb::module_::import_("costate._forecast")
      .attr("made")(nb::make_tuple(ids, times, states, names), nb::make_tuple(lower, upper), made.outside, notes,
                    nb::make_tuple(scale.unit, scale.origin, scale.format));
}

}  // namespace costate::python
