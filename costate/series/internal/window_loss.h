// A window as a trace: its solve, and how far that is from the window's samples.
#pragma once

#include <span>

#include "costate/graph/array.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/series_model.h"
#include "costate/train/losses.h"

namespace costate {

/// What a start costs that is not where the first sample puts it: so much, in normalized units, times its square. It
/// keeps in bounds what few samples leave open, and gives hidden states their scale. Measured states need less, since
/// the first sample is in the loss as well.
inline constexpr double kStartWeight = 1.0;

struct WindowOutputs {
  Array loss;    // sum over the cells, and the start's cost
  Array cells;   // how many were measured, or found beyond a limit, and reached
  Array states;  // [time, z], normalized
};

/// The start of a window's solve, normalized: [z].
Array window_start(const SeriesModel& model, const WindowParts& parts);

/// For window_arguments.
WindowOutputs solve_window(const SeriesModel& model, Loss loss, std::span<const Array> arguments);

/// Measured states of [time, z].
Array measured_part(const SeriesModel& model, const Array& states);

}  // namespace costate
