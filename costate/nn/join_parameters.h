// The Parameters of several layers as one list.
#pragma once

#include <vector>

#include "costate/graph/graph.h"

namespace costate {

/// Those of the first layer, then those of the next, …
template <class... Layers>
std::vector<Parameter> join_parameters(const Layers&... layers) {
  std::vector<Parameter> all;
  (all.insert(all.end(), layers.parameters().begin(), layers.parameters().end()), ...);
  return all;
}

}  // namespace costate
