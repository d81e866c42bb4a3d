#include "costate/train/trajectory_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"

namespace costate {
namespace {

/// Inputs: states and times of a window, then the field's arguments.
Function window_loss(const VectorField& field, const TrajectoryWindows& windows, const SolveOptions& options) {
  const std::int64_t num_times = windows.states.shape()[1], size = windows.states.shape()[2];
  std::vector<ArgumentSpec> arguments = {{"states", {num_times, size}}, {"times", {num_times}}};
  if (windows.times.shape().rank() == 1) arguments[1].kind = InputKind::kShared;
  for (std::size_t i = 0; i < windows.arguments.size(); ++i)
    arguments.push_back({field.arguments().at(i).name, windows.arguments[i].shape().without_first()});
  return trace_list(arguments, [&](std::span<const Array> in) {
    const Array found = solve(field, in[0][0], in[1], options, in.subspan(2));
    return std::vector<Array>{mean(square(found.slice(1, num_times) - in[0].slice(1, num_times)))};
  });
}

void check_window_spacing(const char* function, double spacing) {
  if (!(spacing > 0) || !std::isfinite(spacing))
    throw InvalidArgument("[", function,
                          "] spacing, the time from one sample to the next, must be positive and finite; got ", spacing,
                          ".");
}

/// Samples from one window's start to the next.
std::int64_t checked_stride(const WindowOptions& options, std::int64_t samples) {
  const std::int64_t stride = options.stride == 0 ? options.length - 1 : options.stride;
  if (options.length < 2 || options.length > samples || stride < 1)
    throw InvalidArgument("[cut_windows] windows must have 2 to ", samples,
                          " samples and a positive stride; got length ", options.length, " and stride ", stride, ".");
  return stride;
}

}  // namespace

TrajectoryWindows cut_windows(const HostArray& states, double spacing, const WindowOptions& options) {
  if (states.shape().rank() != 3)
    throw ShapeError("[cut_windows] states must be [trajectory, time, state]; got ", states.shape(), ".");
  check_window_spacing("cut_windows", spacing);
  const std::int64_t trajectories = states.shape()[0], samples = states.shape()[1], size = states.shape()[2];
  const std::int64_t stride = checked_stride(options, samples);
  const std::int64_t each = (samples - options.length) / stride + 1;
  TrajectoryWindows windows{.times = HostArray::evenly_spaced(0, spacing, options.length),
                            .states = HostArray(Shape{trajectories * each, options.length, size})};
  std::int64_t next = 0;
  for (std::int64_t trajectory = 0; trajectory < trajectories; ++trajectory)
    for (std::int64_t window = 0; window < each; ++window)
      for (std::int64_t i = 0; i < options.length * size; ++i)
        windows.states.set(next++, states.at((trajectory * samples + window * stride) * size + i));
  return windows;
}

TrainResult fit_trajectories(const VectorField& field, const std::vector<Parameter>& parameters,
                             const TrajectoryWindows& windows, const TrajectoryFitOptions& options) {
  if (windows.states.shape().rank() != 3 || windows.states.shape()[1] < 2)
    throw ShapeError("[fit_trajectories] states must be [window, time, state] with at least two times; got ",
                     windows.states.shape(), ".");
  if (windows.arguments.size() != field.arguments().size())
    throw InvalidArgument("[fit_trajectories] the field takes ", field.arguments().size(), " arguments; got ",
                          windows.arguments.size(), ".");
  const bool own_times = windows.times.shape().rank() == 2;
  const auto inputs = [&](const Batch& batch) {
    std::vector<HostArray> inputs = {take_rows(windows.states, batch.samples),
                                     own_times ? take_rows(windows.times, batch.samples) : windows.times};
    for (const HostArray& argument : windows.arguments) inputs.push_back(take_rows(argument, batch.samples));
    return inputs;
  };
  return train({.parameters = parameters,
                .num_samples = static_cast<std::size_t>(windows.states.shape()[0]),
                .evaluate = mean_loss(window_loss(field, windows, options.solve), parameters, inputs,
                                      {.dtype = options.dtype, .device = options.device})},
               options.train);
}

MappedWindows::MappedWindows(MappedArray states, double spacing, const WindowOptions& options)
    : states_(std::move(states)) {
  check_window_spacing("MappedWindows", spacing);
  const Shape& shape = states_.shape();
  if (shape.rank() != 2 && shape.rank() != 3)
    throw ShapeError("[MappedWindows] states must be [trajectory, time, state] or [time, state]; got ", shape, ".");
  if (shape.rank() == 3) trajectories_ = static_cast<std::size_t>(shape[0]);
  samples_ = shape[shape.rank() - 2];
  state_ = shape[shape.rank() - 1];
  length_ = options.length;
  stride_ = checked_stride(options, samples_);
  each_ = static_cast<std::size_t>((samples_ - length_) / stride_ + 1);
  times_ = HostArray::evenly_spaced(0, spacing, length_);
}

std::size_t MappedWindows::shard() const {
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  const auto window = static_cast<std::size_t>(stride_ * state_) * (states_.dtype() == Dtype::kF32 ? 4 : 8);
  return std::max<std::size_t>(1, kBytes / window);
}

HostArray MappedWindows::take(std::span<const std::size_t> windows, const BatchRange& read) const {
  HostArray taken(Shape{std::ssize(windows), length_, state_}, states_.dtype());
  const auto size = static_cast<std::size_t>(length_ * state_);
  const auto fill = [&]<class T>(std::span<T> out) {
    for (std::size_t i = read.begin; i < read.end; ++i) {
      const auto trajectory = static_cast<std::int64_t>(windows[i] / each_);
      const auto first = trajectory * samples_ + static_cast<std::int64_t>(windows[i] % each_) * stride_;
      states_.copy_to(first * state_, out.subspan(i * size, size));
    }
  };
  taken.dtype() == Dtype::kF32 ? fill(taken.data<float>()) : fill(taken.data<double>());
  return taken;
}

TrainResult fit_trajectories(const VectorField& field, const std::vector<Parameter>& parameters,
                             const MappedWindows& windows, const TrajectoryFitOptions& options) {
  const TrajectoryWindows one{.times = windows.times(),
                              .states = HostArray(Shape{1, windows.times().size(), windows.num_states()})};
  const Program program = compile(value_and_grad(window_loss(field, one, options.solve), parameters),
                                  {.dtype = options.dtype, .device = options.device});
  return train({.parameters = parameters,
                .num_samples = windows.count(),
                .shard = windows.shard(),
                .evaluate =
                    [&](const Batch& batch) {
                      const BatchRange read = program.read_by_run(batch.samples.size());
                      return mean_over_batch(program.run({windows.take(batch.samples, read), windows.times()}));
                    }},
               options.train);
}

}  // namespace costate
