// A model run on from a start.
#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/series/internal/count.h"
#include "costate/series/internal/event_path.h"
#include "costate/series/internal/model_numbers.h"
#include "costate/series/series_model.h"

namespace costate {
namespace {

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

void check_events(const std::vector<Event>& events, std::size_t columns) {
  for (const Event& event : events) {
    if (event.column >= columns)
      throw ShapeError("[predict] the model has ", columns, " kinds of events; got one of kind ", event.column, ".");
    check_finite({event.time, event.amount, event.duration}, "times, amounts and durations of events");
    if (event.duration < 0)
      throw DataError("[predict] an event must last at least 0; got ", event.duration, " at t = ", event.time, ".");
  }
}

}  // namespace

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
  check_events(query.events, options_.columns.events.size());
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
  const std::int64_t d = count_of(num_measured());
  std::vector<double> x(query.start.begin(), query.start.begin() + d);
  x = normalized(x, normalization_.state_offset, normalization_.state_scale);
  std::vector<double> unmeasured(x.size(), 0.0);
  for (std::size_t k = 0; unmeasured_ && k < x.size(); ++k)
    if (std::isnan(x[k]) && may_be_unmeasured(k)) x[k] = 0, unmeasured[k] = 1;
  const bool is_measured = std::ranges::count(unmeasured, 1.0) == 0,
             needs_hidden = start_ && count_of(query.start.size()) == d;
  if (!is_measured || needs_hidden) {
    const std::int64_t c = count_of(query.covariates.size());
    const Function start = trace(
        [&](Array measured, Array mask, Array covariates) {
          const Array known = c > 0 ? covariates : Array();
          const Array all = is_measured ? measured : measured_start(measured, mask, known);
          return needs_hidden ? concat({all, hidden_start(all, known)}) : all;
        },
        {{"measured", {d}}, {"mask", {d}}, {"covariates", {std::max<std::int64_t>(c, 1)}}});
    std::vector<double> covariates =
        normalized(query.covariates, normalization_.covariate_offset, normalization_.covariate_scale);
    if (c == 0) covariates = {0.0};
    x = compile(start)
            .run({row_of(std::move(x)), row_of(std::move(unmeasured)), row_of(std::move(covariates))})
            .outputs[0]
            .numbers();
  }
  if (!needs_hidden) x.insert(x.end(), query.start.begin() + d, query.start.end());
  return x;
}

/// How the query's events move the state, as the field takes it, and until each of its times.
void SeriesModel::add_events(const Query& query, Problem& problem) const {
  const std::int64_t c = count_of(query.covariates.size()), e = count_of(event_names().size());
  const double start = query.times.front();
  const EventPath path = event_path(query.events, normalization_, start, query.times.back());
  const std::int64_t k = count_of(path.times.size()), n = count_of(query.times.size());
  std::vector<double> covariates =
      normalized(query.covariates, normalization_.covariate_offset, normalization_.covariate_scale);
  if (c == 0) covariates = {0.0};
  const Function moves = trace_list(
      {{"amounts", {k, e}}, {"rates", {k, e}}, {"before", {n, e}}, {"covariates", {count_of(covariates.size())}}},
      [&](std::span<const Array> in) {
        const Array known = c > 0 ? in[3] : Array();
        return std::vector<Array>{this->moves(in[0], known), this->moves(in[1], known), this->moves(in[2], known)};
      });
  const auto array = [&](std::int64_t rows, std::vector<double> numbers) {
    return HostArray(Shape{1, rows, e}, std::move(numbers));
  };
  std::vector<HostArray> found = compile(moves)
                                     .run({array(k, path.amounts), array(k, path.rates),
                                           array(n, amounts_before(query.events, normalization_, start, query.times)),
                                           row_of(std::move(covariates))})
                                     .outputs;
  problem.num_event_times = k;
  problem.arguments.push_back(row_of(path.times));
  problem.arguments.push_back(std::move(found[0]));
  problem.arguments.push_back(std::move(found[1]));
  problem.moved = std::move(found[2]);
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
                  .options = solve_options()};
  problem.options.max_steps = internal::kPredictionSteps;
  if (m > 0) {
    HostArray values(Shape{1, samples, m});
    for (std::int64_t i = 0; i < values.size(); ++i) {
      const auto column = static_cast<std::size_t>(i % m);
      values.set(i, (query.inputs.at(i) - normalization_.input_offset[column]) / normalization_.input_scale[column]);
    }
    problem.arguments = {row_of(times_of(query.input_times)), values};
  }
  if (has_events()) add_events(query, problem);
  if (!query.covariates.empty())
    problem.arguments.push_back(
        row_of(normalized(query.covariates, normalization_.covariate_offset, normalization_.covariate_scale)));
  if (!options_.periods.empty()) problem.arguments.push_back(row_of(phases(query.times.front())));
  return problem;
}

std::vector<std::vector<double>> SeriesModel::predict(const Query& query) const {
  const Problem problem = problem_of(query);
  const VectorField rate = field(count_of(query.input_times.size()), problem.num_event_times);
  const Solution solution = solve(rate, problem.start, problem.times, problem.options, problem.arguments);
  std::vector<std::vector<double>> states(query.times.size());
  for (std::size_t i = 0; i < states.size(); ++i)
    for (std::size_t k = 0; k < num_measured(); ++k) {
      const std::int64_t place = count_of(i * num_states() + k);
      const double z = solution.states.at(place) + (has_events() ? problem.moved.at(place) : 0.0);
      states[i].push_back(normalization_.state_offset[k] + normalization_.state_scale[k] * z);
    }
  return states;
}

std::vector<AcceptedStep> SeriesModel::steps(const Query& query) const {
  const Problem problem = problem_of(query);
  const VectorField rate = field(count_of(query.input_times.size()), problem.num_event_times);
  std::vector<AcceptedStep> steps =
      accepted_steps(rate, problem.start, problem.times, problem.options, problem.arguments);
  for (AcceptedStep& step : steps)
    step = {query.times.front() + normalization_.time_scale * step.t, normalization_.time_scale * step.size};
  return steps;
}

}  // namespace costate
