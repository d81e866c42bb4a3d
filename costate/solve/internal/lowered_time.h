// Functions of time lowered for tiles: in f32 with values that are computed of t in f64 in place of t (time_part.h).
#pragma once

#include <cstddef>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/internal/stage_times.h"

namespace costate::internal {

/// Whether a Function depends on one of its first inputs, which are times; an autonomous field needs no stage times.
bool reads_time(const Function& function, std::size_t num_times = 1);

/// Lowers a Function whose first inputs are so many times; `time` tells what it reads of them.
template <class T>
TileFunction<T> lower_reading_time(LinearField linear, std::size_t lanes, TimeRows& time, std::size_t num_times = 1);

}  // namespace costate::internal
