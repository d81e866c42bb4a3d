// What a field takes besides t and its state, inside a trace.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// The field's arguments: those given, then those that it has of the trace around it. InvalidArgument, in the name of
/// the function `caller`, unless as many are given as it takes.
std::vector<Array> arguments_of(const VectorField& field, std::span<const Array> given, const char* caller);

/// What code of a field's samples is traced with: t, the parts of the state, the arguments that the field was declared
/// with.
std::vector<ArgumentSpec> inputs_of_code(const VectorField& field);

/// Appends the Parameters of a field's function, which are the last of its inputs.
void append_parameters(const Function& function, std::vector<Array>& inputs);

}  // namespace costate::internal
