// Geometric Brownian motion, dz = 0.1 z dt + 0.3 z dW, on 1000 paths: beside its closed form on the same paths, and the
// gradient of the mean by the drift.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

int main() {
  namespace cs = costate;
  const cs::Parameter drift("drift", cs::HostArray::vector({0.1}));
  const auto field = cs::stochastic_field({1}, {}, [&](cs::Array, cs::Array z, auto) {
    return std::pair{drift * z, 0.3 * z};
  });
  const cs::SdeOptions options{.method = cs::SdeMethod::kSrk, .seed = 7, .steps_per_interval = 64};
  const cs::HostArray times = cs::HostArray::vector({0, 1}), paths = cs::path_names(1000);
  cs::HostArray z0(cs::Shape{1000, 1});
  for (std::int64_t i = 0; i < 1000; ++i) z0.set(i, 1);

  const cs::Solution solution = cs::solve_sde(field, z0, times, options, paths);
  solution.check();
  const cs::HostArray w = cs::brownian_path(times, 1, options.seed, paths);
  double worst = 0, mean = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const double exact = std::exp((0.1 - 0.3 * 0.3 / 2) + 0.3 * w(i, 1, 0));
    worst = std::max(worst, std::abs(solution.states(i, 1, 0) / exact - 1));
    mean += exact / 1000;
  }

  // The program meets the same paths. z(1) is proportional to e^drift.
  const cs::Function end =
      cs::trace([&](cs::Array start,
                    cs::Array path) { return cs::solve_sde(field, start, cs::constant(times), options, path)[1][0]; },
                {{"z0", {1}}, {"path", {2}}});
  const cs::RunResult result = cs::compile(cs::value_and_grad(end, std::span(&drift, 1))).run({z0, paths});
  const double slope = result.outputs[1].at(0) / 1000;
  std::printf("off by at most %.0e from the closed form; d mean z(1) / d drift = %.4f\n", worst, slope);
  return worst < 1e-4 && std::abs(slope - mean) < 1e-4 ? 0 : 1;
}
