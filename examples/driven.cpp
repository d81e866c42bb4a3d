// A driven system: z' = u(t) - z, where u is held between measurements. Each sample has inputs of its own; steps end
// where they jump, so that none is passed over. From one jump to the next the solution is an exponential.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::HostArray hours = cs::HostArray::linspace(0, 24, 25);
  const cs::VectorField field = cs::vector_field({1}, {{"u", {25, 1}}}, [&](cs::Array t, cs::Array z, cs::Array u) {
    return cs::interpolate(cs::constant(hours), u, t, cs::Interpolation::kHold) - z;
  });
  cs::HostArray inputs({2, 25, 1});
  inputs.set({0, 6, 0}, 1);                                                                // a pulse of an hour
  for (std::int64_t i = 0; i < 25; ++i) inputs.set({1, i, 0}, std::sin(0.5 * double(i)));  // a wave in stairs

  const cs::Solution solution =
      cs::solve(field, cs::HostArray({2, 1}), hours, {.rtol = 1e-8, .atol = 1e-10}, std::vector{inputs});
  double worst = 0;
  for (std::int64_t sample = 0; sample < 2; ++sample) {
    double z = 0;
    for (std::int64_t i = 0; i < 24; ++i) {
      z = inputs(sample, i, 0) + (z - inputs(sample, i, 0)) * std::exp(-1.0);
      worst = std::max(worst, std::abs(solution.states(sample, i + 1, 0) - z));
    }
    std::printf("z(7) = %.6f, z(24) = %.6f\n", solution.states(sample, 7, 0), solution.states(sample, 24, 0));
  }
  std::printf("off by at most %.0e from the exponentials\n", worst);
  return worst < 1e-6 ? 0 : 1;
}
