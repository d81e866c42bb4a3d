// Costate's side: assembly and solve of the vortex panels of an airfoil, and the same with the gradient of the lift by
// all coordinates; prints one JSON object.
//
// usage: panels_costate_side PANELS SECONDS
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"

namespace cs = costate;

int main(int argc, char** argv) {
  const std::vector<std::string> given = bench::arguments(argc, argv, "PANELS SECONDS");
  const std::int64_t panels = std::stoll(given[0]);
  const double seconds = std::stod(given[1]), angle = 0.05;
  // The same numbers as in numpy_side.py.
  cs::HostArray points(cs::Shape{1, panels + 1, 2});
  for (std::int64_t i = 0; i <= panels; ++i) {
    const bool is_upper = 2 * i <= panels;
    const double x =
        i == 0 || i == panels
            ? 1
            : (1 + std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(panels))) / 2;
    points.set({0, i, 0}, x);
    points.set({0, i, 1}, (is_upper ? 0.18 : -0.12) * std::sqrt(x) * (1 - x));
  }
  const cs::Function lift =
      cs::trace([&](cs::Array outline) { return cs::panel_flow(outline, angle).lift; }, {{"points", {panels + 1, 2}}});
  const cs::Program value = cs::compile(lift), gradient = cs::compile(cs::value_and_grad(lift));
  std::printf("{\"lift\": %.12g, ", value.run({points}).outputs[0].at(0));
  bench::print_times("ms", seconds, [&] { value.run({points}); });
  std::printf(", ");
  bench::print_times("gradient_ms", seconds, [&] { gradient.run({points}); });
  std::printf("}\n");
}
