#include "costate/train/evaluation.h"

#include <utility>

#include "costate/diff/diff.h"

namespace costate {

Evaluation mean_over_batch(RunResult result) {
  const auto count = static_cast<double>(result.outputs[0].size());
  Evaluation evaluation{.report = std::move(result.report)};
  for (std::int64_t i = 0; i < result.outputs[0].size(); ++i) evaluation.loss += result.outputs[0].at(i) / count;
  for (std::size_t i = 1; i < result.outputs.size(); ++i) {
    HostArray gradient = result.outputs[i].astype(Dtype::kF64);
    for (double& number : gradient.data<double>()) number /= count;
    evaluation.gradients.push_back(std::move(gradient));
  }
  return evaluation;
}

std::function<Evaluation(const Batch&)> mean_loss(const Function& loss, const std::vector<Parameter>& parameters,
                                                  std::function<std::vector<HostArray>(const Batch&)> inputs,
                                                  const CompileOptions& options) {
  return [program = compile(value_and_grad(loss, parameters), options),
          inputs = std::move(inputs)](const Batch& batch) { return mean_over_batch(program.run(inputs(batch))); };
}

}  // namespace costate
