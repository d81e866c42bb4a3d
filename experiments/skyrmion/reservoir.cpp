// The paper's Mackey-Glass task. An input is held for whole samples, counted in integers: the authors' clock, a sum of
// float steps, reads the wrong input in some of them.
#include "experiments/skyrmion/reservoir.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numeric>
#include <random>
#include <sstream>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/io/files.h"
#include "costate/operations/linear_solve.h"

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

constexpr std::size_t kDropped = 300, kFitted = 5000;

}  // namespace

std::vector<double> read_numbers(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<double> numbers;
  for (double value = 0; text >> value;) numbers.push_back(value);
  constexpr std::size_t kFewest = kDropped + kFitted + 1000;
  if (!text.eof() || numbers.size() < kFewest)
    throw DataError("[read_numbers] '", path.string(), "' must have at least ", kFewest,
                    " numbers and nothing else; the first ", numbers.size(), " can be read.");
  return numbers;
}

Reservoir run_reservoir(const DrivenDelays& model, const std::vector<double>& inputs) {
  const std::vector<double> mask = paper_mask();
  const auto holds = static_cast<std::int64_t>(inputs.size()) * kNodes;
  HostArray values(Shape{1, holds, 1}), knots(Shape{1, holds}), times(Shape{holds});
  double lowest = 0;
  for (std::int64_t i = 0; i < holds; ++i) {
    values.set(i, inputs[static_cast<std::size_t>(i / kNodes)] * mask[static_cast<std::size_t>(i % kNodes)]);
    lowest = std::min(lowest, values.at(i));
    knots.set(i, static_cast<double>(kHold * i));  // whole numbers: no clock to drift
    times.set(i, static_cast<double>(kHold * i));
  }
  for (std::int64_t i = 0; i < holds; ++i) values.set(i, values.at(i) / std::abs(lowest) * 0.4);
  const VectorField field = model.field(holds, Interpolation::kHold);
  const HostArray arguments[] = {knots, values};
  const std::clock_t begin = std::clock();  // of this process: others on the machine do not count
  const Solution solution =
      solve(field, HostArray(Shape{1, model.delays()}), times,
            {.method = Method::kRk4, .steps_per_interval = kHold, .max_steps = 10'000'000}, arguments);
  Reservoir reservoir;
  reservoir.nanoseconds = 0.005 * static_cast<double>(holds * kHold);
  reservoir.seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  solution.check();
  for (std::int64_t i = 0; i < holds; ++i) reservoir.states.push_back(solution.states.at(i * model.delays()));
  return reservoir;
}

// Ridge regression of u(n + H) on the 50 states at n.
Prediction predict(const Reservoir& reservoir, const std::vector<double>& inputs, int horizons) {
  const auto state = [&](std::size_t n, std::size_t i) { return reservoir.states[n * kNodes + i]; };
  HostArray normal(Shape{horizons, kNodes, kNodes}), right(Shape{horizons, kNodes});
  for (std::size_t i = 0; i < kNodes; ++i)
    for (std::size_t j = 0; j < kNodes; ++j) {
      double sum = i == j ? 1e-4 : 0.0;
      for (std::size_t n = kDropped; n < kDropped + kFitted; ++n) sum += state(n, i) * state(n, j);
      for (int h = 0; h < horizons; ++h)
        normal.set((h * kNodes + static_cast<int>(i)) * kNodes + static_cast<int>(j), sum);
    }
  for (int h = 0; h < horizons; ++h)
    for (std::size_t i = 0; i < kNodes; ++i) {
      double sum = 0;
      for (std::size_t n = kDropped; n < kDropped + kFitted; ++n)
        sum += state(n, i) * inputs[n + static_cast<std::size_t>(h)];
      right.set(h * kNodes + static_cast<int>(i), sum);
    }
  const HostArray weights =
      compile(trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {kNodes, kNodes}}, {"b", {kNodes}}}))
          .run({normal, right})
          .outputs[0];
  Prediction prediction;
  for (int h = 0; h < horizons; ++h) {
    double squares = 0, sum = 0, sum_squares = 0, count = 0;
    for (std::size_t n = kDropped + kFitted; n + static_cast<std::size_t>(h) < inputs.size(); ++n, ++count) {
      double found = 0;
      for (std::size_t i = 0; i < kNodes; ++i) found += weights.at(h * kNodes + static_cast<int>(i)) * state(n, i);
      const double target = inputs[n + static_cast<std::size_t>(h)];
      squares += (found - target) * (found - target);
      sum += target;
      sum_squares += target * target;
      if (h == kShownHorizon) {
        prediction.target.push_back(target);
        prediction.predicted.push_back(found);
      }
    }
    prediction.nrmse.push_back(std::sqrt(squares / (sum_squares - sum * sum / count)));
  }
  return prediction;
}

Curve periodogram(const std::vector<double>& series, const Curve& style) {
  Curve curve = style;
  const double mean = std::accumulate(series.begin(), series.end(), 0.0) / static_cast<double>(series.size());
  for (int k = 1; k <= 200; ++k) {
    const double frequency = 0.05 * k / 200;
    double cosine = 0, sine = 0;
    for (std::size_t n = 0; n < series.size(); ++n) {
      const double window = std::pow(std::sin(M_PI * static_cast<double>(n) / static_cast<double>(series.size())), 2);
      const double phase = 2 * M_PI * frequency * static_cast<double>(n);
      cosine += window * (series[n] - mean) * std::cos(phase);
      sine += window * (series[n] - mean) * std::sin(phase);
    }
    curve.x.push_back(frequency);
    curve.y.push_back((cosine * cosine + sine * sine) / static_cast<double>(series.size()));
  }
  return curve;
}

}  // namespace costate::experiments
