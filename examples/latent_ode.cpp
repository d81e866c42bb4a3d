// A latent ODE of 64 spirals of radius 1 to 5, each seen at 20 irregular times with noise of 0.1. An encoder reads what
// was seen into the start of a path, a learned field carries it on, and a decoder makes points of it.
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::Spirals spirals = cs::spirals({.count = 64, .observed = 20, .noise = 0.1, .seed = 1});
  cs::LatentOdeOptions options;
  options.observed = 2;
  options.latent = 4;
  const cs::LatentOde model(options);
  const cs::Function loss = cs::trace(
      [&](cs::Array times, cs::Array x, cs::Array noise) {
        return model.loss({times, x}, noise, 0.3);
      },
      {{"times", {20}}, {"x", {20, 2}}, {"noise", {4}}});
  const cs::Program gradient = cs::compile(cs::value_and_grad(loss, model.parameters()));
  cs::HostArray noise({64, 4});
  std::uint64_t step = 0;
  const auto evaluate = [&](std::span<const std::size_t>) {  // all spirals, with new noise in each step
    for (std::int64_t i = 0; i < 64 * 4; ++i) noise.set(i, cs::Random(1).normal(step, std::uint64_t(i)));
    ++step;
    return cs::mean_over_batch(gradient.run({spirals.times, spirals.observations, noise}));
  };
  cs::train({.parameters = model.parameters(), .num_samples = 64, .evaluate = evaluate},
            {.epochs = 1500, .schedule = {.kind = cs::ScheduleKind::kCosine, .base = 0.02}});

  const auto difference = [&](cs::Array times, cs::Array x) {
    return model.predict(model.encode({times, x}).mean, times) - x;
  };
  const cs::Program off = cs::compile(cs::trace(difference, {{"times", {20}}, {"x", {20, 2}}}));
  double squares = 0;
  for (const double d : off.run({spirals.times, spirals.observations}).outputs[0].numbers()) squares += d * d;
  std::printf("points are off by %.3f (root mean square)\n", std::sqrt(squares / (64 * 20 * 2)));
  return squares / (64 * 20 * 2) < 0.3 * 0.3 ? 0 : 1;
}
