#include "costate/models/normalization.h"

#include <cmath>

#include "costate/base/error.h"

namespace costate {
namespace {

/// Mean and deviation of column `column` of all trajectories, NaN left out.
void measure_columns(const TimeSeries& series, HostArray Trajectory::*values, const std::vector<std::string>& names,
                     std::vector<double>& offset, std::vector<double>& scale) {
  const std::size_t count = names.size();
  offset.assign(count, 0.0);
  scale.assign(count, 1.0);
  for (std::size_t column = 0; column < count; ++column) {
    std::vector<double> cells;
    for (const Trajectory& trajectory : series.trajectories)
      for (std::size_t i = 0; i < trajectory.times.size(); ++i) {
        const double cell = (trajectory.*values).at(static_cast<std::int64_t>(i * count + column));
        if (std::isfinite(cell)) cells.push_back(cell);
      }
    if (cells.empty())
      throw DataError("[fit] '", names[column], "' has no measured value in what is trained on; leave it out.");
    const auto n = static_cast<double>(cells.size());
    double variance = 0;
    for (const double cell : cells) offset[column] += cell / n;
    for (const double cell : cells) variance += (cell - offset[column]) * (cell - offset[column]) / n;
    if (!std::isfinite(offset[column]) || !std::isfinite(variance))
      throw DataError("[fit] the numbers of '", names[column],
                      "' are too large to be squared; give them in another unit.");
    // Rounding of the mean is no variation.
    if (std::sqrt(variance) > 1e-12 * (1 + std::abs(offset[column]))) scale[column] = std::sqrt(variance);
  }
}

/// 1 / root mean square of the normalized states' rate between neighbouring samples.
double measure_time(const TimeSeries& series, const std::vector<double>& scale) {
  double sum = 0, count = 0, span = 0;
  const std::size_t columns = scale.size();
  for (const Trajectory& trajectory : series.trajectories) {
    span = std::max(span, trajectory.times.back() - trajectory.times.front());
    for (std::size_t i = 1; i < trajectory.times.size(); ++i)
      for (std::size_t k = 0; k < columns; ++k) {
        const double step = trajectory.states.at(static_cast<std::int64_t>(i * columns + k)) -
                            trajectory.states.at(static_cast<std::int64_t>((i - 1) * columns + k));
        const double rate = step / scale[k] / (trajectory.times[i] - trajectory.times[i - 1]);
        if (!std::isfinite(rate)) continue;
        sum += rate * rate;
        count += 1;
      }
  }
  if (sum > 0) return std::sqrt(count / sum);
  return span > 0 ? span : 1.0;
}

}  // namespace

Normalization measure(const TimeSeries& series) {
  Normalization normalization;
  measure_columns(series, &Trajectory::states, series.state_names, normalization.state_offset,
                  normalization.state_scale);
  measure_columns(series, &Trajectory::inputs, series.input_names, normalization.input_offset,
                  normalization.input_scale);
  normalization.time_scale = measure_time(series, normalization.state_scale);
  return normalization;
}

}  // namespace costate
