// Instructions that go through rows: all of them at once, or in a group, a strip at a time.
#pragma once

#include <span>

#include "costate/exec/internal/bound_plan.h"

namespace costate::internal {

/// An elementwise instruction, or a scatter of ascending runs.
template <class T>
void run_rows(const BoundInstruction<T>& bound, const Bases<T>& bases);

/// The instructions of a group. Each strip goes through all of them before the next one begins (plan/strips.h).
template <class T>
void run_strips(std::span<const BoundInstruction<T>> group, const BoundStrips& strips, const Bases<T>& bases);

}  // namespace costate::internal
