#include "experiments/flow_training.h"

#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/train/optimizers.h"
#include "costate/train/schedules.h"

namespace costate::experiments {

std::vector<double> train_on_fresh(const Function& loss, const std::vector<Parameter>& parameters,
                                   const FreshTraining& training,
                                   const std::function<std::vector<HostArray>(std::int64_t step)>& batch) {
  const Program gradient = compile(value_and_grad(loss, parameters), {.dtype = Dtype::kF32});
  Optimizer adam({.clip_norm = 10}, parameters);
  const Schedule schedule{.kind = ScheduleKind::kCosine, .base = training.learning_rate};
  std::vector<double> losses;
  for (std::int64_t step = 0; step < training.steps; ++step) {
    const std::vector<HostArray> inputs = batch(step);
    const auto evaluate = [&] { return mean_over_batch(gradient.run(inputs)); };
    losses.push_back(adam.step(evaluate, learning_rate(schedule, step, training.steps)).loss);
  }
  return losses;
}

HostArray normal_pairs(std::uint64_t seed, std::uint64_t stream, std::int64_t count) {
  HostArray values(Shape{count, 2});
  for (std::int64_t i = 0; i < values.size(); ++i)
    values.set(i, Random(seed).normal(stream, static_cast<std::uint64_t>(i)));
  return values;
}

double mean_of(const HostArray& values) {
  double sum = 0;
  for (std::int64_t i = 0; i < values.size(); ++i) sum += values.at(i);
  return sum / static_cast<double>(values.size());
}

}  // namespace costate::experiments
