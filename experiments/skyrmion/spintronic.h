// The data of Chen X. et al. 2022 (Nature Communications 13:1016), and how their model of it (DrivenDelays) is trained
// and run: a magnetic texture that is seen through its mean magnetization, in units of the sampling time.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/models/models.h"
#include "costate/train/train.h"
#include "experiments/experiment.h"

namespace costate::experiments {

/// y and inputs, sampled evenly.
struct SpintronicSeries {
  std::vector<double> y;
  std::vector<std::vector<double>> inputs;  // [input][sample]
  double rest = 0;                          // mz where y = 0
};

/// A column of the table that drives the system, and its units: e = (column - offset) / scale.
struct DriveColumn {
  std::size_t column;
  double offset, scale;
};

/// The file called `name` in the request's data. InvalidArgument, with where to get the data, if it is not there.
std::filesystem::path spintronic_file(const Request& request, const std::string& name);

struct SpintronicRows {
  std::size_t stride = 1;           // every stride-th row is a sample
  std::size_t fewest = 1;           // samples that are needed
  std::optional<double> rest = {};  // mz where y = 0; none: that of the first row
};

/// A table of Mumax3 (columns t, mx, my, mz, …): y = 10 (mz - rest). DataError if a row has too few numbers, or the
/// table too few rows.
SpintronicSeries read_spintronic(const std::filesystem::path& table, const SpintronicRows& rows,
                                 std::span<const DriveColumn> drives);

/// The model with its network of two hidden layers of 50, in the authors' units.
DrivenDelays spintronic_model(int delays, int inputs, std::uint64_t seed);

/// The same with the authors' weights: tensors ext0.{0,3,6}.{weight,bias}.
DrivenDelays published_model(const std::filesystem::path& safetensors);

/// A stretch of samples.
struct Span {
  std::int64_t first, count;
};

/// Trains on a stretch; the best weights stay in the model.
struct SpintronicTraining {
  Span span;
  std::int64_t window = 20;  // samples
  std::int64_t epochs = 100, polish = 500;
  std::uint64_t seed = 0;
};
TrainResult train_spintronic(const DrivenDelays& model, const SpintronicSeries& series,
                             const SpintronicTraining& training);

/// y over the stretch, solved from its first samples alone, one step of rk4 a sample.
std::vector<double> free_run(const DrivenDelays& model, const SpintronicSeries& series, const Span& span);

/// Mean square difference to the series over samples first, first + 1, … of it.
double mean_square_error(const std::vector<double>& found, const SpintronicSeries& series, std::int64_t first);

}  // namespace costate::experiments
