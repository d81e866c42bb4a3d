// Gradients of what all samples share, where that is computed from other shared values first: an argument exp(p) of a
// solve, a masked or normalized weight. The chain rule from the one to the other is linear in the cotangent and the
// same for all samples, so it is applied once, to the sum over the batch, and not in each sample.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "costate/graph/graph.h"

namespace costate::internal {

struct SharedTail {
  Function samples;                        // the function with other sums: kSample outputs as they were, then the sums
  Function tail;                           // the function's shared inputs and then those sums -> its kSum outputs
  std::vector<std::size_t> shared_inputs;  // positions in the function's inputs
  std::vector<std::size_t> kept, made;  // positions in its outputs: of the kSample ones, of those that the tail makes
};

/// Cuts a (simplified) function in two; nullopt where there is nothing to gain.
std::optional<SharedTail> split_shared_tail(const Function& function);
/// The same whether there is or not: no sum of the samples is then a linear function of another operation's own sum.
SharedTail cut_shared_tail(const Function& function);

}  // namespace costate::internal
