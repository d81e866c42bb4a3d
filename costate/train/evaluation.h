// What a step of training is taken on, and what an optimizer is told of it: loss and gradients at the Parameters'
// values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/program.h"
#include "costate/exec/run_report.h"

namespace costate {

/// The samples of a step.
struct Batch {
  std::int64_t step = 0;  // counted through the whole training, resumed or not: what fresh samples and noise depend on
  std::int64_t epoch = 0;
  std::span<const std::size_t> samples = {};  // of a fixed set; empty where every step has fresh ones
};

/// The loss and one gradient for each Parameter, at the Parameters' current values.
struct Evaluation {
  double loss = 0;
  std::vector<HostArray> gradients = {};
  RunReport report = {};
  double misclassified = std::numeric_limits<double>::quiet_NaN();  // share of the samples; NaN: nothing is classified
};

/// The mean over a batch, from a run of a Program of value_and_grad: outputs[0] [batch] is each sample's loss, the
/// other outputs are gradients summed over the batch. The gradients are f64.
Evaluation mean_over_batch(RunResult result);

/// Evaluates the mean of `loss`, a Function of one sample, and its gradients by the Parameters, over the inputs
/// [sample, …] that `inputs` gives for a batch.
std::function<Evaluation(const Batch&)> mean_loss(const Function& loss, const std::vector<Parameter>& parameters,
                                                  std::function<std::vector<HostArray>(const Batch& batch)> inputs,
                                                  const CompileOptions& options = {});

}  // namespace costate
