// The model of Chen X. et al. 2022 (Nature Communications 13:1016): a magnetic texture that is seen through one number,
// its mean magnetization, and driven by known inputs. The state is k successive samples of that number,
//
//     z = (y(t), y(t + dt), …),   dz/dt = net(z, e(t), e(t + dt), …),   e(t) [input],
//
// in units of the sampling time dt.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "costate/models/models.h"
#include "costate/nn/nn.h"
#include "experiments/experiment.h"

namespace costate::experiments {

/// y and inputs, sampled evenly.
struct SpintronicSeries {
  std::vector<double> y;
  std::vector<std::vector<double>> inputs;  // [input][sample]
};

/// A column of the table that drives the system, and its units: e = (column - offset) / scale.
struct DriveColumn {
  std::size_t column;
  double offset, scale;
};

/// The file called `name` in the request's data. InvalidArgument, with where to get the data, if it is not there.
std::filesystem::path spintronic_file(const Request& request, const std::string& name);

/// Every `stride`-th row of a table of Mumax3 (columns t, mx, my, mz, …): y = 10 (mz - mz of the first row).
SpintronicSeries read_spintronic(const std::filesystem::path& table, std::size_t stride,
                                 std::span<const DriveColumn> drives);

/// The field, and its network of two hidden layers of 50.
class SpintronicModel {
 public:
  SpintronicModel(int delays, int inputs, std::uint64_t seed);

  int delays() const { return delays_; }
  const Mlp& net() const { return net_; }
  /// Arguments: u_times [n] and u [n, input]; `interpolation` says how inputs run between their samples.
  VectorField field(std::int64_t num_samples, Interpolation interpolation = Interpolation::kCubic) const;
  /// The authors' weights: tensors ext0.{0,3,6}.{weight,bias}.
  void load(const std::filesystem::path& safetensors) const;

 private:
  int delays_, inputs_;
  Mlp net_;
};

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
TrainResult train_spintronic(const SpintronicModel& model, const SpintronicSeries& series,
                             const SpintronicTraining& training);

/// y over the stretch, solved from its first samples alone, one step of rk4 a sample.
std::vector<double> free_run(const SpintronicModel& model, const SpintronicSeries& series, const Span& span);

/// Mean square difference to the series over samples first, first + 1, … of it.
double mean_square_error(const std::vector<double>& found, const SpintronicSeries& series, std::int64_t first);

}  // namespace costate::experiments
