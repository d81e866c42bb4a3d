#include "costate/models/driven_delays.h"

#include <algorithm>

#include "costate/base/error.h"

namespace costate {
namespace {

const DrivenDelaysOptions& checked(const DrivenDelaysOptions& options) {
  if (options.delays < 1 || options.inputs < 1)
    throw InvalidArgument("[DrivenDelays] delays and inputs must be at least 1; got ", options.delays, " and ",
                          options.inputs, ".");
  return options;
}

/// InvalidArgument, which begins with `what`, unless the series has samples up to `last`.
void check_series(const DrivenSeries& series, const SampleSpan& stretch, std::int64_t last, const std::string& what) {
  if (series.y.shape().rank() != 1 || series.inputs.shape().rank() != 2 || series.inputs.shape()[0] != series.y.size())
    throw ShapeError("[DrivenDelays] y must be [sample] and inputs [sample, input]; got ", series.y.shape(), " and ",
                     series.inputs.shape(), ".");
  if (stretch.first < 0 || stretch.count < 1 || last >= series.y.size())
    throw InvalidArgument("[DrivenDelays] ", what, " needs samples ", stretch.first, " … ", last, "; the series has ",
                          series.y.size(), ".");
}

}  // namespace

DrivenDelays::DrivenDelays(const DrivenDelaysOptions& options)
    : options_(checked(options)),
      net_({.inputs = options.delays * (1 + options.inputs),
            .hidden = options.hidden,
            .outputs = options.delays,
            .seed = options.seed}) {}

VectorField DrivenDelays::field(std::int64_t num_samples, Interpolation interpolation) const {
  return vector_field({options_.delays}, {{"u_times", {num_samples}}, {"u", {num_samples, options_.inputs}}},
                      [&](Array t, Array z, Array u_times, Array u) {
                        std::vector<Array> drives, parts = {z};
                        for (std::int64_t delay = 0; delay < options_.delays; ++delay)
                          drives.push_back(interpolate(u_times, u, t + static_cast<double>(delay), interpolation));
                        for (std::int64_t input = 0; input < options_.inputs; ++input)
                          for (const Array& drive : drives) parts.push_back(drive.slice(input, input + 1));
                        return options_.rate * net_(concat(parts));
                      });
}

/// Arguments of the field over stretches of `length` samples, a row each: times from a stretch's first sample on, and
/// the inputs then, from one sample before it, for the cubic, to some behind its end.
std::vector<HostArray> DrivenDelays::inputs_along(const DrivenSeries& series, const std::vector<std::int64_t>& firsts,
                                                  std::int64_t length) const {
  const auto rows = static_cast<std::int64_t>(firsts.size());
  const std::int64_t count = length + delays() + 2, last = series.y.size() - 1;
  HostArray times(Shape{rows, count}), values(Shape{rows, count, options_.inputs});
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t sample = firsts[static_cast<std::size_t>(row)] + i - 1;
      times.set({row, i}, static_cast<double>(i - 1));
      for (std::int64_t k = 0; k < options_.inputs; ++k)
        values.set({row, i, k}, series.inputs(std::clamp<std::int64_t>(sample, 0, last), k));
    }
  return {times, values};
}

TrajectoryWindows DrivenDelays::windows(const DrivenSeries& series, const SampleSpan& stretch,
                                        std::int64_t length) const {
  const std::int64_t stride = std::max<std::int64_t>(1, (length - 1) / 2);
  const std::int64_t count = (stretch.count - length - delays()) / stride + 1;
  if (length < 2 || stretch.count < length + delays())
    throw InvalidArgument("[DrivenDelays.windows] windows must have at least 2 samples, and with ", delays(),
                          " delays as many fewer than the stretch; got ", length, " of ", stretch.count, ".");
  check_series(series, stretch, stretch.first + stretch.count - 1, "windows");
  TrajectoryWindows windows{.times = HostArray::evenly_spaced(0, 1, length),
                            .states = HostArray(Shape{count, length, delays()})};
  std::vector<std::int64_t> firsts;
  for (std::int64_t window = 0; window < count; ++window) {
    firsts.push_back(stretch.first + window * stride);
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t j = 0; j < delays(); ++j) windows.states.set({window, i, j}, series.y(firsts.back() + i + j));
  }
  windows.arguments = inputs_along(series, firsts, length);
  return windows;
}

VectorField DrivenDelays::field(const TrajectoryWindows& windows) const {
  return field(windows.arguments.at(0).shape()[1]);
}

HostArray DrivenDelays::run(const DrivenSeries& series, const SampleSpan& stretch) const {
  check_series(series, stretch, stretch.first + delays() - 1, "a run");
  const HostArray start = series.y.slice(stretch.first, stretch.first + delays()).reshape({1, delays()});
  const std::vector<HostArray> inputs = inputs_along(series, {stretch.first}, stretch.count);
  const Solution solution =
      solve(field(inputs[0].shape()[1]), start, HostArray::evenly_spaced(0, 1, stretch.count),
            {.method = Method::kRk4, .steps_per_interval = 1, .max_steps = 4 * stretch.count + 1000}, inputs);
  return HostArray::vector(solution.states.column(0));
}

}  // namespace costate
