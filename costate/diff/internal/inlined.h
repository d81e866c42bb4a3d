// What every derivative of a Function begins with.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/internal/builder.h"

namespace costate::internal {

/// A function's inputs and body in the current builder.
struct Inlined {
  std::vector<Array> inputs, outputs;
};

Inlined inline_with_inputs(GraphBuilder& builder, const Function& f);

/// The positions of `wrt`, or of all inputs if it is empty. InvalidArgument if there is no such input.
std::vector<std::size_t> all_inputs_if_empty(const Function& f, std::span<const std::size_t> wrt);

/// ShapeError, from `where`, unless the first output is a scalar.
void check_scalar_loss(const Function& loss, const char* where);

}  // namespace costate::internal
