// Pendulums and masses on springs: state (place, velocity).
#include <cmath>

#include "costate/data/internal/families.h"

namespace costate::internal {

std::vector<System> mechanical_systems() {
  return {
      {.name = "pendulum",
       .description = "theta'' = -g/l sin theta, started at rest",
       .states = {{"theta", -2, 2}, {"omega", 0, 0}},
       .parameters = {{"g/l", 1}},
       .until = 10,
       .num_samples = 101,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             dz[0] = at.z[1];
             dz[1] = -at.parameters[0] * std::sin(at.z[0]);
           }},
      {.name = "linear-pendulum",
       .description = "theta'' = -g/l theta, started at rest",
       .states = {{"theta", -2, 2}, {"omega", 0, 0}},
       .parameters = {{"g/l", 1}},
       .until = 10,
       .num_samples = 101,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             dz[0] = at.z[1];
             dz[1] = -at.parameters[0] * at.z[0];
           }},
      {.name = "damped-oscillator",
       .description = "x'' = -k x - c x'",
       .states = {{"x", -2, 2}, {"v", -1, 1}},
       .parameters = {{"k", 1}, {"c", 0.2}},
       .until = 20,
       .num_samples = 201,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             dz[0] = at.z[1];
             dz[1] = -at.parameters[0] * at.z[0] - at.parameters[1] * at.z[1];
           }},
      {.name = "driven-oscillator",
       .description = "x'' = -k x - c x' + u(t), driven by three sines of random phase",
       .states = {{"x", -1, 1}, {"v", -1, 1}},
       .parameters = {{"k", 1}, {"c", 0.2}},
       .until = 40,
       .num_samples = 401,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             dz[0] = at.z[1];
             dz[1] = -at.parameters[0] * at.z[0] - at.parameters[1] * at.z[1] + at.drive;
           },
       .drive_frequencies = {0.5, 1.1, 2.3}},
      {.name = "duffing",
       .description = "x'' = -delta x' - alpha x - beta x^3 + gamma cos(omega t), chaotic",
       .states = {{"x", -1.5, 1.5}, {"v", -0.5, 0.5}},
       .parameters = {{"alpha", -1}, {"beta", 1}, {"delta", 0.3}, {"gamma", 0.5}, {"omega", 1.2}},
       .until = 50,
       .num_samples = 501,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             const double x = at.z[0];
             const std::span<const double> p = at.parameters;
             dz[0] = at.z[1];
             dz[1] = -p[2] * at.z[1] - p[0] * x - p[1] * x * x * x + p[3] * std::cos(p[4] * at.t);
           }},
  };
}

}  // namespace costate::internal
