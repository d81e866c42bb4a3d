#include "costate/solve/sde.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "costate/base/error.h"
#include "costate/base/names.h"
#include "costate/base/threads.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/internal/sparsity.h"
#include "costate/solve/internal/lane_record.h"
#include "costate/solve/internal/sde_noise.h"
#include "costate/solve/internal/sde_step.h"

namespace costate {
namespace {

constexpr std::string_view kMethodNames[] = {"euler_maruyama", "milstein", "srk", "heun_stratonovich"};

/// Times of all samples: constants that do not descend.
void check_sde_times(std::span<const double> times) {
  check_times(times);
  if (times.back() < times.front())
    throw InvalidArgument("[solve_sde] times must not descend; got ", times.front(), " … ", times.back(),
                          ". An SDE is solved forwards in time alone.");
}

void check_sde_options(const SdeOptions& options) {
  if (options.steps_per_interval < 0 || options.step_size < 0 || !std::isfinite(options.step_size))
    throw InvalidArgument("[solve_sde] steps_per_interval and step_size must be finite and at least 0; got ",
                          options.steps_per_interval, " and ", options.step_size, ".");
  if (options.steps_per_interval > 0 && options.step_size > 0)
    throw InvalidArgument("[solve_sde] at most one of steps_per_interval and step_size can be set; got ",
                          options.steps_per_interval, " and ", options.step_size, ".");
}

/// How solve() takes the steps, and where they end, which is as it computes it.
struct SdeSteps {
  SolveOptions options;
  std::vector<double> times;
};

SdeSteps steps_of(std::span<const double> times, const SdeOptions& options) {
  SdeSteps steps{.options = {.method = Method::kEuler,
                             .steps_per_interval = options.steps_per_interval,
                             .step_size = options.step_size,
                             .memory_budget = options.memory_budget,
                             .dtype = options.dtype},
                 .times = {times[0]}};
  const double shortest = std::ldexp(times.back() - times.front(), -internal::kBrownianDepth) * (1 - 0x1p-20);
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double length = times[i] - times[i - 1];
    const int in_interval = internal::steps_in_interval(length, steps.options);
    if (length > 0 && length / in_interval < shortest)
      throw InvalidArgument("[solve_sde] a step must not be shorter than 2^-", internal::kBrownianDepth,
                            " of the time from the first to the last, ", shortest, "; got one of ",
                            length / in_interval, " behind t = ", times[i - 1], ". Take longer steps.");
    for (int k = 1; k < in_interval; ++k) steps.times.push_back(std::fma(k, length / in_interval, times[i - 1]));
    steps.times.push_back(times[i]);
  }
  steps.options.max_steps = static_cast<std::int64_t>(steps.times.size());
  return steps;
}

/// The SDE as an ODE that solve() takes by Euler's rule.
struct SteppedField {
  VectorField field;
  SolveOptions options;
};

SteppedField stepped(const StochasticField& field, std::span<const double> times, const SdeOptions& options) {
  check_sde_options(options);
  internal::check_noise(options.method, field);
  check_sde_times(times);
  const SdeSteps steps = steps_of(times, options);
  const auto grid = std::make_shared<const internal::SdeGrid>(internal::sde_grid(options.seed, steps.times));
  return {internal::sde_step_field(options.method, field, grid), steps.options};
}

void check_path_names(const HostArray& paths, std::int64_t batch) {
  if (!(paths.shape() == Shape{batch, 2}))
    throw ShapeError("[solve_sde] paths must have shape [", batch, ", 2], a stream and a sample a row; got ",
                     paths.shape(), ".");
  for (std::int64_t i = 0; i < paths.size(); ++i)
    if (!internal::names_path(paths.at(i)))
      throw InvalidArgument("[solve_sde] a path is named by whole numbers from 0 to 2^24 - 1, stream and sample; row ",
                            i / 2, " of paths has ", paths.at(i), ".");
}

constexpr std::int64_t kPathsAtOnce = 32;  // samples, so that vectors of numbers are full

/// W [sample, time, channels] of the named paths.
void write_paths(const std::vector<double>& times, std::uint64_t seed, const HostArray& paths, std::span<double> out,
                 std::size_t channels) {
  const auto samples = static_cast<std::size_t>(paths.shape()[0]);
  internal::BrownianPaths tree(seed, times.back() - times.front(), samples * channels);
  for (std::size_t i = 0; i < samples * channels; ++i) {
    const auto sample = static_cast<std::int64_t>(i / channels);
    tree.name(i, paths(sample, 0), paths(sample, 1), static_cast<double>(i % channels));
  }
  std::vector<double> w(samples * channels), integral(w.size());
  for (std::size_t at = 0; at < times.size(); ++at) {
    tree.at(internal::brownian_place(times[at], times.front(), times.back()), w, integral);
    for (std::size_t i = 0; i < w.size(); ++i)
      out[((i / channels) * times.size() + at) * channels + i % channels] = w[i];
  }
}

}  // namespace

std::string name(SdeMethod method) { return spelling(method, kMethodNames); }
SdeMethod sde_method_from_name(const std::string& name) {
  return from_spelling<SdeMethod>("solve_sde", "method", name, kMethodNames);
}

StochasticField::StochasticField(Function function, Shape state, std::vector<ArgumentSpec> arguments,
                                 std::vector<Array> captured)
    : function_(std::move(function)),
      state_(std::move(state)),
      arguments_(std::move(arguments)),
      captured_(std::move(captured)) {
  const Shape& g = function_.output_shape(1);
  is_diagonal_ = g == state_;
  channels_ = is_diagonal_ ? state_.size() : g[-1];
  const Function diffusion(function_.nodes(), function_.inputs(), {function_.outputs()[1]});
  constexpr std::size_t kMostReads = std::size_t{1} << 24;
  const auto reads = internal::dependencies(diffusion, 1, kMostReads);
  is_additive_ = reads && reads->members.empty();
  if (!is_diagonal_ || is_additive_) return;
  if (!reads) {
    foreign_read_ = {0, 1};
    return;
  }
  for (std::size_t i = 0; i < reads->size() && !foreign_read_; ++i)
    for (std::size_t k = reads->starts[i]; k < reads->starts[i + 1] && !foreign_read_; ++k)
      if (static_cast<std::size_t>(reads->members[k]) != i)
        foreign_read_ = {static_cast<std::int64_t>(i), reads->members[k]};
}

StochasticField stochastic_field(Shape state, std::vector<ArgumentSpec> arguments, const StochasticRhs& rhs) {
  if (state.size() < 1)
    throw ShapeError("[stochastic_field] the state must hold at least one number; got shape ", state, ".");
  std::vector<ArgumentSpec> inputs = {{"t", {}}, {"z", state}};
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  internal::CapturingFunction traced = internal::trace_capturing(inputs, [&](std::span<const Array> arrays) {
    const auto [f, g] = rhs(arrays[0], arrays[1], arrays.subspan(2));
    if (!(f.shape() == state))
      throw ShapeError("[stochastic_field] f must have the state's shape ", state, "; got ", f.shape(), ".");
    std::vector<std::int64_t> axes = state.axes();
    if (g.shape().rank() == state.rank() + 1) axes.push_back(g.shape()[-1]);
    if (!(g.shape() == Shape(axes)) || g.shape().size() < 1)
      throw ShapeError("[stochastic_field] g must have the state's shape ", state,
                       " (diagonal noise), or one axis more, a column a channel of noise; got ", g.shape(), ".");
    return std::vector<Array>{f, g};
  });
  for (std::size_t i = 0; i < traced.captured.size(); ++i) {
    const Input& input = traced.function.inputs()[inputs.size() + i];
    arguments.push_back({input.name, input.shape, input.kind});
  }
  return StochasticField(std::move(traced.function), std::move(state), std::move(arguments),
                         std::move(traced.captured));
}

HostArray path_names(std::int64_t batch, std::int64_t stream) {
  HostArray names(Shape{batch, 2});
  for (std::int64_t i = 0; i < batch; ++i) {
    names.set({i, 0}, static_cast<double>(stream));
    names.set({i, 1}, static_cast<double>(i));
  }
  return names;
}

Solution solve_sde(const StochasticField& field, const HostArray& z0, const HostArray& times, const SdeOptions& options,
                   const HostArray& paths, std::span<const HostArray> arguments) {
  if (times.shape().rank() != 1)
    throw ShapeError("[solve_sde] times must have shape [time], the same for all samples; got ", times.shape(), ".");
  if (z0.shape().rank() == 0 || !(z0.shape().without_first() == field.state()))
    throw ShapeError("[solve_sde] z0 must have shape [batch] + ", field.state(), "; got ", z0.shape(), ".");
  const std::int64_t batch = z0.shape()[0];
  check_path_names(paths, batch);
  if (!field.captured().empty())
    throw InvalidArgument("[solve_sde] the field uses '", field.arguments().back().name,
                          "' of the trace around it, so its solve is part of that trace; give z0 and times as Arrays: "
                          "constant(z0) of one sample, constant(times).");
  const SteppedField steps = stepped(field, times.numbers(), options);
  std::vector<HostArray> all(arguments.begin(), arguments.end());
  all.push_back(paths);
  Solution solution = solve(steps.field, z0.reshape(Shape{batch, field.state().size()}), times, steps.options, all);
  std::vector<std::int64_t> axes = {batch, times.size()};
  axes.insert(axes.end(), field.state().axes().begin(), field.state().axes().end());
  solution.states = solution.states.reshape(Shape(axes));
  for (std::size_t i = 0; i < solution.nfe.size(); ++i)
    solution.nfe[i] = solution.accepted[i] * internal::drift_evaluations(options.method, field);
  return solution;
}

Array solve_sde(const StochasticField& field, Operand z0, Operand times, const SdeOptions& options, Operand path,
                std::span<const Array> arguments) {
  const auto known = internal::constant_numbers(times.array);
  if (!known || times.array.shape().rank() != 1)
    throw InvalidArgument("[solve_sde] inside a trace, times must be a constant of shape [time]; got ",
                          internal::origin(times.array), " of shape ", times.array.shape(), ".");
  if (!(path.array.shape() == Shape{2}))
    throw ShapeError("[solve_sde] a path is named by two numbers [2], stream and sample; got shape ",
                     path.array.shape(), ".");
  if (!(z0.array.shape() == field.state()))
    throw ShapeError("[solve_sde] z0 must have the state's shape ", field.state(), "; got ", z0.array.shape(), ".");
  if (arguments.size() + field.captured().size() != field.arguments().size())
    throw InvalidArgument("[solve_sde] the field takes ", field.arguments().size() - field.captured().size(),
                          " arguments; got ", arguments.size(), ".");
  const SteppedField steps = stepped(field, *known, options);
  std::vector<Array> all(arguments.begin(), arguments.end());
  all.insert(all.end(), field.captured().begin(), field.captured().end());
  all.push_back(path.array);
  const Array states = solve(steps.field, z0, times, steps.options, all);
  return reshape(states, field.state().with_first(states.shape()[0]));
}

HostArray brownian_path(const HostArray& times, std::int64_t channels, std::uint64_t seed, const HostArray& paths) {
  if (times.shape().rank() != 1 || channels < 1)
    throw InvalidArgument("[brownian_path] times must have shape [time] and channels be at least 1; got ",
                          times.shape(), " and ", channels, ".");
  const std::vector<double> numbers = times.numbers();
  check_sde_times(numbers);
  const std::int64_t batch = paths.shape().rank() == 2 ? paths.shape()[0] : 0;
  check_path_names(paths, batch);
  HostArray all(Shape{batch, times.size(), channels});
  const double length = numbers.back() - numbers.front();
  if (length > 0)
    parallel_for(static_cast<std::size_t>((batch + kPathsAtOnce - 1) / kPathsAtOnce), [&](std::size_t group) {
      const std::int64_t first = static_cast<std::int64_t>(group) * kPathsAtOnce;
      write_paths(numbers, seed, paths.slice(first, std::min(batch, first + kPathsAtOnce)),
                  all.data<double>().subspan(static_cast<std::size_t>(first * times.size() * channels)),
                  static_cast<std::size_t>(channels));
    });
  return all;
}

}  // namespace costate
