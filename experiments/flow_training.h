// Training on an endless supply of fresh samples, for the flows.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "costate/exec/program.h"
#include "costate/graph/trace.h"

namespace costate::experiments {

struct FreshTraining {
  std::int64_t steps = 1000;
  std::int64_t batch = 512;
  double learning_rate = 5e-3;  // falls to 1 % of it on half a cosine
};

/// Minimizes the mean of a scalar loss over fresh batches by Adam, in f32: `batch(step)` gives the loss's inputs.
/// Returns the losses, one a step.
std::vector<double> train_on_fresh(const Function& loss, const std::vector<Parameter>& parameters,
                                   const FreshTraining& training,
                                   const std::function<std::vector<HostArray>(std::int64_t step)>& batch);

/// Standard normal numbers [count, 2] of a stream: row i depends on the seed, the stream and i alone.
HostArray normal_pairs(std::uint64_t seed, std::uint64_t stream, std::int64_t count);

/// The mean of an output over its batch.
double mean_of(const HostArray& values);

}  // namespace costate::experiments
