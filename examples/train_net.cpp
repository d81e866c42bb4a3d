// A net learns the pendulum from 20 noisy trajectories, cut into windows of 11 samples. Then it is solved from a start
// that it has not seen, for five times as long as a window, beside the pendulum itself.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::TimeSeries series = cs::simulate("pendulum", {.trajectories = 20, .noise = 0.01, .seed = 1});
  cs::HostArray states({20, 101, 2});
  for (std::int64_t i = 0; i < 20; ++i)
    for (std::int64_t j = 0; j < 101; ++j)
      for (std::int64_t k = 0; k < 2; ++k)
        states.set({i, j, k}, series.trajectories[static_cast<std::size_t>(i)].states(j, k));

  const cs::Mlp net({.inputs = 2, .hidden = {32}, .outputs = 2, .seed = 1});
  const cs::VectorField field = cs::vector_field({2}, [&](cs::Array, cs::Array z) { return net(z); });
  const cs::TrainResult result = cs::fit_trajectories(
      field, net.parameters(), cs::cut_windows(states, 0.1, {.length = 11}),
      {.solve = {.rtol = 1e-4, .atol = 1e-5},
       .train = {.epochs = 200, .schedule = {.kind = cs::ScheduleKind::kCosine, .base = 0.02}, .polish = 50}});

  const cs::VectorField pendulum = cs::vector_field({2}, [](cs::Array, cs::Array z) {
    return cs::stack({z[1], -sin(z[0])});
  });
  const cs::HostArray start({1, 2}, std::vector<double>{1.5, 0}), times = cs::HostArray::linspace(0, 5, 51);
  const cs::HostArray learned = cs::solve(field, start, times).states, truth = cs::solve(pendulum, start, times).states;
  double worst = 0;
  for (std::int64_t j = 0; j < 51; ++j) worst = std::max(worst, std::abs(learned(0, j, 0) - truth(0, j, 0)));
  std::printf("loss %.2e at first, %.2e at best; theta(t) is off by at most %.3f rad up to t = 5\n",
              result.history.front().loss, result.best_loss, worst);
  return worst < 0.1 ? 0 : 1;
}
