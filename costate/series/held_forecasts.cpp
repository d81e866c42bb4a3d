#include "costate/series/held_forecasts.h"

#include <algorithm>
#include <limits>

#include "costate/series/window_loss.h"

namespace costate {
namespace {

constexpr std::size_t kLongest = 500;  // samples of a forecast
constexpr std::size_t kAtOnce = 64;    // forecasts that an epoch is judged by, and of one run over all

/// Of a stretch whose first sample is given, in equal parts.
void append_forecasts(const Window& stretch, const Window& last, std::vector<HeldForecast>& forecasts) {
  const bool goes_on =
      last.trajectory == stretch.trajectory && last.first + last.count == stretch.first + 1 && stretch.first > 0;
  const std::size_t judged = stretch.count - 1, parts = (judged + kLongest - 1) / kLongest;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = judged * part / parts, held = judged * (part + 1) / parts - begin;
    const bool is_first = goes_on && part == 0;
    const std::size_t given = is_first ? last.count : 1;
    forecasts.push_back({{stretch.trajectory, stretch.first + 1 + begin - given, given + held}, held, is_first});
  }
}

std::vector<HeldForecast> forecasts_of(const TimeSeries& series, const Split& split, const Window& last,
                                       double time_unit) {
  std::vector<HeldForecast> forecasts;
  for (const Window& held : split.held) {
    const std::size_t before = held.first > 0 ? 1 : 0;  // a whole trajectory gives its own first sample
    const Window range{held.trajectory, held.first - before, held.count + before};
    for (const Window& stretch : between_gaps(series, range, time_unit)) append_forecasts(stretch, last, forecasts);
  }
  if (!forecasts.empty()) return forecasts;
  return forecasts_of(series, split, last, std::numeric_limits<double>::infinity());  // each sample stands behind a gap
}

}  // namespace

HeldForecasts::HeldForecasts(const SeriesModel& model, const TimeSeries& series, const Split& split, const Window& last)
    : model_(model),
      series_(series),
      all_(forecasts_of(series, split, last, model.normalization().time_scale)),
      judged_(spread(all_, kAtOnce, model.config().seed)),
      judged_arrays_(arrays_of(judged_)),
      program_(compile(trace_list(window_arguments(judged_arrays_), [&](std::span<const Array> in) {
        const WindowOutputs outputs = solve_window(model, in);
        return std::vector<Array>{outputs.loss, outputs.cells, outputs.states};
      }))) {}

WindowArrays HeldForecasts::arrays_of(std::span<const HeldForecast> forecasts) const {
  std::vector<Window> windows;
  std::size_t length = 0;
  for (const HeldForecast& forecast : all_) length = std::max(length, forecast.samples.count);
  for (const HeldForecast& forecast : forecasts) windows.push_back(forecast.samples);
  WindowArrays arrays = window_arrays(series_, windows, model_.normalization(), length);
  const std::int64_t n = arrays.times.shape()[1], d = arrays.starts.shape()[1];
  for (std::size_t row = 0; row < forecasts.size(); ++row) {
    const std::size_t given = forecasts[row].samples.count - forecasts[row].held;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(given) * d; ++i)
      arrays.masks.set(static_cast<std::int64_t>(row) * n * d + i, 0);
  }
  return arrays;
}

HostArray HeldForecasts::starts_of(std::span<const HeldForecast> forecasts, const WindowArrays& arrays,
                                   std::span<const double> last_start) const {
  HostArray starts = arrays.starts;
  for (std::size_t row = 0; row < forecasts.size(); ++row)
    if (forecasts[row].goes_on)
      std::copy(last_start.begin(), last_start.end(),
                starts.data<double>().begin() + static_cast<std::ptrdiff_t>(row * last_start.size()));
  return starts;
}

double HeldForecasts::loss(std::span<const double> last_start) const {
  const RunResult result = program_.run(window_inputs(judged_arrays_, starts_of(judged_, judged_arrays_, last_start)));
  if (!result.report.failures.empty()) return std::numeric_limits<double>::quiet_NaN();
  double loss = 0, cells = 0;
  for (std::int64_t row = 0; row < judged_arrays_.count(); ++row) {
    loss += result.outputs[0].at(row);
    cells += result.outputs[1].at(row);
  }
  return loss / cells;
}

std::vector<StatePath> HeldForecasts::predict(std::span<const double> last_start) const {
  const Normalization& units = model_.normalization();
  const std::size_t d = units.state_offset.size();
  std::vector<StatePath> paths;
  for (std::size_t first = 0; first < all_.size(); first += kAtOnce) {
    const auto forecasts = std::span(all_).subspan(first, std::min(kAtOnce, all_.size() - first));
    const WindowArrays arrays = arrays_of(forecasts);
    const RunResult result = program_.run(window_inputs(arrays, starts_of(forecasts, arrays, last_start)));
    const std::span<const double> states = result.outputs[2].data<double>();
    const auto n = static_cast<std::size_t>(arrays.times.shape()[1]);
    for (std::size_t row = 0; row < forecasts.size(); ++row) {
      const HeldForecast& forecast = forecasts[row];
      const std::vector<double>& times = series_.trajectories[forecast.samples.trajectory].times;
      StatePath& path = paths.emplace_back();
      path.trajectory = forecast.samples.trajectory;
      for (std::size_t i = forecast.samples.count - forecast.held - 1; i < forecast.samples.count; ++i) {
        path.times.push_back(times[forecast.samples.first + i]);
        std::vector<double>& state = path.states.emplace_back(d);
        for (std::size_t k = 0; k < d; ++k)
          state[k] = units.state_offset[k] + units.state_scale[k] * states[(row * n + i) * d + k];
      }
    }
  }
  return paths;
}

}  // namespace costate
