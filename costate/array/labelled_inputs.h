// What a classifier learns from.
#pragma once

#include <cstdint>

#include "costate/array/host_array.h"

namespace costate {

/// Inputs, and the class of each: a whole number from 0 on.
struct LabelledInputs {
  HostArray inputs;  // [sample, …]
  HostArray labels;  // [sample]

  std::int64_t count() const { return labels.size(); }
  /// The samples from `begin` to before `end`. ShapeError if they are outside.
  LabelledInputs slice(std::int64_t begin, std::int64_t end) const {
    return {inputs.slice(begin, end), labels.slice(begin, end)};
  }
};

}  // namespace costate
