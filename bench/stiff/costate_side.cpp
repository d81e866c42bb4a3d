// Costate's side: many Robertson systems with rates of their own, [0, 1e4], f64; prints one JSON object and writes the
// states at the end, [number, 3] as f64, to a file.
//
// usage: stiff_costate_side METHOD NUMBER RTOL SECONDS FILE
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "bench/side.h"
#include "bench/stiff/rates.h"
#include "costate/costate.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  const std::vector<std::string> given = bench::arguments(argc, argv, "METHOD NUMBER RTOL SECONDS FILE");
  const std::int64_t number = std::stoll(given[1]);
  const double rtol = std::stod(given[2]), seconds = std::stod(given[3]);
  const cs::VectorField field = cs::vector_field({3}, {{"rates", {3}}}, [](cs::Array, cs::Array y, cs::Array k) {
    const cs::Array a = k[0] * y[0], b = k[1] * y[1] * y[2], c = k[2] * y[1] * y[1];
    return cs::stack({b - a, a - b - c, c});
  });
  cs::HostArray z0(cs::Shape{number, 3}), rates(cs::Shape{number, 3});
  for (std::int64_t i = 0; i < number; ++i) {
    z0.set(3 * i, 1);
    for (std::int64_t j = 0; j < 3; ++j) rates.set(3 * i + j, bench::robertson_rate(i, j));
  }
  const cs::HostArray times = cs::HostArray::vector({0, 1e4});
  const cs::SolveOptions options{
      .method = cs::method_from_name(given[0]), .rtol = rtol, .atols = {1e-4 * rtol, 1e-8 * rtol, 1e-4 * rtol}};
  cs::Solution solution;
  std::printf("{");
  bench::print_times("ms", seconds, [&] { solution = cs::solve(field, z0, times, options, std::span(&rates, 1)); });
  solution.check();
  double steps = 0;
  for (const std::int64_t accepted : solution.accepted) steps += static_cast<double>(accepted);
  std::printf(", \"steps\": %.5g}\n", steps / static_cast<double>(number));
  std::ofstream out(given[4], std::ios::binary);
  for (std::int64_t i = 0; i < number; ++i)
    for (std::int64_t k = 0; k < 3; ++k) {
      const double value = solution.states.at(6 * i + 3 + k);
      out.write(reinterpret_cast<const char*>(&value), sizeof value);
    }
}
