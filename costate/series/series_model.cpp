#include "costate/series/series_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/series/internal/count.h"
#include "costate/series/internal/model_numbers.h"
#include "costate/series/internal/rise.h"
#include "costate/series/internal/vector_of.h"
#include "costate/series/windows.h"

namespace costate {
namespace {

/// Widths as a net takes them: every layer's own number of inputs aside.
std::int64_t num_features(const SeriesModelOptions& options, std::size_t states) {
  return count_of(states) + count_of(options.columns.inputs.size()) + count_of(options.columns.covariates.size()) +
         2 * internal::kHarmonics * count_of(options.periods.size());
}

Mlp at_rest(const MlpOptions& options) {
  Mlp net(options);
  for (Parameter parameter : net.parameters())
    for (double& number : parameter.numbers()) number = 0;
  return net;
}

double median_spacing(const TimeSeries& series) {
  std::vector<double> steps;
  for (const Trajectory& trajectory : series.trajectories)
    for (std::size_t i = 1; i < trajectory.times.size(); ++i)
      steps.push_back(trajectory.times[i] - trajectory.times[i - 1]);
  return median(std::move(steps));
}

bool is_never_negative(const TimeSeries& series, std::size_t column) {
  for (const Trajectory& trajectory : series.trajectories)
    for (std::size_t i = 0; i < trajectory.times.size(); ++i)
      if (trajectory.states.at(count_of(i) * trajectory.states.shape()[1] + count_of(column)) < 0) return false;
  return true;
}

}  // namespace

TrainingRange range_of(const TimeSeries& training) {
  constexpr double kNothing = std::numeric_limits<double>::infinity();
  const std::size_t d = training.state_names.size(), m = training.input_names.size();
  TrainingRange range{std::vector(d, kNothing), std::vector(d, -kNothing), std::vector(m, kNothing),
                      std::vector(m, -kNothing)};
  const auto widen = [](const HostArray& cells, std::vector<double>& low, std::vector<double>& high) {
    for (std::int64_t i = 0; i < cells.size(); ++i) {
      const std::size_t column = static_cast<std::size_t>(i) % low.size();
      low[column] = std::fmin(low[column], cells.at(i));
      high[column] = std::fmax(high[column], cells.at(i));
    }
  };
  double first = kNothing, last = -kNothing;
  for (const Trajectory& trajectory : training.trajectories) {
    widen(trajectory.states, range.state_low, range.state_high);
    widen(trajectory.inputs, range.input_low, range.input_high);
    first = std::min(first, trajectory.times.front());
    last = std::max(last, trajectory.times.back());
  }
  range.times = {first, last};
  return range;
}

SeriesModel::SeriesModel(SeriesModelOptions options, std::vector<std::string> state_names, std::uint64_t seed,
                         Parts parts)
    : options_(std::move(options)), state_names_(std::move(state_names)) {
  const SolveOptions& solve = options_.solve;
  if (solve.steps_per_interval > 0 || solve.step_size > 0)
    throw InvalidArgument("[SeriesModel] steps follow the samples of the data, or the error; got steps_per_interval ",
                          solve.steps_per_interval, " and step_size ", solve.step_size,
                          ". Leave both out, and choose the method.");
  const std::int64_t states = count_of(num_states()), features = num_features(options_, num_states());
  const bool is_alone = parts == Parts::kNetAlone;
  if (is_alone || !options_.hidden.empty())
    net_.emplace(MlpOptions{.inputs = features,
                            .hidden = options_.hidden,
                            .outputs = states,
                            .activation = options_.activation,
                            .seed = seed});
  if (is_alone) return;
  // What is not linear begins small: drawn rates of about 1 may overflow over a long window before they have learned.
  constexpr double kSmall = 0.1;
  if (net_) {
    Parameter last = net_->parameters()[net_->parameters().size() - 2];
    for (double& number : last.numbers()) number *= kSmall;
  }
  linear_ = at_rest({.inputs = features, .outputs = states, .seed = seed, .name = "linear"});
  const std::int64_t measured = count_of(num_measured()), known = measured + count_of(covariate_names().size());
  if (states > measured)
    start_ = at_rest({.inputs = known, .outputs = states - measured, .seed = seed, .name = "start"});
  const std::int64_t events = count_of(options_.columns.events.size()), covariates = known - measured;
  if (events > 0) response_.emplace(states, events, covariates, seed);
  if (!options_.unmeasured_starts.empty()) unmeasured_.emplace(measured, covariates);
}

SeriesModel::SeriesModel(SeriesModelOptions options, const TimeSeries& series, Normalization normalization,
                         std::uint64_t seed)
    : SeriesModel(std::move(options), series.state_names, seed, Parts::kAll) {
  time_scale_ = series.time_scale;
  normalization_ = std::move(normalization);
  spacing_ = median_spacing(series);
  longest_interval_ = std::max(spacing_, longest_interval(series, normalization_.time_scale));
  if (unmeasured_) begin_unmeasured(series);
}

/// Of a state without a value where trajectories start, samples tell only the sum of the start and of what events add.
/// What is never below 0 and to which events add is taken to start at 0, with nothing in it yet, and to be what has
/// been added; another state to start at its mean. Training goes on from there.
void SeriesModel::begin_unmeasured(const TimeSeries& series) {
  for (std::size_t k = 0; k < num_measured(); ++k) {
    if (!response_ || !may_be_unmeasured(k) || !is_never_negative(series, k)) continue;
    unmeasured_->begin_with(count_of(k), -normalization_.state_offset[k] / normalization_.state_scale[k]);
    for (std::size_t e = 0; e < series.event_names.size(); ++e) {
      const internal::Rise rise = internal::rise_by(series, k, e, normalization_);
      response_->begin_with(count_of(k), count_of(e), rise.mean / normalization_.state_scale[k], rise.powers);
    }
  }
}

std::vector<Parameter> SeriesModel::parameters() const {
  std::vector<Parameter> all;
  for (const std::optional<Mlp>* part : {&net_, &linear_, &start_})
    if (*part) all.insert(all.end(), (*part)->parameters().begin(), (*part)->parameters().end());
  const auto add = [&](const std::vector<Parameter>& more) { all.insert(all.end(), more.begin(), more.end()); };
  if (response_) add(response_->parameters());
  if (unmeasured_) add(unmeasured_->parameters());
  return all;
}

Array SeriesModel::rate(std::span<const Array> features) const {
  const Array v = features.size() == 1 ? features[0] : concat(features);
  if (!linear_) return (*net_)(v);
  const Array straight = (*linear_)(v);
  return net_ ? straight + (*net_)(v) : straight;
}

Array SeriesModel::clocks(const Array& t, const Array& phases) const {
  std::vector<Array> waves;
  for (std::size_t k = 0; k < options_.periods.size(); ++k)
    for (std::int64_t harmonic = 1; harmonic <= internal::kHarmonics; ++harmonic) {
      const double frequency = 2 * std::numbers::pi * normalization_.time_scale / options_.periods[k];
      const Array angle = static_cast<double>(harmonic) * (frequency * t + phases[count_of(k)]);
      waves.push_back(sin(angle));
      waves.push_back(cos(angle));
    }
  return stack(waves);
}

double SeriesModel::longest_step() const {
  constexpr double kRounding = 0x1p-8;
  return longest_interval_ * (1 + kRounding);
}

SolveOptions SeriesModel::solve_options() const {
  SolveOptions options = options_.solve;
  if (has_fixed_steps(options)) options.step_size = longest_step() / normalization_.time_scale;
  return options;
}

VectorField SeriesModel::field(std::int64_t num_input_samples, std::int64_t num_event_times) const {
  const std::int64_t inputs = count_of(input_names().size()), covariates = count_of(covariate_names().size());
  const std::int64_t clocks = count_of(options_.periods.size()), states = count_of(num_states());
  std::vector<ArgumentSpec> arguments;
  if (inputs > 0) arguments = {{"u_times", {num_input_samples}}, {"u", {num_input_samples, inputs}}};
  if (has_events())
    for (const char* name : {"e_times", "e_moves", "e_rates"})
      arguments.push_back(
          {name, name == std::string("e_times") ? Shape{num_event_times} : Shape{num_event_times, states}});
  if (covariates > 0) arguments.push_back({"c", {covariates}});
  if (clocks > 0) arguments.push_back({"phases", {clocks}});
  return vector_field_list({states}, arguments, [&](Array t, Array y, std::span<const Array> more) {
    Drive drive;
    if (inputs > 0) {
      drive.inputs = interpolate(more[0], more[1], t, options_.interpolation);
      more = more.subspan(2);
    }
    if (has_events()) {
      drive.moved = interpolate(more[0], more[1], t, Interpolation::kHold);
      drive.rates = interpolate(more[0], more[2], t, Interpolation::kHold);
      more = more.subspan(3);
    }
    if (covariates > 0) drive.covariates = more[0];
    if (clocks > 0) drive.phases = more.back();
    return rate_at(t, y, drive);
  });
}

Array SeriesModel::rate_at(const Array& t, const Array& y, const Drive& drive) const {
  std::vector<Array> features = {drive.moved.is_empty() ? y : y + drive.moved};
  if (!drive.inputs.is_empty()) features.push_back(drive.inputs);
  if (!drive.covariates.is_empty()) features.push_back(drive.covariates);
  if (!drive.phases.is_empty()) features.push_back(clocks(t, drive.phases));
  return drive.rates.is_empty() ? rate(features) : rate(features) + drive.rates;
}

std::vector<double> SeriesModel::in_data_units(std::vector<double> z) const {
  for (std::size_t k = 0; k < num_measured(); ++k)
    z[k] = normalization_.state_offset[k] + normalization_.state_scale[k] * z[k];
  return z;
}

Array SeriesModel::hidden_start(const Array& x, const Array& covariates) const {
  if (!start_) return {};
  return (*start_)(covariates.is_empty() ? x : concat({x, covariates}));
}

Array SeriesModel::moves(const Array& amounts, const Array& covariates) const {
  return matmul(amounts, transpose((*response_)(covariates, normalization_)));
}

Array SeriesModel::measured_start(const Array& x, const Array& unmeasured, const Array& covariates) const {
  return where(unmeasured, (*unmeasured_)(covariates), x);
}

bool SeriesModel::may_be_unmeasured(std::size_t state) const {
  return std::ranges::find(options_.unmeasured_starts, state_names_[state]) != options_.unmeasured_starts.end();
}

std::vector<std::string> SeriesModel::event_names() const {
  std::vector<std::string> names;
  for (const std::string& text : options_.columns.events) names.push_back(event_column(text).name);
  return names;
}

std::vector<double> SeriesModel::phases(double time) const {
  std::vector<double> phases;
  for (const double period : options_.periods)
    phases.push_back(2 * std::numbers::pi * std::fmod(time, period) / period);
  return phases;
}

Array SeriesModel::slope(const Array& state, const Array& inputs) const {
  if (start_ || !options_.periods.empty())
    throw InvalidArgument("[slope] the model has ", start_ ? "hidden states" : "a clock",
                          ", so that a state does not tell its slope; fit it with memory 'none' and clock 'none'.");
  return slope_at_start(state, inputs);
}

/// Hidden states are as at a start, clocks at phase 0.
Array SeriesModel::slope_at_start(const Array& state, const Array& inputs) const {
  const std::int64_t d = count_of(num_measured()), m = count_of(input_names().size());
  const std::int64_t c = count_of(covariate_names().size());
  if (!(state.shape() == Shape{d}))
    throw ShapeError("[slope] the state must have shape [", d, "]; got ", state.shape(), ".");
  if (!inputs.is_empty() && !(inputs.shape() == Shape{m}))
    throw ShapeError("[slope] inputs must have shape [", m, "]; got ", inputs.shape(), ".");
  const Array scale = internal::vector_of(normalization_.state_scale),
              x = (state - internal::vector_of(normalization_.state_offset)) / scale;
  std::vector<Array> features = {x};
  if (start_) features.push_back(hidden_start(x, c > 0 ? zeros({c}) : Array()));
  if (m > 0)
    features.push_back(inputs.is_empty() ? zeros({m})
                                         : (inputs - internal::vector_of(normalization_.input_offset)) /
                                               internal::vector_of(normalization_.input_scale));
  if (c > 0) features.push_back(zeros({c}));
  if (!options_.periods.empty()) features.push_back(clocks(constant(0.0), zeros({count_of(options_.periods.size())})));
  const Array z = rate(features);
  return (start_ ? z.slice(0, d) : z) * scale / normalization_.time_scale;
}

std::vector<std::vector<double>> SeriesModel::slopes(const std::vector<std::vector<double>>& states) const {
  const std::int64_t d = count_of(num_measured());
  for (const std::vector<double>& state : states)
    if (count_of(state.size()) != d)
      throw ShapeError("[slopes] a state must hold ", d, " numbers; got ", state.size(), ".");
  const HostArray z = HostArray::from_rows(states, d);
  const Function rate = trace([&](Array state) { return slope_at_start(state, {}); }, {{"z", {d}}});
  const HostArray found = compile(rate).run({z}).outputs[0];
  std::vector<std::vector<double>> slopes(states.size());
  for (std::int64_t i = 0; i < found.size(); ++i) slopes[static_cast<std::size_t>(i / d)].push_back(found.at(i));
  return slopes;
}

}  // namespace costate
