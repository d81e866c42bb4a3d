// The arithmetic of a Runge-Kutta step in lanes that the solver and its reverse sweep share to the bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/methods/tableau.h"

namespace costate::internal {

/// Slopes k_j of a tile, each [state, lanes], `stride` numbers apart.
template <class T>
struct Slopes {
  const T* first = nullptr;
  std::size_t stride = 0;
  std::size_t state_size = 0;
  std::size_t lanes = 0;
};

/// out = y + h sum_j weights_j k_j over the weights that are not 0; h has one number a lane.
template <class T>
void combine_slopes(const T* y, const T* h, const Slopes<T>& slopes, std::span<const double> weights, T* out) {
  const T* used[kMaxStages];
  T coefficients[kMaxStages];
  std::size_t count = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] == 0) continue;
    used[count] = slopes.first + j * slopes.stride;
    coefficients[count++] = static_cast<T>(weights[j]);
  }
  stage_combine(y, h, used, coefficients, count, out, slopes.state_size, slopes.lanes);
}

/// Where a stage evaluates the field: y itself at the first one, the end of the step at the closing one.
template <class T>
void write_stage_state(const Tableau& tableau, std::size_t stage, const T* y, const T* h, const Slopes<T>& slopes,
                       T* out) {
  if (stage == 0)
    std::copy_n(y, slopes.state_size * slopes.lanes, out);
  else
    combine_slopes(y, h, slopes, tableau.a_row(static_cast<int>(stage)), out);
}

}  // namespace costate::internal
