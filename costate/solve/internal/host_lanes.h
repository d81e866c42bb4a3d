// How many samples a tile of a solve of numbers takes.
#pragma once

#include <cstddef>

#include "costate/solve/options.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// Of a batch. It changes no bit of a sample.
template <class T>
std::size_t host_lanes(const VectorField& field, const SolveOptions& options, std::size_t batch);

extern template std::size_t host_lanes<float>(const VectorField&, const SolveOptions&, std::size_t);
extern template std::size_t host_lanes<double>(const VectorField&, const SolveOptions&, std::size_t);

}  // namespace costate::internal
