// Animals, nerve cells and blood cells.
#include <cmath>

#include "costate/data/internal/families.h"

namespace costate::internal {

std::vector<System> population_systems() {
  return {
      {.name = "lotka-volterra",
       .description = "prey' = a prey - b prey predator, predator' = -c predator + d prey predator",
       .states = {{"prey", 0.5, 2}, {"predator", 0.5, 2}},
       .parameters = {{"a", 1.5}, {"b", 1}, {"c", 3}, {"d", 1}},
       .until = 10,
       .num_samples = 101,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             const std::span<const double> p = at.parameters;
             const double encounters = at.z[0] * at.z[1];
             dz[0] = p[0] * at.z[0] - p[1] * encounters;
             dz[1] = -p[2] * at.z[1] + p[3] * encounters;
           }},
      {.name = "fitzhugh-nagumo",
       .description = "v' = v - v^3/3 - w + current, w' = (v + a - b w) / tau: a spiking nerve cell",
       .states = {{"v", -2, 2}, {"w", -0.5, 1.5}},
       .parameters = {{"current", 0.5}, {"a", 0.7}, {"b", 0.8}, {"tau", 12.5}},
       .until = 100,
       .num_samples = 501,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             const std::span<const double> p = at.parameters;
             const double v = at.z[0];
             dz[0] = v - v * v * v / 3 - at.z[1] + p[0];
             dz[1] = (v + p[1] - p[2] * at.z[1]) / p[3];
           }},
      {.name = "mackey-glass",
       .description = "x' = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x, chaotic (Mackey & Glass 1977)",
       .states = {{"x", 0.5, 1.5}},
       .parameters = {{"beta", 0.2}, {"gamma", 0.1}, {"n", 10}, {"tau", 17}},
       .until = 500,
       .num_samples = 501,
       .slope =
           [](const SystemPoint& at, std::span<double> dz) {
             const std::span<const double> p = at.parameters;
             const double before = at.delayed[0];
             dz[0] = p[0] * before / (1 + std::pow(before, p[2])) - p[1] * at.z[0];
           },
       .delay_parameter = 3},
  };
}

}  // namespace costate::internal
