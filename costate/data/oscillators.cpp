// Limit cycles, spirals and chaos.
#include "costate/data/internal/families.h"

namespace costate::internal {

std::vector<System> oscillators() {
  return {
      {.name = "spiral",
       .description = "(x', y') = (x^3, y^3) A with A = [[-a, b], [-b, -a]]: the spiral of torchdiffeq's demo",
       .states = {{"x", 1.5, 2.5}, {"y", -0.5, 0.5}},
       .parameters = {{"a", 0.1}, {"b", 2}},
       .until = 25,
       .num_samples = 1000,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             const double a = at.parameters[0];
             const double b = at.parameters[1];
             const double x3 = at.z[0] * at.z[0] * at.z[0];
             const double y3 = at.z[1] * at.z[1] * at.z[1];
             dz[0] = -a * x3 - b * y3;
             dz[1] = b * x3 - a * y3;
           }},
      {.name = "van-der-pol",
       .description = "x'' = mu (1 - x^2) x' - x",
       .states = {{"x", -2, 2}, {"v", -2, 2}},
       .parameters = {{"mu", 1}},
       .until = 20,
       .num_samples = 201,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             dz[0] = at.z[1];
             dz[1] = at.parameters[0] * (1 - at.z[0] * at.z[0]) * at.z[1] - at.z[0];
           }},
      {.name = "lorenz",
       .description = "x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z, chaotic (Lorenz 1963)",
       .states = {{"x", -10, 10}, {"y", -10, 10}, {"z", 15, 35}},
       .parameters = {{"sigma", 10}, {"rho", 28}, {"beta", 8.0 / 3}},
       .until = 20,
       .num_samples = 1001,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             const std::span<const double> p = at.parameters;
             dz[0] = p[0] * (at.z[1] - at.z[0]);
             dz[1] = at.z[0] * (p[1] - at.z[2]) - at.z[1];
             dz[2] = at.z[0] * at.z[1] - p[2] * at.z[2];
           }},
  };
}

}  // namespace costate::internal
