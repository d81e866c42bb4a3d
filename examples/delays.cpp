// Hutchinson's population, z' = r z (1 - z(t - lag)): it settles for r lag < pi / 2, and cycles beyond. The gradient by
// the lag is beside a difference.
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

int main() {
  namespace cs = costate;
  const cs::Parameter lag("lag", cs::HostArray::vector({1.0}));
  const cs::HostArray times = cs::HostArray::linspace(0, 40, 401);
  const cs::DelayOptions options{.solve = {.rtol = 1e-9, .atol = 1e-11}};
  const auto population = [&](const cs::Array& rate) {
    const cs::Lag lags[] = {cs::Lag(lag)};
    return cs::solve_delays(
               [&](cs::Array, cs::Array z, std::span<const cs::Array> past) { return rate * z * (1.0 - past[0]); },
               [](cs::Array) { return cs::full({1}, 0.5); }, lags, cs::constant(times), options)
        .states;
  };
  const cs::Function all = cs::trace([&](cs::Array rate) { return population(rate); }, {{"rate", {}}});
  const cs::HostArray states = cs::compile(all).run({cs::HostArray::vector({1.2, 1.8})}).outputs[0];
  double settled = 0, cycles = 0;  // distance from 1 over the last ten units
  for (std::int64_t i = 300; i <= 400; ++i) {
    settled = std::fmax(settled, std::abs(states(0, i, 0) - 1));
    cycles = std::fmax(cycles, std::abs(states(1, i, 0) - 1));
  }

  const cs::Function at_five = cs::trace([&](cs::Array rate) { return population(rate)[50][0]; }, {{"rate", {}}});
  const cs::HostArray rates = cs::HostArray::vector({1.8});
  const double slope = cs::compile(cs::value_and_grad(at_five, std::span(&lag, 1))).run({rates}).outputs[1].at(0);
  const cs::Program program = cs::compile(at_five);
  const auto value = [&](double moved) {
    lag.set_value(cs::HostArray::vector({moved}));
    return program.run({rates}).outputs[0].at(0);
  };
  const double difference = (value(1.0002) - value(0.9998)) / 0.0004;
  std::printf("r = 1.2 ends within %.0e of 1, r = 1.8 cycles by %.2f; dz(5)/dlag = %.5f, by a difference %.5f\n",
              settled, cycles, slope, difference);
  return settled < 0.01 && cycles > 0.5 && std::abs(slope - difference) < 1e-4 ? 0 : 1;
}
