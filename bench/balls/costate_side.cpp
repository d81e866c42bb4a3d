// Costate's side: many bouncing balls, f64; prints one JSON object.
//
// usage: balls_costate_side NUMBER DRAG SECONDS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "costate/costate.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  using Clock = std::chrono::steady_clock;
  if (argc != 4) {
    std::fprintf(stderr, "usage: balls_costate_side NUMBER DRAG SECONDS\n");
    return 2;
  }
  const std::int64_t number = std::atoll(argv[1]);
  const double drag = std::atof(argv[2]);
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
  const auto run = [&] { return cs::solve(field, z0, times, options, {}, std::span(&ground, 1)); };
  cs::Solution solution = run();
  std::vector<double> samples;
  const auto begin = Clock::now();
  while (samples.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < std::atof(argv[3])) {
    const auto start = Clock::now();
    solution = run();
    samples.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  solution.check();
  std::sort(samples.begin(), samples.end());
  double sum = 0;
  for (std::int64_t i = 0; i < number; ++i) sum += solution.states.at(4 * i + 2);
  std::printf("{\"sum\": %.12g, \"events\": %zu, \"ms\": [%.6g, %.6g, %.6g]}\n", sum, solution.events.times.size(),
              samples[samples.size() / 2], samples[samples.size() / 4], samples[3 * samples.size() / 4]);
}
