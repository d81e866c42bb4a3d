#include "costate/series/coverage.h"

#include <cmath>
#include <numeric>

#include "costate/base/text.h"
#include "costate/series/forecast_noise.h"

namespace costate {
namespace {

constexpr std::size_t kFewCells = 10;          // tell little
constexpr double kNarrow = 0.8, kWide = 0.99;  // beyond which a share is called far from 90 %
constexpr std::size_t kManyCells = 50;         // fewer may all lie inside by chance

std::size_t sum(const std::vector<std::size_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

}  // namespace

double Coverage::share() const { return static_cast<double>(sum(inside)) / static_cast<double>(sum(cells)); }

std::string Coverage::text() const {
  const std::size_t all = sum(cells);
  std::string text = text::concat("Bands: ", sum(inside), " of ", all, " held-out values (", std::lround(100 * share()),
                                  " %) lie in theirs, which are to hold ", std::lround(100 * kBandShare), " %.");
  if (all < kFewCells)
    text += " These are too few to tell.";
  else if (share() < kNarrow)
    text += " The bands are too narrow: do not rely on them.";
  else if (share() > kWide && all >= kManyCells)
    text += " The bands are wider than they need be.";
  return text;
}

JsonObject Coverage::to_json(const std::vector<std::string>& states) const {
  JsonObject of_states;
  for (std::size_t k = 0; k < cells.size(); ++k)
    of_states.push_back({states[k], JsonObject{{"cells", static_cast<std::int64_t>(cells[k])},
                                               {"inside", static_cast<std::int64_t>(inside[k])}}});
  return {{"goal", kBandShare}, {"share", share()}, {"states", of_states}};
}

Coverage coverage_of(const TimeSeries& series, const std::vector<StatePath>& forecasts) {
  const std::size_t states = series.state_names.size();
  Coverage coverage{.cells = std::vector<std::size_t>(states, 0), .inside = std::vector<std::size_t>(states, 0)};
  for (const StatePath& path : forecasts) {
    const Trajectory& trajectory = series.trajectories[path.trajectory];
    const std::size_t first = trajectory.times.size() - path.times.size();
    for (std::size_t i = 0; i < path.times.size(); ++i)
      for (std::size_t k = 0; k < states; ++k) {
        const double seen = trajectory.states.at(static_cast<std::int64_t>((first + i) * states + k));
        if (std::isnan(seen)) continue;
        ++coverage.cells[k];
        if (seen >= path.states.lower(i, k) && seen <= path.states.upper(i, k)) ++coverage.inside[k];
      }
  }
  return coverage;
}

}  // namespace costate
