#include "costate/series/forecast_noise.h"

#include <algorithm>
#include <cmath>

namespace costate {
namespace {

constexpr std::size_t kFewForNoise = 20;    // of a state: its share of nine in ten would be chance
constexpr std::size_t kFewestOfGroup = 40;  // forecasts of a stretch of times ahead
constexpr std::size_t kMostGroups = 8;

/// Deviations at the middle of each group of misses that are about as far ahead.
struct Curve {
  std::vector<double> ahead, deviation;
};

/// The noise with which the given share of the misses lie in their bands.
double deviation_of(std::vector<Miss> misses, double share) {
  std::vector<double> needed;  // squares of what each cell needs
  for (const Miss& miss : misses) {
    const double reach = miss.error / kBandDeviations;
    needed.push_back(std::max(0.0, reach * reach - miss.variance));
  }
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(needed.size())));
  const auto at = needed.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, needed.size()) - 1);
  std::nth_element(needed.begin(), at, needed.end());
  return std::sqrt(*at);
}

Curve curve_of(std::vector<Miss> misses, std::size_t independent) {
  std::ranges::stable_sort(misses, {}, &Miss::ahead);
  const double count = static_cast<double>(independent);
  const double share = std::min(1.0, kBandShare * (count + 1) / count);
  const std::size_t groups = std::clamp<std::size_t>(misses.size() / kFewestOfGroup, 1, kMostGroups);
  Curve curve;
  for (std::size_t group = 0; group < groups; ++group) {
    const auto begin = misses.begin() + static_cast<std::ptrdiff_t>(misses.size() * group / groups),
               end = misses.begin() + static_cast<std::ptrdiff_t>(misses.size() * (group + 1) / groups);
    const double middle = (begin + (end - begin) / 2)->ahead;
    if (!curve.ahead.empty() && middle <= curve.ahead.back()) continue;  // one time ahead fills several groups
    curve.ahead.push_back(middle);
    curve.deviation.push_back(deviation_of({begin, end}, share));
  }
  return curve;
}

double at(const std::vector<double>& ahead, const std::vector<double>& deviation, double time) {
  const auto next = std::ranges::upper_bound(ahead, time);
  if (next == ahead.begin()) return deviation.front();
  if (next == ahead.end()) return deviation.back();
  const auto i = static_cast<std::size_t>(next - ahead.begin());
  const double share = (time - ahead[i - 1]) / (ahead[i] - ahead[i - 1]);
  return deviation[i - 1] + share * (deviation[i] - deviation[i - 1]);
}

}  // namespace

double ForecastNoise::at(std::size_t state, double time_ahead) const {
  return costate::at(ahead, deviation[state], time_ahead);
}

ForecastNoise noise_of(const std::vector<Miss>& misses, const std::vector<std::size_t>& independent,
                       const std::vector<double>& units) {
  if (misses.empty()) return {};
  std::vector<Miss> scaled;
  std::size_t all = 0;
  for (const Miss& miss : misses) {
    const double unit = units[miss.state];
    scaled.push_back({miss.state, miss.ahead, miss.error / unit, miss.variance / (unit * unit)});
  }
  for (const std::size_t count : independent) all += count;
  const Curve together = curve_of(scaled, all);
  std::vector<Curve> curves;
  std::vector<double> times;
  for (std::size_t k = 0; k < units.size(); ++k) {
    std::vector<Miss> own;
    for (const Miss& miss : scaled)
      if (miss.state == k) own.push_back(miss);
    curves.push_back(independent[k] < kFewForNoise ? together : curve_of(std::move(own), independent[k]));
    times.insert(times.end(), curves[k].ahead.begin(), curves[k].ahead.end());
  }
  std::ranges::sort(times);
  times.erase(std::unique(times.begin(), times.end()), times.end());
  ForecastNoise noise{.ahead = times, .deviation = {}};
  for (std::size_t k = 0; k < units.size(); ++k) {
    std::vector<double>& deviations = noise.deviation.emplace_back();
    for (const double time : times) deviations.push_back(units[k] * at(curves[k].ahead, curves[k].deviation, time));
  }
  return noise;
}

}  // namespace costate
