// What an optimizer is told about the Parameters' current values.
#pragma once

#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/program.h"
#include "costate/exec/run_report.h"

namespace costate {

/// The loss and one gradient for each Parameter, at the Parameters' current values.
struct Evaluation {
  double loss = 0;
  std::vector<HostArray> gradients;
  RunReport report;
};

/// The mean over a batch, from a run of a Program of value_and_grad: outputs[0] [batch] is each sample's loss, the
/// other outputs are gradients summed over the batch. The gradients are f64.
Evaluation mean_over_batch(RunResult result);

}  // namespace costate
