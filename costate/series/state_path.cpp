#include "costate/series/state_path.h"

#include <utility>

namespace costate {

StatePath state_path(std::size_t trajectory, std::vector<double> times, const BandedPath& path) {
  const auto rows = [](const HostArray& states) {
    std::vector<std::vector<double>> rows;
    for (std::int64_t i = 0; i < states.shape()[0]; ++i) rows.push_back(states.row(i));
    return rows;
  };
  return {trajectory, std::move(times), rows(path.middle), rows(path.lower), rows(path.upper)};
}

}  // namespace costate
