// The field of a solve whose gradient will be asked for, as one Function with its vjp: the phase kForward of its
// TileFunction gives the slopes and saves what kReverse and kAccumulate need.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/solve/vector_field.h"

namespace costate::internal {

/// Which gradients of a solve are asked for.
struct WantedGradients {
  bool start = true;  // by z0; a reverse sweep gives it without extra work
  bool times = false;
  std::vector<bool> arguments;  // the field's arguments, then its Parameters

  bool operator==(const WantedGradients&) const = default;
};

/// Inputs: the field's, then the cotangents of its slopes, which are late. Outputs: the slopes, then the cotangents of
/// t (if wanted), of the state's parts and of the wanted arguments.
struct LinearField {
  Function function;
  std::vector<std::size_t> late_inputs;
};

LinearField linearize(const VectorField& field, const WantedGradients& wanted);

}  // namespace costate::internal
