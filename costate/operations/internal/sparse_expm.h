// e^(t A) b for a sparse A of which the places are known ahead, with derivatives by its numbers, by b and by t.
#pragma once

#include <memory>
#include <source_location>

#include "costate/graph/array.h"
#include "costate/operations/internal/matrix_places.h"

namespace costate::internal {

/// Inside a trace: b [n], t a number. NaN, and an entry in the run's report, as expm_multiply() has it. Differentiable
/// to any order, both ways.
Array sparse_expm_multiply(std::shared_ptr<const MatrixPlaces> places, const Array& numbers, const Array& b,
                           const Array& t, std::source_location where);

}  // namespace costate::internal
