// A batch of pendulums. The field is written for one sample; each sample takes its own steps, counts its own
// evaluations, and would fail alone. The energy of a pendulum stays what it was.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::VectorField pendulum = cs::vector_field({2}, [](cs::Array, cs::Array z) {
    return cs::stack({z[1], -sin(z[0])});
  });
  const cs::HostArray starts({3, 2}, std::vector<double>{0.1, 0, 1, 0, 2, 0});
  const cs::Solution solution =
      cs::solve(pendulum, starts, cs::HostArray::linspace(0, 10, 101), {.rtol = 1e-8, .atol = 1e-10});
  solution.check();  // throws if a sample has failed

  const auto energy = [&](std::int64_t sample, std::int64_t time) {
    const double theta = solution.states(sample, time, 0), omega = solution.states(sample, time, 1);
    return omega * omega / 2 - std::cos(theta);
  };
  double worst = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const double change = energy(i, 100) - energy(i, 0);
    std::printf("theta(0) = %.1f, theta(10) = %9.6f, %3d evaluations, energy changed by %8.1e\n", starts(i, 0),
                solution.states(i, 100, 0), static_cast<int>(solution.nfe[static_cast<std::size_t>(i)]), change);
    worst = std::max(worst, std::abs(change));
  }
  return worst < 1e-6 ? 0 : 1;
}
