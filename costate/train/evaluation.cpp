#include "costate/train/evaluation.h"

namespace costate {

Evaluation mean_over_batch(RunResult result) {
  const auto count = static_cast<double>(result.outputs[0].size());
  Evaluation evaluation{.loss = 0, .gradients = {}, .report = std::move(result.report)};
  for (std::int64_t i = 0; i < result.outputs[0].size(); ++i) evaluation.loss += result.outputs[0].at(i) / count;
  for (std::size_t i = 1; i < result.outputs.size(); ++i) {
    HostArray gradient = result.outputs[i].astype(Dtype::kF64);
    for (double& number : gradient.data<double>()) number /= count;
    evaluation.gradients.push_back(std::move(gradient));
  }
  return evaluation;
}

}  // namespace costate
