// Run folders of `costate fit`, for costate.Run (python/costate/_run.py), and what a fit says while it is at work.
#include <nanobind/stl/filesystem.h>

#include <memory>

#include "costate/base/error.h"
#include "costate/report/fit_report.h"
#include "costate/series/fit_run.h"
#include "python/bindings/fit.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

/// (Fit, why it has no data or "", [trajectory] of (name, times, states), unit and origin of the times).
nb::tuple open_run(const std::filesystem::path& path) {
  const RunFolder folder = RunFolder::open(path);
  Fit fit = to_fit(read_models(folder));
  std::string missing;
  try {
    fit.data = read_fit_data(folder);
  } catch (const Error& error) {
    missing = with_keywords(error.what());
  }
  nb::list seen;
  for (const Trajectory& one : fit.data.trajectories)
    seen.append(nb::make_tuple(one.id, to_numpy(one.times), to_numpy(one.states)));
  const TimeScale scale = fit.result.model().time_scale();
  return nb::make_tuple(nb::cast(std::move(fit)), missing, seen, nb::make_tuple(scale.unit, scale.origin));
}

Fit resume_run(const std::filesystem::path& path, const nb::object& progress) {
  const RunFolder folder = RunFolder::open(path);
  const FitOptions options{.on_epoch = to_epoch_listener(progress)};
  return run_long([&] {
    FitResult result = fit_run(read_fit_config(folder), path, RunMode::kResume, options);
    write_fit_report(folder.report(), result);
    return to_fit(std::move(result), read_fit_data(folder));
  });
}

nb::dict said_of(const FitProgress& progress) {
  nb::dict said;
  said["model"] = progress.model;
  said["epoch"] = static_cast<std::int64_t>(progress.row.epoch) + 1;
  said["epochs"] = progress.epochs;
  said["is_trial"] = progress.is_trial;
  said["loss"] = progress.row.loss;
  said["validation_loss"] = progress.row.validation_loss;
  said["nfe_forward"] = progress.row.nfe_forward;
  said["nfe_backward"] = progress.row.nfe_backward;
  said["seconds"] = progress.row.seconds;
  return said;
}

}  // namespace

std::function<void(const FitProgress&)> to_epoch_listener(const nb::object& progress) {
  if (progress.is_none()) return {};
  // The library copies the callback where the interpreter's lock is not held; the last copy dies with the caller's.
  const auto listener =
      std::make_shared<nb::object>(nb::module_::import_("costate._progress").attr("listener")(progress));
  return [listener](const FitProgress& made) {
    const nb::gil_scoped_acquire acquire;
    (*listener)(said_of(made));
  };
}

void bind_runs(nb::module_& module) {
  module.def("_with_keywords", &with_keywords, nb::arg("text"),
             "A text of the command line with keywords for its flags.");
  module.def("_open_run", &open_run, nb::arg("folder"), "What a run folder holds of its model and its data.");
  module.def("_resume_run", &resume_run, nb::arg("folder"), nb::arg("progress").none(), "Goes on with a run.");
  module.def(
      "_numbers_of_times",
      [](const Fit& fit, nb::handle times) { return to_numpy(to_times(times, fit.result.model().time_scale())); },
      nb::arg("fit"), nb::arg("times"), "Times as numbers on the axis of a model.");
}

}  // namespace costate::python
