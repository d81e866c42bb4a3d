#include "costate/series/series_model.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/train/checkpoint.h"

namespace costate {
namespace {

constexpr const char* kFormat = "costate-series-model-1";

Mlp make_net(const FitConfig& config, std::size_t states) {
  const auto d = static_cast<std::int64_t>(states);
  const Mlp net({.inputs = d + static_cast<std::int64_t>(config.columns.inputs.size()),
                 .hidden = config.hidden,
                 .outputs = d,
                 .activation = config.activation,
                 .seed = config.seed});
  // A linear ODE starts at rest: drawn rates may grow, and overflow over a long window before they have learned.
  if (config.hidden.empty())
    for (double& number : net.parameters()[0].numbers()) number = 0;
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

/// The last sample; a state that was not measured there has its last measured value.
LastState last_state(const Trajectory& trajectory, std::size_t columns) {
  LastState last{trajectory.id, trajectory.times.back(), std::vector<double>(columns, 0.0)};
  for (std::size_t k = 0; k < columns; ++k)
    for (std::size_t i = trajectory.times.size(); i-- > 0;) {
      const double cell = trajectory.states.at(static_cast<std::int64_t>(i * columns + k));
      if (std::isnan(cell)) continue;
      last.state[k] = cell;
      break;
    }
  return last;
}

std::string metadata_of(const ArrayFile& file, const std::string& key, const std::string& source) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw DataError("[SeriesModel] '", source, "' is not a model that a fit wrote: it has no '", key, "'.");
  return found->second;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    lines.push_back(line);
    line.clear();
  }
  return lines;
}

template <class List>
std::string join_lines(const List& list) {
  std::string text;
  for (const auto& line : list) text += line + "\n";
  return text;
}

}  // namespace

SeriesModel::SeriesModel(FitConfig config, std::vector<std::string> state_names)
    : config_(std::move(config)), state_names_(std::move(state_names)), net_(make_net(config_, state_names_.size())) {}

SeriesModel::SeriesModel(FitConfig config, const TimeSeries& series, Normalization normalization)
    : SeriesModel(std::move(config), series.state_names) {
  time_scale_ = series.time_scale;
  normalization_ = std::move(normalization);
  spacing_ = median_spacing(series);
  for (const Trajectory& trajectory : series.trajectories)
    last_states_.push_back(last_state(trajectory, state_names_.size()));
}

VectorField SeriesModel::field(std::int64_t num_input_samples) const {
  const auto d = static_cast<std::int64_t>(state_names_.size());
  const auto m = static_cast<std::int64_t>(input_names().size());
  if (m == 0) return vector_field({d}, [&](Array, Array z) { return net_(z); });
  return vector_field({d}, {{"u_times", {num_input_samples}}, {"u", {num_input_samples, m}}},
                      [&](Array t, Array z, Array times, Array values) {
                        return net_(concat({z, interpolate(times, values, t, config_.interpolation)}));
                      });
}

void SeriesModel::check(const Query& query) const {
  const auto d = state_names_.size(), m = input_names().size();
  if (query.start.size() != d)
    throw ShapeError("[predict] start must hold ", d, " numbers; got ", query.start.size(), ".");
  if (query.times.empty()) throw ShapeError("[predict] times must hold at least one time.");
  check_times(query.times);  // solve says so too, but in the model's unit of time
  if (m == 0 && !(query.input_times.empty() && query.inputs.size() == 0))
    throw InvalidArgument("[predict] the model has no inputs; leave out input_times and inputs.");
  if (m == 0) return;
  if (query.input_times.empty()) throw InvalidArgument("[predict] the model has inputs; give input_times and inputs.");
  const Shape expected{static_cast<std::int64_t>(query.input_times.size()), static_cast<std::int64_t>(m)};
  if (!(query.inputs.shape() == expected))
    throw ShapeError("[predict] inputs must have shape ", expected, ", a row for each input time; got ",
                     query.inputs.shape(), ".");
  check_increasing(query.input_times, "[predict] input_times");
  for (const double cell : query.inputs.numbers())
    if (!std::isfinite(cell)) throw DataError("[predict] inputs must be finite; got ", cell, ".");
}

SeriesModel::Problem SeriesModel::problem_of(const Query& query) const {
  check(query);
  const auto d = static_cast<std::int64_t>(state_names_.size());
  const auto m = static_cast<std::int64_t>(input_names().size());
  const auto normalized = [&](const std::vector<double>& times) {
    std::vector<double> out;
    for (const double t : times) out.push_back((t - query.times.front()) / normalization_.time_scale);
    return out;
  };
  Problem problem{.start = HostArray(Shape{1, d}),
                  .times = HostArray::vector(normalized(query.times)),
                  .arguments = {},
                  .options = config_.solve_options()};
  problem.options.max_steps = 1'000'000;
  for (std::int64_t k = 0; k < d; ++k) {
    const auto column = static_cast<std::size_t>(k);
    problem.start.set(k,
                      (query.start[column] - normalization_.state_offset[column]) / normalization_.state_scale[column]);
  }
  if (m == 0) return problem;
  const auto samples = static_cast<std::int64_t>(query.input_times.size());
  HostArray values(Shape{1, samples, m});
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const auto column = static_cast<std::size_t>(i % m);
    values.set(i, (query.inputs.at(i) - normalization_.input_offset[column]) / normalization_.input_scale[column]);
  }
  problem.arguments = {HostArray(Shape{1, samples}, normalized(query.input_times)), values};
  return problem;
}

std::vector<std::vector<double>> SeriesModel::predict(const Query& query) const {
  const Problem problem = problem_of(query);
  const VectorField rate = field(static_cast<std::int64_t>(query.input_times.size()));
  const Solution solution = solve(rate, problem.start, problem.times, problem.options, problem.arguments);
  std::vector<std::vector<double>> states(query.times.size());
  std::int64_t at = 0;
  for (std::vector<double>& state : states)
    for (std::size_t k = 0; k < state_names_.size(); ++k)
      state.push_back(normalization_.state_offset[k] + normalization_.state_scale[k] * solution.states.at(at++));
  return states;
}

std::vector<AcceptedStep> SeriesModel::steps(const Query& query) const {
  const Problem problem = problem_of(query);
  const VectorField rate = field(static_cast<std::int64_t>(query.input_times.size()));
  std::vector<AcceptedStep> steps =
      accepted_steps(rate, problem.start, problem.times, problem.options, problem.arguments);
  for (AcceptedStep& step : steps)
    step = {query.times.front() + normalization_.time_scale * step.t, normalization_.time_scale * step.size};
  return steps;
}

Array SeriesModel::slope(const Array& state, const Array& inputs) const {
  const auto d = static_cast<std::int64_t>(state_names_.size());
  const auto m = static_cast<std::int64_t>(input_names().size());
  if (!(state.shape() == Shape{d}))
    throw ShapeError("[slope] the state must have shape [", d, "]; got ", state.shape(), ".");
  if (!inputs.is_empty() && !(inputs.shape() == Shape{m}))
    throw ShapeError("[slope] inputs must have shape [", m, "]; got ", inputs.shape(), ".");
  const auto vector = [](const std::vector<double>& numbers) { return constant(HostArray::vector(numbers)); };
  const Array scale = vector(normalization_.state_scale);
  Array z = (state - vector(normalization_.state_offset)) / scale;
  if (m > 0)
    z = concat({z, inputs.is_empty()
                       ? zeros({m})
                       : (inputs - vector(normalization_.input_offset)) / vector(normalization_.input_scale)});
  return net_(z) * scale / normalization_.time_scale;
}

std::vector<std::vector<double>> SeriesModel::slopes(const std::vector<std::vector<double>>& states) const {
  const auto d = static_cast<std::int64_t>(state_names_.size());
  for (const std::vector<double>& state : states)
    if (static_cast<std::int64_t>(state.size()) != d)
      throw ShapeError("[slopes] a state must hold ", d, " numbers; got ", state.size(), ".");
  HostArray z(Shape{static_cast<std::int64_t>(states.size()), d});
  for (std::int64_t i = 0; i < z.size(); ++i)
    z.set(i, states[static_cast<std::size_t>(i / d)][static_cast<std::size_t>(i % d)]);
  const Function rate = trace([&](Array state) { return slope(state, {}); }, {{"z", {d}}});
  const HostArray found = compile(rate).run({z}).outputs[0];
  std::vector<std::vector<double>> slopes(states.size());
  for (std::int64_t i = 0; i < found.size(); ++i) slopes[static_cast<std::size_t>(i / d)].push_back(found.at(i));
  return slopes;
}

ArrayFile SeriesModel::to_file() const {
  ArrayFile file;
  for (const auto& [name, value] : values_by_name(net_.parameters())) file.arrays.emplace(name, value);
  file.arrays.emplace("normalization.state_offset", HostArray::vector(normalization_.state_offset));
  file.arrays.emplace("normalization.state_scale", HostArray::vector(normalization_.state_scale));
  file.arrays.emplace("normalization.input_offset", HostArray::vector(normalization_.input_offset));
  file.arrays.emplace("normalization.input_scale", HostArray::vector(normalization_.input_scale));
  file.arrays.emplace("normalization.time_scale", HostArray::vector({normalization_.time_scale}));
  file.arrays.emplace("spacing", HostArray::vector({spacing_}));
  std::vector<double> times, states;
  std::vector<std::string> ids;
  for (const LastState& last : last_states_) {
    ids.push_back(last.trajectory);
    times.push_back(last.time);
    states.insert(states.end(), last.state.begin(), last.state.end());
  }
  file.arrays.emplace("last.times", HostArray::vector(std::move(times)));
  file.arrays.emplace("last.states", HostArray::vector(std::move(states)));
  file.metadata = {{"format", kFormat},
                   {"config", config_.to_config().to_toml()},
                   {"states", join_lines(state_names_)},
                   {"trajectories", join_lines(ids)},
                   {"time_unit", time_scale_.unit},
                   {"time_origin", time_scale_.origin}};
  return file;
}

SeriesModel SeriesModel::from_file(const ArrayFile& file, const std::string& source) {
  if (metadata_of(file, "format", source) != kFormat)
    throw DataError("[SeriesModel] '", source, "' has format '", metadata_of(file, "format", source),
                    "'; this Costate reads '", kFormat, "'.");
  SeriesModel model(fit_config_from(parse_toml(metadata_of(file, "config", source), source)),
                    split_lines(metadata_of(file, "states", source)));
  set_values_by_name(model.net_.parameters(), file.arrays, source);
  model.time_scale_ = {metadata_of(file, "time_unit", source), metadata_of(file, "time_origin", source)};
  Normalization& normalization = model.normalization_;
  normalization.state_offset = file.array("normalization.state_offset").numbers();
  normalization.state_scale = file.array("normalization.state_scale").numbers();
  normalization.input_offset = file.array("normalization.input_offset").numbers();
  normalization.input_scale = file.array("normalization.input_scale").numbers();
  const std::vector<double> times = file.array("last.times").numbers(), states = file.array("last.states").numbers();
  const std::vector<double> time_scale = file.array("normalization.time_scale").numbers(),
                            spacing = file.array("spacing").numbers();
  const std::vector<std::string> ids = split_lines(metadata_of(file, "trajectories", source));
  const std::size_t d = model.state_names_.size(), m = model.input_names().size();
  if (normalization.state_offset.size() != d || normalization.state_scale.size() != d ||
      normalization.input_offset.size() != m || normalization.input_scale.size() != m || time_scale.size() != 1 ||
      spacing.size() != 1 || times.size() != ids.size() || states.size() != times.size() * d)
    throw DataError("[SeriesModel] '", source, "' is damaged: its arrays do not fit its ", d, " states and ", m,
                    " inputs.");
  const auto is_positive = [](double value) { return value > 0 && std::isfinite(value); };
  if (!is_positive(time_scale[0]) || !is_positive(spacing[0]))
    throw DataError("[SeriesModel] '", source, "' is damaged: its time scale is ", time_scale[0], " and its spacing ",
                    spacing[0], "; both must be positive.");
  normalization.time_scale = time_scale[0];
  model.spacing_ = spacing[0];
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto first = states.begin() + static_cast<std::ptrdiff_t>(i * d);
    model.last_states_.push_back(
        {ids[i], times[i], std::vector<double>(first, first + static_cast<std::ptrdiff_t>(d))});
  }
  return model;
}

}  // namespace costate
