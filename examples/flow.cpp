// A continuous normalizing flow learns the density of two moons by maximum likelihood. Whatever the weights, what it
// learns is a density: its integral, here a sum over a grid, is 1.
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::PlanarField field({.count = 8, .seed = 1});
  const cs::Cnf flow([&](cs::Array t, cs::Array z) { return field(t, z); }, {.dimension = 2});
  const auto minus_log_density = [&](cs::Array x) { return -flow.density(x, cs::zeros({2})).log_density; };
  const cs::Function loss = cs::trace(minus_log_density, {{"x", {2}}});

  const cs::HostArray moons = cs::sample_density("moons", {.seed = 1, .count = 512});
  const auto rows = [&](const cs::Batch& batch) { return std::vector{cs::take_rows(moons, batch.samples)}; };
  const cs::TrainResult result = cs::train(
      {.parameters = field.parameters(), .num_samples = 512, .evaluate = cs::mean_loss(loss, field.parameters(), rows)},
      {.epochs = 40, .batch = 128, .schedule = {.kind = cs::ScheduleKind::kCosine, .base = 0.02}});

  cs::HostArray grid({100 * 100, 2});  // cells of width 0.1 over [-5, 5] x [-5, 5]
  for (std::int64_t i = 0; i < grid.shape()[0]; ++i) {
    grid.set({i, 0}, -4.95 + 0.1 * double(i / 100));
    grid.set({i, 1}, -4.95 + 0.1 * double(i % 100));
  }
  double integral = 0;
  for (const double value : cs::compile(loss).run({grid}).outputs[0].numbers())
    integral += std::exp(-value) * 0.1 * 0.1;
  std::printf("-log density of a moon %.2f at first, %.2f after 40 epochs; integral of the density %.4f\n",
              result.history.front().loss, result.best_loss, integral);
  return std::abs(integral - 1) < 0.01 && result.best_loss < result.history.front().loss - 0.5 ? 0 : 1;
}
