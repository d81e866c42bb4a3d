// A fitted model as source for other places: what `costate export` writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "costate/codegen/export_c.h"
#include "costate/codegen/export_onnx.h"
#include "costate/io/safetensors.h"
#include "costate/series/series_model.h"

namespace costate {

struct ModelExportOptions {
  CExportOptions c = {};
  bool has_vjp = false;    // of C: besides, the vector-Jacobian product of the rate
  std::int64_t steps = 0;  // of ONNX: so many fixed steps, unrolled; 0: the rate alone
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

/// The bytes of an ONNX model of the rate of change, or of fixed steps of the method of the fit, with names and units
/// in its metadata. Inputs: state [batch, z] and, of a solve, step [batch], the length of one; then, as far as the
/// model has them, time [batch], which its clocks read, in f64; inputs [batch, input], or [batch, steps + 1, input] at
/// the ends of the steps; covariates [batch, covariate]. Output: rate [batch, z], or states [batch, steps + 1, z].
///
/// Throws: NotSupported for events, for a solve with inputs on cubics, and as export_onnx.
std::string export_onnx(const SeriesModel& model, const ModelExportOptions& options);

/// A PyTorch module of the rate of change, to be trained further, and its weights. `weights_file` is the name by which
/// the module looks for them beside itself.
struct TorchExport {
  std::string module;
  ArrayFile weights;
};

/// NotSupported for a model with events.
TorchExport export_torch(const SeriesModel& model, Dtype dtype, const std::string& weights_file);

enum class FmiVersion { k2, k3 };

/// The bytes of an FMU of FMI 2.0 or 3.0, for model exchange and for co-simulation by the method and the tolerances of
/// the fit: sources, and a binary of them for this machine by its own C compiler. Outputs are the states,
/// which may be set, too; inputs are held through a step, covariates are parameters. Directional derivatives, and
/// states that can be kept and serialized.
///
/// Throws: NotSupported for a model with events, and where the compiler's binaries are for another machine than Linux
/// or macOS on x86, x86-64 or 64-bit Arm; IoError if there is no C compiler.
std::string export_fmu(const SeriesModel& model, const std::string& prefix, FmiVersion version);

enum class ExportTarget { kC, kPython, kOnnx, kTorch, kFmu, kFmu3 };

/// "c", "python", "onnx", "torch", "fmu" (FMI 2.0), "fmu3" (FMI 3.0). The way back throws InvalidArgument, with the
/// nearest name, if there is none.
std::string name(ExportTarget target);
ExportTarget export_target_from_name(const std::string& name);
std::vector<std::string> export_targets();

/// A name that goes with a folder: "runs/my pendulum" gives "my_pendulum".
std::string prefix_of(const std::filesystem::path& folder);
/// "pendulum.h"
std::string default_file(ExportTarget target, const std::string& prefix);

/// Writes the model for a target, aside and then renamed; of PyTorch the weights, too, as NAME.safetensors beside it. A
/// file that is there may be an earlier export, by its content, and nothing else: InvalidArgument, as for options of
/// another target, and before anything is made.
/// IoError if it cannot be written; throws as the target's function.
void write_export(const SeriesModel& model, ExportTarget target, const ModelExportOptions& options,
                  const std::filesystem::path& path);

}  // namespace costate
