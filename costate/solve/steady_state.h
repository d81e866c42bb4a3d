// The state at which a field is at rest, as a function of what the field depends on.
#pragma once

#include <span>

#include "costate/graph/array.h"
#include "costate/operations/root.h"
#include "costate/solve/vector_field.h"

namespace costate {

struct SteadyStateOptions {
  double t = 0;  // the time at which the field is looked at
  RootOptions root = {};
};

/// z [state] with f(t, z, arguments) = 0, inside a trace, by Newton's method from `guess`, which has as many numbers in
/// any shape; whether z is stable is not looked at. Derivatives by the arguments, and by Parameters of the field, as
/// root() has them; sparse where the field of a large state is.
///
/// Throws: ShapeError if the guess or an argument has another number of elements or shape; InvalidArgument for another
/// number of arguments, and as root() does.
Array steady_state(const VectorField& field, Operand guess, const SteadyStateOptions& options = {},
                   std::span<const Array> arguments = {});

}  // namespace costate
