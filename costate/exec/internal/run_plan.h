// Runs the instructions of a bound plan.
#pragma once

#include "costate/exec/internal/bound_plan.h"
#include "costate/exec/internal/tile_function.h"
#include "costate/plan/phase.h"

namespace costate::internal {

/// What all samples share, from the inputs that they share.
template <class T>
void run_prepare(const BoundPlan<T>& plan, const Bases<T>& bases);

template <class T>
void run_phase(const BoundPlan<T>& plan, Phase phase, const Bases<T>& bases, const TileCall<T>& call);

}  // namespace costate::internal
