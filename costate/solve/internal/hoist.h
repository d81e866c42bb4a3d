// What a field computes from Parameters and shared arguments alone (a masked weight, exp(p)) is the same at every stage
// of every step. A traced solve takes it out of the field, so that it is computed once and its cotangent goes on from
// the sum over all stages and samples.
#pragma once

#include <optional>

#include "costate/solve/vector_field.h"

namespace costate::internal {

struct HoistedField {
  VectorField field;  // the field, with the values taken out as further shared arguments
  Function prologue;  // the field's inputs -> those values; it reads neither t nor the state
};

/// nullopt if the field computes nothing of the kind.
std::optional<HoistedField> hoist_shared(const VectorField& field);

}  // namespace costate::internal
