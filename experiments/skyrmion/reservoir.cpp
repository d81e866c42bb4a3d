// The paper's Mackey-Glass task. An input is held for whole samples, counted in integers: the authors' clock, a sum of
// float steps, reads the wrong input in some of them.
#include "experiments/skyrmion/reservoir.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>

namespace costate::experiments {
namespace {

constexpr int kNodes = 50, kHold = 2;  // virtual nodes of an input, and samples that each holds

/// The mask of the paper: numpy.random.seed(3); numpy.random.randn(50). Its generator is MT19937, its normal numbers
/// Marsaglia's polar method, the second of a pair first.
std::vector<double> paper_mask() {
  std::mt19937 generator(3);
  const auto uniform = [&] {
    const auto high = static_cast<double>(generator() >> 5), low = static_cast<double>(generator() >> 6);
    return (high * 67108864.0 + low) / 9007199254740992.0;
  };
  std::vector<double> mask;
  while (mask.size() < kNodes) {
    const double x = 2 * uniform() - 1, y = 2 * uniform() - 1, r = x * x + y * y;
    if (r >= 1 || r == 0) continue;
    const double factor = std::sqrt(-2 * std::log(r) / r);
    mask.push_back(factor * y);
    mask.push_back(factor * x);
  }
  return mask;
}

constexpr std::int64_t kDropped = 300, kFitted = 5000;  // inputs before those that are fitted, and of these

}  // namespace

std::vector<double> read_reservoir_inputs(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);  // without a header: its column is called 1
  constexpr std::size_t kFewest = kDropped + kFitted + 1000;
  if (table.names().size() != 1 || table.num_rows() < kFewest)
    throw DataError("[read_reservoir_inputs] '", path.string(), "' must have at least ", kFewest,
                    " numbers, one a line; it has ", table.num_rows(), " rows of ", table.names().size(), " cells.");
  return table.numbers(table.names()[0]);
}

Reservoir run_reservoir(const DrivenDelays& model, const std::vector<double>& inputs) {
  const std::vector<double> mask = paper_mask();
  std::vector<double> masked;
  for (const double input : inputs)
    for (const double factor : mask) masked.push_back(input * factor);
  const double lowest = std::min(0.0, *std::min_element(masked.begin(), masked.end()));
  for (double& value : masked) value = value / std::abs(lowest) * 0.4;
  const auto holds = static_cast<std::int64_t>(masked.size());
  const HostArray times = HostArray::evenly_spaced(0, kHold, holds);  // whole numbers: no clock to drift
  const HostArray arguments[] = {times.reshape({1, holds}), HostArray(Shape{1, holds, 1}, masked)};
  const VectorField field = model.field(holds, Interpolation::kHold);
  const std::clock_t begin = std::clock();  // of this process: others on the machine do not count
  const Solution solution =
      solve(field, HostArray(Shape{1, model.delays()}), times,
            {.method = Method::kRk4, .steps_per_interval = kHold, .max_steps = 10'000'000}, arguments);
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  solution.check();
  return {.states = HostArray(Shape{holds / kNodes, kNodes}, solution.states.column(0)),
          .nanoseconds = 0.005 * static_cast<double>(holds * kHold),
          .seconds = seconds};
}

// Ridge regression of u(n + H) on the 50 states at n.
Prediction predict(const Reservoir& reservoir, const std::vector<double>& inputs, int horizons) {
  const HostArray& states = reservoir.states;
  const auto input = [&](std::int64_t n) { return inputs[static_cast<std::size_t>(n)]; };
  HostArray normal(Shape{horizons, kNodes, kNodes}), right(Shape{horizons, kNodes});
  for (int i = 0; i < kNodes; ++i) {
    for (int j = 0; j < kNodes; ++j) {
      double sum = i == j ? 1e-4 : 0.0;
      for (std::int64_t n = kDropped; n < kDropped + kFitted; ++n) sum += states(n, i) * states(n, j);
      for (int h = 0; h < horizons; ++h) normal.set({h, i, j}, sum);
    }
    for (int h = 0; h < horizons; ++h) {
      double sum = 0;
      for (std::int64_t n = kDropped; n < kDropped + kFitted; ++n) sum += states(n, i) * input(n + h);
      right.set({h, i}, sum);
    }
  }
  const Function solved =
      trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {kNodes, kNodes}}, {"b", {kNodes}}});
  const HostArray weights = compile(solved).run({normal, right}).outputs[0];
  Prediction prediction;
  for (int h = 0; h < horizons; ++h) {
    std::vector<double> target, predicted;
    for (std::int64_t n = kDropped + kFitted; n + h < states.shape()[0]; ++n) {
      double found = 0;
      for (int i = 0; i < kNodes; ++i) found += weights(h, i) * states(n, i);
      target.push_back(input(n + h));
      predicted.push_back(found);
    }
    prediction.nrmse.push_back(relative_error(predicted, target));
    if (h != kShownHorizon) continue;
    prediction.target = std::move(target);
    prediction.predicted = std::move(predicted);
  }
  return prediction;
}

}  // namespace costate::experiments
