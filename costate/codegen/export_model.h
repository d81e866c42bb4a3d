// A fitted model as source for other places: what `costate export` writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "costate/codegen/export_c.h"
#include "costate/series/series_model.h"

namespace costate {

struct ModelExportOptions {
  CExportOptions c = {};
  bool has_vjp = false;  // besides, the vector-Jacobian product of the rate
};

/// A C99 header with the model: its start, its rate of change and two solvers of the method of the fit, by fixed steps
/// and by steps that follow the error, all in the data's units. Inputs run between their samples as in training; events
/// and covariates are taken as the model takes them. Nothing is allocated, nothing is global, every function returns a
/// status. With the options of export_c for equal bits, the steps and states are those of SeriesModel::predict.
///
/// Throws: as export_c for an activation that C has no source for.
std::string export_c(const SeriesModel& model, const ModelExportOptions& options);

/// A Python module that needs NumPy alone, with the same functions: rate, solve, solve_fixed and, where the model has
/// them, start and measured_of_samples. It is to be read and to be changed; its sums are NumPy's, so that states agree
/// with the library's to rounding and not to the bit.
std::string export_numpy(const SeriesModel& model, Dtype dtype);

enum class ExportTarget { kC, kPython };

/// "c", "python". The way back throws InvalidArgument, with the nearest name, if there is none.
std::string name(ExportTarget target);
ExportTarget export_target_from_name(const std::string& name);
std::vector<std::string> export_targets();

/// A name that goes with a folder: "runs/my pendulum" gives "my_pendulum".
std::string prefix_of(const std::filesystem::path& folder);
/// "pendulum.h"
std::string default_file(ExportTarget target, const std::string& prefix);

/// Writes the model for a target, aside and then renamed. A file that is there may be an earlier export, and nothing
/// else: InvalidArgument. IoError if it cannot be written; throws as the target's function.
void write_export(const SeriesModel& model, ExportTarget target, const ModelExportOptions& options,
                  const std::filesystem::path& path);

}  // namespace costate
