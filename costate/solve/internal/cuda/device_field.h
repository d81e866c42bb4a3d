// A field, or what is made of one, as kernels take it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/solve/internal/linear_field.h"

namespace costate::internal {

struct DeviceField {
  DeviceField(LinearField linear, bool reads_time, Dtype dtype);

  /// Inputs: what it reads of time, one a part, then the arguments and Parameters, then those that are late.
  Function function;
  std::vector<std::size_t> late_inputs;
  std::size_t num_times = 1;        // of its inputs
  std::optional<Function> of_time;  // in f32: time in f64 -> what it reads of it
  bool rounds_time = false;         // it reads t itself in f32
};

}  // namespace costate::internal
