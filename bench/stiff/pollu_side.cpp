// Costate's side of POLLU's gradient: the sum of squares at t = 60 by the start and 25 factors of the rates, f64, atol
// 1e-4 rtol. Prints one JSON object: milliseconds of a batch, its accepted steps, and the largest error of a sample's
// gradient beside its largest number.
//
// usage: pollu_costate_side METHOD GUARD NUMBER RTOL SECONDS
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"
#include "tests/support/stiff_problems.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  const std::vector<std::string> given = bench::arguments(argc, argv, "METHOD GUARD NUMBER RTOL SECONDS");
  const std::int64_t number = std::stoll(given[2]);
  const double rtol = std::stod(given[3]);
  const cs::VectorField field = cs::vector_field(
      {20}, {{"factors", {25}}},
      [](cs::Array, cs::Array y, cs::Array factors) { return cs::stiff_set::pollu_slope(y, factors); });
  const auto gradient = [&](const cs::SolveOptions& options) {
    return cs::compile(cs::value_and_grad(cs::trace(
        [&](cs::Array z0, cs::Array factors) {
          const cs::Array times = cs::constant(cs::HostArray::vector({0, 60}));
          return cs::sum(cs::square(cs::solve(field, z0, times, options, std::span(&factors, 1))[1]));
        },
        {{"z0", {20}}, {"factors", {25}}})));
  };
  const cs::HostArray start = cs::stiff_set::starts(cs::stiff_set::pollu(), number);
  cs::HostArray factors(cs::Shape{number, 25});
  for (std::int64_t i = 0; i < factors.size(); ++i) factors.set(i, 1 + 0.1 * std::sin(static_cast<double>(i)));
  const cs::Program program = gradient({.method = cs::method_from_name(given[0]),
                                        .rtol = rtol,
                                        .atol = 1e-4 * rtol,
                                        .gradient_steps = cs::gradient_steps_from_name(given[1])});
  cs::RunResult found;
  std::printf("{");
  bench::print_times("ms", std::stod(given[4]), [&] { found = program.run({start, factors}); });
  const cs::RunResult truth =
      gradient({.method = cs::Method::kRodas5p, .rtol = 1e-10, .atol = 1e-14}).run({start, factors});
  double worst = 0;
  for (const std::size_t output : {1U, 2U}) {
    const std::int64_t size = truth.outputs[output].size() / number;
    for (std::int64_t i = 0; i < number; ++i) {
      double largest = 0, off = 0;
      for (std::int64_t k = i * size; k < (i + 1) * size; ++k) {
        largest = std::max(largest, std::abs(truth.outputs[output].at(k)));
        off = std::max(off, std::abs(found.outputs[output].at(k) - truth.outputs[output].at(k)));
      }
      worst = std::max(worst, off / largest);
    }
  }
  std::printf(", \"steps\": %.5g, \"error\": %.2e}\n",
              static_cast<double>(found.report.accepted) / static_cast<double>(number), worst);
}
