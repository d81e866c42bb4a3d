// How many of the measurements that were held out lie in the bands of their forecasts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/json.h"
#include "costate/series/state_path.h"

namespace costate {

struct Coverage {
  std::vector<std::size_t> cells, inside;  // [state]: measured ones, and those of them that lie in their bands

  /// Of all cells; NaN of none.
  double share() const;
  /// "Bands: 27 of 30 held-out values (90 %) lie in theirs, which are to hold 90 %."; and what follows if it is far
  /// from that.
  std::string text() const;
  /// For metrics.json.
  JsonObject to_json(const std::vector<std::string>& states) const;
};

/// Of forecasts with bands whose times are samples of the last ones of their trajectories.
Coverage coverage_of(const TimeSeries& series, const std::vector<StatePath>& forecasts);

}  // namespace costate
