// Steps of positions q and velocities v, each of which moves by the other and by time alone. From (q, v) at t, with
// q' = a(t, v) and v' = b(t, q):
//
//     symplectic_euler   v1 = v + h b(t, q),         q1 = q + h a(t + h, v1)
//     velocity_verlet    w = v + h/2 b(t, q),        q1 = q + h a(t + h/2, w),    v1 = w + h/2 b(t + h, q1)
//
// velocity_verlet remembers b(t + h, q1), the next step's first. Both are taken back by the same formulas from the last
// to the first, which round as the steps do: where the state was before is known up to rounding, and kept nowhere.
#pragma once

#include "costate/solve/internal/step_memory.h"

namespace costate::internal {

StepFunction partitioned_step(const VectorField& field, Method method, StepUse use);

/// The memory of velocity_verlet at the start; its size.
StepFunction partitioned_start(const VectorField& field);
std::int64_t partitioned_memory(const VectorField& field, Method method);

/// InvalidArgument for a method of this family, unless the state is q and as many v, and neither moves by itself.
void check_partition(const VectorField& field, Method method);

}  // namespace costate::internal
