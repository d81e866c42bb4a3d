// Costate's side: heat that turns and spreads on a square, by the equation of experiments/heat; half the sum of squares
// of the field at the end, and the same with its gradient by the whole field at the start and the logarithm of the
// coefficient. Prints one JSON object.
//
// usage: heat_costate_side CELLS STEPS SECONDS
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"
#include "experiments/heat/heat_model.h"

namespace cs = costate;
namespace ce = costate::experiments;

int main(int argc, char** argv) {
  const std::vector<std::string> given = bench::arguments(argc, argv, "CELLS STEPS SECONDS");
  // The same numbers as in diffrax_side.py: steps of 0.9 of those that are stable.
  const int steps = std::stoi(given[1]);
  const double seconds = std::stod(given[2]), diffusion = 0.003;
  ce::HeatProblem problem{.cells = std::stoll(given[0]), .num_times = 1};
  const auto cells = static_cast<double>(problem.cells);
  problem.end = 0.9 * steps * 2.78 / (32.0 / 3 * diffusion * cells * cells);
  const cs::SolveOptions options{.method = cs::Method::kRk4Classic, .steps_per_interval = steps};
  const cs::Function energy = cs::trace(
      [&](cs::Array start, cs::Array logarithm) {
        return 0.5 * cs::sum(cs::square(ce::heat_states(problem, start, logarithm, options)[1]));
      },
      {{"start", {problem.size()}}, {"logarithm", {}}});
  const std::vector<double> field = ce::exact_grid({{{0.4, 0.55}, 1, 0.08}, {{0.6, 0.4}, -0.7, 0.1}}, problem, 1, 0);
  const std::vector<cs::HostArray> inputs = {cs::HostArray(cs::Shape{1, problem.size()}, field),
                                             cs::HostArray::vector({std::log(diffusion)})};
  const cs::Program value = cs::compile(energy), gradient = cs::compile(cs::value_and_grad(energy));
  const cs::RunResult result = gradient.run(inputs);
  double square = 0;
  for (const double number : result.outputs[1].numbers()) square += number * number;
  std::printf("{\"value\": %.15g, \"field_norm\": %.15g, \"by_logarithm\": %.15g, ", result.outputs[0].at(0),
              std::sqrt(square), result.outputs[2].at(0));
  bench::print_times("ms", seconds, [&] { value.run(inputs); });
  std::printf(", ");
  bench::print_times("gradient_ms", seconds, [&] { gradient.run(inputs); });
  std::printf("}\n");
}
