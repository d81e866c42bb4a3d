#include "costate/series/series_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "costate/base/error.h"
#include "costate/exec/program.h"

namespace costate {
namespace {

constexpr std::int64_t kHarmonics = 3;  // of a clock: a day has a morning and an evening

std::int64_t count_of(std::size_t size) { return static_cast<std::int64_t>(size); }

/// Widths as a net takes them: every layer's own number of inputs aside.
std::int64_t num_features(const SeriesModelOptions& options, std::size_t states) {
  return count_of(states) + count_of(options.columns.inputs.size()) + count_of(options.columns.covariates.size()) +
         2 * kHarmonics * count_of(options.periods.size());
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
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

std::vector<double> normalized(const std::vector<double>& numbers, const std::vector<double>& offset,
                               const std::vector<double>& scale) {
  std::vector<double> out;
  for (std::size_t k = 0; k < numbers.size(); ++k) out.push_back((numbers[k] - offset[k]) / scale[k]);
  return out;
}

HostArray row_of(std::vector<double> numbers) {
  const std::int64_t size = count_of(numbers.size());
  return HostArray(Shape{1, size}, std::move(numbers));
}

void check_finite(const std::vector<double>& numbers, const std::string& what) {
  for (const double number : numbers)
    if (!std::isfinite(number)) throw DataError("[predict] ", what, " must be finite; got ", number, ".");
}

Array vector_of(const std::vector<double>& numbers) { return constant(HostArray::vector(numbers)); }

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
  for (const Trajectory& trajectory : training.trajectories) {
    widen(trajectory.states, range.state_low, range.state_high);
    widen(trajectory.inputs, range.input_low, range.input_high);
  }
  return range;
}

SeriesModel::SeriesModel(SeriesModelOptions options, std::vector<std::string> state_names, std::uint64_t seed,
                         Parts parts)
    : options_(std::move(options)), state_names_(std::move(state_names)) {
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
}

SeriesModel::SeriesModel(SeriesModelOptions options, const TimeSeries& series, Normalization normalization,
                         std::uint64_t seed)
    : SeriesModel(std::move(options), series.state_names, seed, Parts::kAll) {
  time_scale_ = series.time_scale;
  normalization_ = std::move(normalization);
  spacing_ = median_spacing(series);
}

std::vector<Parameter> SeriesModel::parameters() const {
  std::vector<Parameter> all;
  for (const std::optional<Mlp>* part : {&net_, &linear_, &start_})
    if (*part) all.insert(all.end(), (*part)->parameters().begin(), (*part)->parameters().end());
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
    for (std::int64_t harmonic = 1; harmonic <= kHarmonics; ++harmonic) {
      const double frequency = 2 * std::numbers::pi * normalization_.time_scale / options_.periods[k];
      const Array angle = static_cast<double>(harmonic) * (frequency * t + phases[count_of(k)]);
      waves.push_back(sin(angle));
      waves.push_back(cos(angle));
    }
  return stack(waves);
}

VectorField SeriesModel::field(std::int64_t num_input_samples) const {
  const std::int64_t inputs = count_of(input_names().size()), covariates = count_of(covariate_names().size());
  const std::int64_t clocks = count_of(options_.periods.size());
  std::vector<ArgumentSpec> arguments;
  if (inputs > 0) arguments = {{"u_times", {num_input_samples}}, {"u", {num_input_samples, inputs}}};
  if (covariates > 0) arguments.push_back({"c", {covariates}});
  if (clocks > 0) arguments.push_back({"phases", {clocks}});
  return vector_field_list({count_of(num_states())}, arguments, [&](Array t, Array z, std::span<const Array> more) {
    std::vector<Array> features = {z};
    if (inputs > 0) {
      features.push_back(interpolate(more[0], more[1], t, options_.interpolation));
      more = more.subspan(2);
    }
    if (covariates > 0) features.push_back(more[0]);
    if (clocks > 0) features.push_back(this->clocks(t, more.back()));
    return rate(features);
  });
}

Array SeriesModel::hidden_start(const Array& x, const Array& covariates) const {
  if (!start_) return {};
  return (*start_)(covariates.is_empty() ? x : concat({x, covariates}));
}

std::vector<double> SeriesModel::phases(double time) const {
  std::vector<double> phases;
  for (const double period : options_.periods)
    phases.push_back(2 * std::numbers::pi * std::fmod(time, period) / period);
  return phases;
}

void SeriesModel::check(const Query& query) const {
  const std::size_t d = num_measured(), m = input_names().size(), c = covariate_names().size();
  if (query.start.size() != d && query.start.size() != num_states())
    throw ShapeError("[predict] start must hold ", d, " numbers",
                     d == num_states() ? "" : text::concat(", or ", num_states(), " with the hidden states"), "; got ",
                     query.start.size(), ".");
  if (query.times.empty()) throw ShapeError("[predict] times must hold at least one time.");
  check_times(query.times);  // solve says so too, but in the model's unit of time
  if (query.covariates.size() != c)
    throw ShapeError("[predict] the model has ", c, " covariates; got ", query.covariates.size(), " numbers for them.");
  check_finite(query.covariates, "covariates");
  if (m == 0 && !(query.input_times.empty() && query.inputs.size() == 0))
    throw InvalidArgument("[predict] the model has no inputs; leave out input_times and inputs.");
  if (m == 0) return;
  if (query.input_times.empty()) throw InvalidArgument("[predict] the model has inputs; give input_times and inputs.");
  const Shape expected{count_of(query.input_times.size()), count_of(m)};
  if (!(query.inputs.shape() == expected))
    throw ShapeError("[predict] inputs must have shape ", expected, ", a row for each input time; got ",
                     query.inputs.shape(), ".");
  check_increasing(query.input_times, "[predict] input_times");
  check_finite(query.inputs.numbers(), "inputs");
}

/// Normalized, hidden states included.
std::vector<double> SeriesModel::start_of(const Query& query) const {
  const std::vector<double> x(query.start.begin(), query.start.begin() + count_of(num_measured()));
  std::vector<double> start = normalized(x, normalization_.state_offset, normalization_.state_scale);
  if (query.start.size() > x.size() || !start_) {
    start.insert(start.end(), query.start.begin() + count_of(x.size()), query.start.end());
    return start;
  }
  const auto c = normalized(query.covariates, normalization_.covariate_offset, normalization_.covariate_scale);
  const Function hidden =
      trace([&](Array known) { return (*start_)(known); }, {{"known", {count_of(start.size() + c.size())}}});
  std::vector<double> known = start;
  known.insert(known.end(), c.begin(), c.end());
  const HostArray found = compile(hidden).run({row_of(std::move(known))}).outputs[0];
  for (std::int64_t i = 0; i < found.size(); ++i) start.push_back(found.at(i));
  return start;
}

SeriesModel::Problem SeriesModel::problem_of(const Query& query) const {
  check(query);
  const std::int64_t m = count_of(input_names().size()), samples = count_of(query.input_times.size());
  const auto times_of = [&](const std::vector<double>& times) {
    std::vector<double> out;
    for (const double t : times) out.push_back((t - query.times.front()) / normalization_.time_scale);
    return out;
  };
  Problem problem{.start = row_of(start_of(query)),
                  .times = HostArray::vector(times_of(query.times)),
                  .arguments = {},
                  .options = options_.solve};
  problem.options.max_steps = 1'000'000;
  if (m > 0) {
    HostArray values(Shape{1, samples, m});
    for (std::int64_t i = 0; i < values.size(); ++i) {
      const auto column = static_cast<std::size_t>(i % m);
      values.set(i, (query.inputs.at(i) - normalization_.input_offset[column]) / normalization_.input_scale[column]);
    }
    problem.arguments = {row_of(times_of(query.input_times)), values};
  }
  if (!query.covariates.empty())
    problem.arguments.push_back(
        row_of(normalized(query.covariates, normalization_.covariate_offset, normalization_.covariate_scale)));
  if (!options_.periods.empty()) problem.arguments.push_back(row_of(phases(query.times.front())));
  return problem;
}

std::vector<std::vector<double>> SeriesModel::predict(const Query& query) const {
  const Problem problem = problem_of(query);
  const VectorField rate = field(count_of(query.input_times.size()));
  const Solution solution = solve(rate, problem.start, problem.times, problem.options, problem.arguments);
  std::vector<std::vector<double>> states(query.times.size());
  for (std::size_t i = 0; i < states.size(); ++i)
    for (std::size_t k = 0; k < num_measured(); ++k)
      states[i].push_back(normalization_.state_offset[k] +
                          normalization_.state_scale[k] * solution.states.at(count_of(i * num_states() + k)));
  return states;
}

std::vector<AcceptedStep> SeriesModel::steps(const Query& query) const {
  const Problem problem = problem_of(query);
  const VectorField rate = field(count_of(query.input_times.size()));
  std::vector<AcceptedStep> steps =
      accepted_steps(rate, problem.start, problem.times, problem.options, problem.arguments);
  for (AcceptedStep& step : steps)
    step = {query.times.front() + normalization_.time_scale * step.t, normalization_.time_scale * step.size};
  return steps;
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
  const Array scale = vector_of(normalization_.state_scale),
              x = (state - vector_of(normalization_.state_offset)) / scale;
  std::vector<Array> features = {x};
  if (start_) features.push_back(hidden_start(x, c > 0 ? zeros({c}) : Array()));
  if (m > 0)
    features.push_back(inputs.is_empty()
                           ? zeros({m})
                           : (inputs - vector_of(normalization_.input_offset)) / vector_of(normalization_.input_scale));
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
  HostArray z(Shape{count_of(states.size()), d});
  for (std::int64_t i = 0; i < z.size(); ++i)
    z.set(i, states[static_cast<std::size_t>(i / d)][static_cast<std::size_t>(i % d)]);
  const Function rate = trace([&](Array state) { return slope_at_start(state, {}); }, {{"z", {d}}});
  const HostArray found = compile(rate).run({z}).outputs[0];
  std::vector<std::vector<double>> slopes(states.size());
  for (std::int64_t i = 0; i < found.size(); ++i) slopes[static_cast<std::size_t>(i / d)].push_back(found.at(i));
  return slopes;
}

}  // namespace costate
