#include "costate/train/trajectory_fit.h"

#include <algorithm>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"

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

}  // namespace

TrajectoryWindows cut_windows(const HostArray& states, double spacing, const WindowOptions& options) {
  if (states.shape().rank() != 3)
    throw ShapeError("[cut_windows] states must be [trajectory, time, state]; got ", states.shape(), ".");
  const std::int64_t trajectories = states.shape()[0], samples = states.shape()[1], size = states.shape()[2];
  const std::int64_t stride = options.stride == 0 ? options.length - 1 : options.stride;
  if (options.length < 2 || options.length > samples || stride < 1)
    throw InvalidArgument("[cut_windows] windows must have 2 to ", samples,
                          " samples and a positive stride; got length ", options.length, " and stride ", stride, ".");
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
                .evaluate = mean_loss(window_loss(field, windows, options.solve), parameters, inputs, options.dtype)},
               options.train);
}

}  // namespace costate
