// The root of a large sparse system as an operation of the graph, and the linear systems of its derivatives.
#pragma once

#include <memory>
#include <source_location>
#include <span>

#include "costate/graph/array.h"
#include "costate/operations/internal/implicit_system.h"
#include "costate/operations/internal/sample_system.h"

namespace costate::internal {

/// x [n] with f(x, arguments) = 0, from `guess`. NaN, and an entry in the run's report with the residual, where
/// Newton's method finds none. Differentiable to any order, both ways.
Array sparse_root(std::shared_ptr<const ImplicitSystem> system, const NewtonOptions& options, const Array& guess,
                  std::span<const Array> arguments, std::source_location where);

}  // namespace costate::internal
