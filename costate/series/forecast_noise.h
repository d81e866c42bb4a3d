// How far measurements lie from forecasts, by how far ahead these are: measured on samples that were not trained on, in
// the manner of conformal prediction (Angelopoulos and Bates 2023), beyond what the members of an ensemble differ by.
#pragma once

#include <cstddef>
#include <vector>

namespace costate {

/// Of measurements, which a band is to hold.
inline constexpr double kBandShare = 0.9;
/// Half the width of a band that holds as much of a normal distribution, in deviations.
inline constexpr double kBandDeviations = 1.6448536269514722;

struct ForecastNoise {
  std::vector<double> ahead = {};                   // times ahead of the origin, increasing; none: nothing is known
  std::vector<std::vector<double>> deviation = {};  // [state][time ahead], in the data's units

  /// Linear between the times, and the same before the first and after the last one.
  double at(std::size_t state, double time_ahead) const;
};

/// A measured cell beside its forecast.
struct Miss {
  std::size_t state = 0;
  double ahead = 0;     // time from the origin of the forecast
  double error = 0;     // in the data's units
  double variance = 0;  // of the members
};

/// So much noise that bands would have held nine of ten of these cells, near and far ahead alike; more of them where
/// there are so few that the next ones may well be larger. `independent` counts those of each state that tell of
/// others: several forecasts may miss the same cell. `units` are the states' deviations, in which states with a few of
/// them are taken together. Empty without misses.
ForecastNoise noise_of(const std::vector<Miss>& misses, const std::vector<std::size_t>& independent,
                       const std::vector<double>& units);

}  // namespace costate
