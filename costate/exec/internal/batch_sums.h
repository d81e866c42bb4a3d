// Sums over the batch: the instructions of kAccumulate but for those of extensions.
#pragma once

#include <cstddef>

#include "costate/exec/internal/bound_plan.h"
#include "costate/exec/internal/tile_function.h"

namespace costate::internal {

/// What of an instruction's sums waits in the workspace for finish_sums: so many sums, in so many numbers of type T.
struct PartialSum {
  std::size_t count = 0, size = 0;
};
template <class T>
PartialSum partial_sum(const Instruction& instruction, std::size_t lanes);

/// Numbers of Bases::sum_scratch that an instruction of kAccumulate needs.
std::size_t sum_scratch_size(const Instruction& instruction, std::size_t lanes);

/// Adds what a tile's samples give, to an output or to the sums that wait.
template <class T>
void add_to_sum(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>& call);

/// Adds the sums that have waited to the outputs.
template <class T>
void finish_sums(const BoundPlan<T>& plan, const Bases<T>& bases, T* partial_sums);

}  // namespace costate::internal
