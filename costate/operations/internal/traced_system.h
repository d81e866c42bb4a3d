// Code from [n] to [n] that is given as a callable, with what it uses of the trace around it.
#pragma once

#include <functional>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/graph.h"

namespace costate::internal {

struct TracedSystem {
  Function function;             // inputs: x [n], then the arguments
  std::vector<Array> arguments;  // Parameters among them
};

/// ShapeError "[where] …" if f gives another shape than it takes.
TracedSystem trace_system(const char* where, const std::function<Array(Array)>& f, const Shape& shape);

}  // namespace costate::internal
