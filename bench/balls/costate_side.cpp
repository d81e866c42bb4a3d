// Costate's side: many bouncing balls, f64; prints one JSON object.
//
// usage: balls_costate_side NUMBER DRAG SECONDS
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  const std::vector<std::string> given = bench::arguments(argc, argv, "NUMBER DRAG SECONDS");
  const std::int64_t number = std::stoll(given[0]);
  const double drag = std::stod(given[1]);
  const cs::VectorField field = cs::vector_field({2}, [&](cs::Array, cs::Array z) {
    return cs::stack({z[1], -9.81 - drag * z[1] * cs::abs(z[1])});
  });
  const cs::SolveEvent ground = cs::solve_event(
      field, [](cs::Array, cs::Array z) { return z[0]; },
      [](cs::Array, cs::Array z) {
        return cs::stack({0.0 * z[0], -0.8 * z[1]});
      },
      {.direction = cs::Crossing::kFalling});
  // The same numbers as in diffrax_side.py: heights from 0.5 to 2.
  cs::HostArray z0(cs::Shape{number, 2});
  for (std::int64_t i = 0; i < number; ++i) z0.set(2 * i, 0.5 + 1.5 * static_cast<double>((i * 7919) % 9973) / 9973);
  const cs::HostArray times = cs::HostArray::vector({0, 2});
  const cs::SolveOptions options{.rtol = 1e-6, .atol = 1e-8};
  cs::Solution solution;
  std::printf("{");
  bench::print_times("ms", std::stod(given[2]),
                     [&] { solution = cs::solve(field, z0, times, options, {}, std::span(&ground, 1)); });
  solution.check();
  double sum = 0;
  for (std::int64_t i = 0; i < number; ++i) sum += solution.states.at(4 * i + 2);
  std::printf(", \"sum\": %.12g, \"events\": %zu}\n", sum, solution.events.times.size());
}
