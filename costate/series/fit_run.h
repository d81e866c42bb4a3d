// A fit from a data file into a run folder: config.toml, checkpoints, model.safetensors, history.csv, metrics.json,
// forecast.csv.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "costate/io/run_folder.h"
#include "costate/series/fit.h"

namespace costate {

/// What metrics.json calls the end of a fit that its caller ended (FitResult::was_stopped): it is not done.
inline constexpr const char* kInterrupt = "interrupt";

enum class RunMode {
  kNew,      // the folder must be empty or absent
  kReplace,  // files of an earlier run are removed first
  kResume,   // goes on with an earlier run of the same config and data
};

/// Reads the data, fits and writes all but the report. A run that was killed at any moment can be resumed and gives the
/// same bits, and so does one that time ended, by what it wrote to RunFolder::stopped. Ranks of a CommunicatorScope
/// each read the data, share the work and see one folder, which the first one writes. `options` gives the callbacks;
/// the rest is filled in here. `on_data` gets look.h's lines about the file
/// and its series before anything is trained.
///
/// Throws: as fit, read_series and RunFolder; InvalidArgument if a run to be resumed has another config or its data
/// have changed, or if ranks differ in data, version or processor.
FitResult fit_run(FitConfig config, const std::filesystem::path& folder, RunMode mode, FitOptions options = {},
                  const std::function<void(const std::string&)>& on_data = {});

/// What judges instead of a part of `series`, read with the same columns and onto the same times; empty if the config
/// names no such file. Throws as read_series; DataError if it is the file of the fit.
TimeSeries read_judge(FitConfig& config, const TimeSeries& series);

/// The models of an earlier run. DataError, which says how to get one, if the fit has not come to it yet.
Ensemble read_models(const RunFolder& run);

/// The data of an earlier run, as it read them. DataError, which says to name other data, if they have changed or
/// cannot be read.
TimeSeries read_fit_data(const RunFolder& run);

/// The config of an earlier run. Throws as RunFolder::open and fit_config_from.
FitConfig read_fit_config(const RunFolder& run);

}  // namespace costate
