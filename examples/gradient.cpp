// The gradient of a loss by a Parameter of the field. Solve and loss are one traced program, and value_and_grad makes
// another of it, with the gradient. Here z' = -rate z, so that all numbers have closed forms.
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::Parameter rate("rate", cs::HostArray::vector({0.5}));
  const cs::VectorField decay = cs::vector_field({1}, [&](cs::Array, cs::Array z) { return -rate * z; });
  const cs::Function loss = cs::trace(
      [&](cs::Array z0, cs::Array times, cs::Array seen) {
        const cs::Array states = cs::solve(decay, z0, times, {.rtol = 1e-10, .atol = 1e-12});
        return cs::mean(cs::square(states - seen));
      },
      {{"z0", {1}}, {"times", {2}}, {"seen", {2, 1}}});
  const cs::Program program = cs::compile(cs::value_and_grad(loss, std::vector{rate}));

  const cs::HostArray z0({2, 1}, std::vector<double>{1, 3});  // two samples
  const cs::HostArray times({2, 2}, std::vector<double>{0, 2, 0, 2}), seen({2, 2, 1});
  const std::vector<cs::HostArray> found = program.run({z0, times, seen}).outputs;  // losses, and the sum of gradients

  const double end = std::exp(-0.5 * 2);  // z(2) / z(0)
  const double by_rate = -2 * end * end * (1 + 9);
  std::printf("losses %.6f and %.6f, their gradient by the rate %.6f, by hand %.6f\n", found[0](0), found[0](1),
              found[1](0), by_rate);
  return std::abs(found[1](0) - by_rate) < 1e-7 ? 0 : 1;
}
