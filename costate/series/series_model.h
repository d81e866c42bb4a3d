// The neural ODE of a time series: z' = net(z, u(t)) in normalized units, with what it takes to go back to the data's.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/safetensors.h"
#include "costate/nn/mlp.h"
#include "costate/series/fit_config.h"
#include "costate/series/normalization.h"
#include "costate/solve/solve.h"

namespace costate {

/// Where the data of a trajectory end, and a forecast begins.
struct LastState {
  std::string trajectory;
  double time = 0;
  std::vector<double> state;  // in the data's units
};

class SeriesModel {
 public:
  /// For a series (embedded, if the config says so), with weights drawn by the config's seed.
  SeriesModel(FitConfig config, const TimeSeries& series, Normalization normalization);

  const FitConfig& config() const { return config_; }
  const Normalization& normalization() const { return normalization_; }
  const std::vector<std::string>& state_names() const { return state_names_; }
  const std::vector<std::string>& input_names() const { return config_.columns.inputs; }
  const TimeScale& time_scale() const { return time_scale_; }
  const Mlp& net() const { return net_; }
  const std::vector<LastState>& last_states() const { return last_states_; }
  /// The median time between samples.
  double spacing() const { return spacing_; }

  /// The field in normalized units; with inputs it takes arguments u_times [n] and u [n, input].
  VectorField field(std::int64_t num_input_samples) const;

  /// States at times[0], times[1], … from `start` at times[0], all in the data's units; NaN from where the solve fails.
  /// `inputs` [input sample, input] at `input_times`, empty if the system has none. Throws ShapeError for a start,
  /// times or inputs that do not fit the model, InvalidArgument for times that turn back, DataError for input times
  /// that do not increase and inputs that are not finite.
  struct Query {
    std::vector<double> start = {}, times = {};
    std::vector<double> input_times = {};
    HostArray inputs = HostArray(Shape{0, 0});
  };
  std::vector<std::vector<double>> predict(const Query& query) const;

  /// The learned rate of change at each state, in the data's units; inputs are at their mean. ShapeError for a state of
  /// another length.
  std::vector<std::vector<double>> slopes(const std::vector<std::vector<double>>& states) const;
  /// The same inside a trace: of one state [state], with inputs [input] in the data's units, or an empty Array for
  /// their mean. ShapeError if the shapes are others.
  Array slope(const Array& state, const Array& inputs) const;
  /// The steps that a prediction takes, times and sizes in the data's units.
  std::vector<AcceptedStep> steps(const Query& query) const;

  /// The model as named arrays, for a file. DataError, naming `source`, if `file` holds no such model.
  ArrayFile to_file() const;
  static SeriesModel from_file(const ArrayFile& file, const std::string& source);
  /// IoError if the file cannot be written or read; DataError as from_file.
  void save(const std::filesystem::path& path) const { write_safetensors(path, to_file()); }
  static SeriesModel load(const std::filesystem::path& path) {
    return from_file(read_safetensors(path), path.string());
  }

 private:
  SeriesModel(FitConfig config, std::vector<std::string> state_names);

  /// A query in normalized units, as solve() takes it.
  struct Problem {
    HostArray start, times;
    std::vector<HostArray> arguments;
    SolveOptions options;
  };
  void check(const Query& query) const;
  Problem problem_of(const Query& query) const;

  FitConfig config_;
  std::vector<std::string> state_names_;
  TimeScale time_scale_;
  Normalization normalization_;
  double spacing_ = 1;
  std::vector<LastState> last_states_;
  Mlp net_;
};

}  // namespace costate
