// What a field computes of t alone (of t, constants and tables of constants), cut off from the rest of it. A solve in
// f32 computes it in f64: t may need more digits than f32 has, and what the field makes of it, a phase or a held input,
// hardly ever does.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "costate/graph/graph.h"

namespace costate::internal {

struct TimePart {
  Function of_time;         // the times -> the values that the rest reads of it
  Function rest;            // inputs: these values in place of the times, then the other inputs of the field
  bool reads_time = false;  // a time itself is one of the values
};

/// The first inputs of `function` are so many times, one or the stages' of a step, some of which it reads.
TimePart split_time(const Function& function, std::size_t num_times = 1);

}  // namespace costate::internal
