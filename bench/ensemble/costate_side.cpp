// Costate's side: many Lotka-Volterra systems, each with a start and parameters of its own, f64; prints one JSON
// object.
//
// usage: ensemble_costate_side NUMBER SECONDS
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  const std::vector<std::string> given = bench::arguments(argc, argv, "NUMBER SECONDS");
  const std::int64_t number = std::stoll(given[0]);
  const cs::VectorField field = cs::vector_field({2}, {{"rates", {4}}}, [](cs::Array, cs::Array z, cs::Array p) {
    const cs::Array meetings = z[0] * z[1];
    return cs::stack({p[0] * z[0] - p[1] * meetings, p[3] * meetings - p[2] * z[1]});
  });
  // The same numbers as in ensemble.py: shares of the way through fixed ranges.
  cs::HostArray z0(cs::Shape{number, 2}), rates(cs::Shape{number, 4});
  const double low[6] = {0.5, 0.5, 1.0, 0.8, 2.5, 0.8}, high[6] = {2.0, 2.0, 2.0, 1.2, 3.5, 1.2};
  for (std::int64_t i = 0; i < number; ++i)
    for (std::int64_t k = 0; k < 6; ++k) {
      const double share = static_cast<double>((i * (2 * k + 3) * 7919 + 104729 * k) % 9973) / 9973;
      const double value = low[k] + (high[k] - low[k]) * share;
      k < 2 ? z0.set(2 * i + k, value) : rates.set(4 * i + k - 2, value);
    }
  const cs::HostArray times = cs::HostArray::vector({0, 10});
  const cs::SolveOptions options{.method = cs::Method::kDopri8, .rtol = 1e-8, .atol = 1e-8};
  cs::Solution solution;
  std::printf("{");
  bench::print_times("ms", std::stod(given[1]),
                     [&] { solution = cs::solve(field, z0, times, options, std::span(&rates, 1)); });
  solution.check();
  double sum = 0, nfe = 0;
  for (std::int64_t i = 0; i < number; ++i) {
    sum += solution.states.at(4 * i + 2) + solution.states.at(4 * i + 3);
    nfe += static_cast<double>(solution.nfe[static_cast<std::size_t>(i)]) / static_cast<double>(number);
  }
  std::printf(", \"sum\": %.12g, \"nfe\": %.5g}\n", sum, nfe);
}
