// The neural ODE of a time series, in normalized units, with what it takes to go back to the data's:
//
//     z' = A v + b + net(v),   v = (z, u(t), c, clocks(t)),   z = (x, h)
//
// x are the measured states and h hidden ones, which no column measures; u are inputs, c the covariates of a
// trajectory, clocks sine and cosine of a period and of its half and third. The linear part is where training starts
// from. Nothing is known of h where a trajectory starts, but what x and c tell there by a linear map; later samples
// tell more (start_estimate.h). What is not measured of x there is a linear map of c. Events add to z (event_path.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/safetensors.h"
#include "costate/nn/mlp.h"
#include "costate/series/event_response.h"
#include "costate/series/model_options.h"
#include "costate/series/normalization.h"
#include "costate/solve/solve.h"

namespace costate {

/// Where the data of a trajectory end, and a forecast begins.
struct LastState {
  std::string trajectory;
  double time = 0;
  std::vector<double> state;  // measured states in the data's units, then hidden ones
  std::vector<double> covariates = {};
  /// When each measured state was last seen, NaN for never; empty where that is not known.
  std::vector<double> seen = {};
  std::vector<double> inputs = {};  // of the last sample; empty where they are not known
  std::vector<Event> events = {};   // at this time or running on
};

/// The least and the greatest number of each column that was trained on; empty where they are not known.
struct TrainingRange {
  std::vector<double> state_low = {}, state_high = {}, input_low = {}, input_high = {};
  std::vector<double> times = {};  // the first and the last one
};

/// Of measured cells.
TrainingRange range_of(const TimeSeries& training);

class SeriesModel {
 public:
  /// For a series (embedded, if the options say so), with weights drawn by `seed`. The options must leave no choice to
  /// a fit. InvalidArgument if their solve sets fixed steps: those follow the data (longest_step).
  SeriesModel(SeriesModelOptions options, const TimeSeries& series, Normalization normalization, std::uint64_t seed);

  const SeriesModelOptions& options() const { return options_; }
  const Normalization& normalization() const { return normalization_; }
  /// Of the measured states, delayed copies among them.
  const std::vector<std::string>& state_names() const { return state_names_; }
  const std::vector<std::string>& input_names() const { return options_.columns.inputs; }
  const std::vector<std::string>& covariate_names() const { return options_.columns.covariates; }
  /// Of the columns of events.
  std::vector<std::string> event_names() const;
  const TimeScale& time_scale() const { return time_scale_; }
  /// All that is trained.
  std::vector<Parameter> parameters() const;
  const std::vector<LastState>& last_states() const { return last_states_; }
  void set_last_states(std::vector<LastState> states) { last_states_ = std::move(states); }
  const TrainingRange& range() const { return range_; }
  void set_range(TrainingRange range) { range_ = std::move(range); }
  /// After which the data of the fit repeat themselves; 0 if they do not.
  double period() const { return period_; }
  void set_period(double period) { period_ = period; }
  void set_correction(const Correction& correction) { options_.correction = correction; }
  /// The median time between samples.
  double spacing() const { return spacing_; }
  /// How long the steps of a method without an error estimate are at most, in the data's unit of time: as the longest
  /// from one sample of training to the next (longest_interval), up to a 256th, which times lack that are written with
  /// few digits. Training takes one step between samples, and a field that was trained so is right for such steps
  /// alone.
  double longest_step() const;
  /// As all of its solves have them: of the fit, and with such steps of a method without an error estimate.
  SolveOptions solve_options() const;

  /// Numbers of z: measured states, then hidden ones.
  std::size_t num_measured() const { return state_names_.size(); }
  std::size_t num_states() const { return num_measured() + static_cast<std::size_t>(options_.memory.states); }

  bool has_events() const { return response_.has_value(); }

  /// A whole state [z]: measured ones in the data's units, hidden ones as they are.
  std::vector<double> in_data_units(std::vector<double> z) const;

  /// The field of y (event_path.h) in normalized units. Its arguments: u_times [n] and u [n, input] if there are
  /// inputs; e_times [k], e_moves [k, z] and e_rates [k, z] if there are events, amounts and rates of an EventPath as
  /// they move z; c [covariate] if there are covariates; phases [period] of the clocks at t = 0 if there are any.
  VectorField field(std::int64_t num_input_samples, std::int64_t num_event_times) const;
  /// What drives z at a time, inside a trace, as far as the model has it, and empty Arrays for the rest; normalized.
  struct Drive {
    Array inputs = {};             // [input]
    Array moved = {}, rates = {};  // [z], by events: B w and B r (event_path.h)
    Array covariates = {};         // [covariate]
    Array phases = {};             // [period], of the clocks at t = 0
  };
  /// Inside a trace: the field at t and y [z] itself, for who reads the tables of inputs and events by other means.
  Array rate_at(const Array& t, const Array& y, const Drive& drive) const;
  /// Inside a trace: how amounts of events, or rates, [n, event] move z: [n, z].
  Array moves(const Array& amounts, const Array& covariates) const;
  /// Inside a trace: x [measured] with what is not measured, where `unmeasured` [measured] is 1, as c tells it.
  Array measured_start(const Array& x, const Array& unmeasured, const Array& covariates) const;
  bool knows_unmeasured_starts() const { return unmeasured_.has_value(); }
  /// Whether the start of a measured state may be unmeasured.
  bool may_be_unmeasured(std::size_t state) const;
  /// Inside a trace: hidden states at a start, as far as x [measured] and c there tell them; normalized. An empty
  /// Array for a model without.
  Array hidden_start(const Array& x, const Array& covariates) const;
  /// 2 pi times the share of each clock's period that has passed at a time in the data's units.
  std::vector<double> phases(double time) const;

  /// States at times[0], times[1], … from `start` at times[0], all in the data's units; NaN from where the solve fails.
  /// `start` holds the measured states, NaN for one that is not measured and may be so, and may hold the hidden ones
  /// after them; they are hidden_start's otherwise. Events before times[0] are in the start; those at it are yet to
  /// come. `inputs` [input sample, input] at `input_times`, empty if the system has none; `covariates` one number each.
  /// Gives the measured states.
  /// Throws ShapeError for a start, times, inputs, covariates or events that do not fit the model, InvalidArgument for
  /// times that turn back, DataError for input times that do not increase and numbers that are not finite.
  struct Query {
    std::vector<double> start = {}, times = {};
    std::vector<double> input_times = {};
    HostArray inputs = HostArray(Shape{0, 0});
    std::vector<double> covariates = {};
    std::vector<Event> events = {};
  };
  std::vector<std::vector<double>> predict(const Query& query) const;

  /// The learned rate of change at each state, in the data's units; hidden states are as at a start, inputs and
  /// covariates at their mean, clocks at phase 0. ShapeError for a state of another length.
  std::vector<std::vector<double>> slopes(const std::vector<std::vector<double>>& states) const;
  /// The same inside a trace: of one state [measured], with inputs [input] in the data's units, or an empty Array for
  /// their mean. ShapeError if the shapes are others, InvalidArgument for a model with hidden states or a clock, of
  /// which a state does not tell the slope.
  Array slope(const Array& state, const Array& inputs) const;
  /// The steps that a prediction takes, times and sizes in the data's units.
  std::vector<AcceptedStep> steps(const Query& query) const;

  /// The model as named arrays, for a file (series_model_file.cpp). DataError, naming `source`, if `file` holds no such
  /// model.
  ArrayFile to_file() const;
  static SeriesModel from_file(const ArrayFile& file, const std::string& source);
  /// IoError if the file cannot be written or read; DataError as from_file.
  void save(const std::filesystem::path& path) const { write_safetensors(path, to_file()); }
  static SeriesModel load(const std::filesystem::path& path) {
    return from_file(read_safetensors(path), path.string());
  }

 private:
  /// Models of format 1 have a net alone.
  enum class Parts { kNetAlone, kAll };

  SeriesModel(SeriesModelOptions options, std::vector<std::string> state_names, std::uint64_t seed, Parts parts);

  /// A query in normalized units, as solve() takes it.
  struct Problem {
    HostArray start, times;
    std::vector<HostArray> arguments;
    SolveOptions options;
    HostArray moved = {};  // [time, z], by events before each time
    std::int64_t num_event_times = 0;
  };
  void check(const Query& query) const;
  Problem problem_of(const Query& query) const;
  std::vector<double> start_of(const Query& query) const;
  void add_events(const Query& query, Problem& problem) const;
  void begin_unmeasured(const TimeSeries& series);
  Array rate(std::span<const Array> features) const;
  Array slope_at_start(const Array& state, const Array& inputs) const;
  Array clocks(const Array& t, const Array& phases) const;

  SeriesModelOptions options_;
  std::vector<std::string> state_names_;
  TimeScale time_scale_;
  Normalization normalization_;
  double spacing_ = 1, longest_interval_ = 1;
  double period_ = 0;
  TrainingRange range_;
  std::vector<LastState> last_states_;
  std::optional<Mlp> net_, linear_, start_;
  std::optional<EventResponse> response_;
  std::optional<UnmeasuredStart> unmeasured_;
};

}  // namespace costate
