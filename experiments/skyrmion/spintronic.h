// The data of Chen X. et al. 2022 (Nature Communications 13:1016), and how their model of it (DrivenDelays) is trained
// and run: a magnetic texture that is seen through its mean magnetization, in units of the sampling time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/experiment.h"

namespace costate::experiments {

constexpr double kNanoseconds = 0.005;  // of a sample

/// A column of the table that drives the system, and its units: e = (column - offset) / scale.
struct DriveColumn {
  std::string name;
  double offset, scale;
};

/// The file called `name` in the request's data. InvalidArgument, with where to get the data, if it is not there.
std::filesystem::path spintronic_file(const Request& request, const std::string& name);

struct SpintronicRows {
  std::int64_t stride = 1;          // every stride-th row is a sample
  std::int64_t fewest = 1;          // samples that are needed
  std::optional<double> rest = {};  // mz where y = 0; none: that of the first row
};

/// A table of Mumax3: y = 10 (mz - rest). DataError if a column is missing, or there are too few rows.
DrivenSeries read_spintronic(const std::filesystem::path& table, const SpintronicRows& rows,
                             const std::vector<DriveColumn>& drives);

/// mz in the table's first row.
double rest_of(const std::filesystem::path& table);

/// The model with its network of two hidden layers of 50, in the authors' units.
DrivenDelays spintronic_model(int delays, int inputs, std::uint64_t seed);

/// The same with the authors' weights: tensors ext0.{0,3,6}.{weight,bias}.
DrivenDelays published_model(const std::filesystem::path& safetensors);

/// Training on windows of a stretch.
struct TrainingRound {
  SampleSpan span;
  std::int64_t window = 20;  // samples
  std::int64_t epochs = 60, polish = 300;
};

/// One round after the other; the best weights stay in the model. Returns the seconds.
double train_spintronic(const DrivenDelays& model, const DrivenSeries& series, const std::vector<TrainingRound>& rounds,
                        const Request& request);

/// Mean square difference to the series over samples first, first + 1, … of it.
double mean_square_error(const HostArray& found, const DrivenSeries& series, std::int64_t first);

/// The style through the samples `shown`, over nanoseconds, of numbers that begin at sample `first`.
Curve over_time(const Curve& style, const HostArray& numbers, std::int64_t first, const SampleSpan& shown);

}  // namespace costate::experiments
