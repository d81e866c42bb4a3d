// solve_on: a solve of a batch of numbers on a device.
#pragma once

#include <span>

#include "costate/exec/device.h"
#include "costate/solve/solve.h"

namespace costate {

/// solve() on a device. On a card one kernel takes tiles of samples through all of their steps, compiled when a solve
/// of that field and these options is first asked for; what it gives is what the CPU gives. Explicit methods with their
/// own, joint or fixed steps and outputs within them; the card's kernels are experimental (docs/gpu.md). Throws as
/// solve() does, and NotSupported for what kernels do not have and where there is no card.
Solution solve_on(Device device, const VectorField& field, const HostArray& z0, const HostArray& times,
                  const SolveOptions& options = {}, std::span<const HostArray> arguments = {});

}  // namespace costate
