// What every Plan must be: what lower() promises and the executor relies on without looking.
#pragma once

#include "costate/plan/plan.h"

namespace costate::internal {

struct Selection;

/// Checks the plan of `function`, lowered with `options`, instruction by instruction, in the order in which they run:
///   - sources and result lie within their regions; sources were written before, in a phase whose numbers still stand
///   - what is shared and what is of a sample is where it belongs; prepare and forward read no late input
///   - numbers of rows, tables and strides fit the operation, and its operands
///   - a result overlaps no source; an elementwise one may be exactly where a source of its size is
///   - an extension's state is made before it is read, and by one extension
///   - each number of a kSample output is written once, and what accumulates adds to kSum outputs alone
/// InternalError, showing the instruction, if one is otherwise.
void verify(const Plan& plan, const Function& function, const PlanOptions& options);

/// Checks that layout gave no two buffers the same place while both are in use: each instruction must find the numbers
/// of the buffers that it read in `before`, what pass 4 made the plan of. InternalError, showing the instruction, if
/// one does not.
void verify_layout(const Plan& plan, const Selection& before);

}  // namespace costate::internal
