// Costate's side: assembly and solve of the vortex panels of an airfoil, and the same with the gradient of the lift by
// all coordinates; prints one JSON object.
//
// usage: panels_costate_side PANELS SECONDS
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numbers>
#include <vector>

#include "costate/costate.h"

namespace cs = costate;
using Clock = std::chrono::steady_clock;

namespace {

/// Median and quartiles in milliseconds.
void print_times(const char* name, double seconds, const std::function<void()>& work) {
  std::vector<double> samples;
  work();
  const auto begin = Clock::now();
  while (samples.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < seconds) {
    const auto start = Clock::now();
    work();
    samples.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::ranges::sort(samples);
  std::printf("\"%s\": [%.6g, %.6g, %.6g]", name, samples[samples.size() / 2], samples[samples.size() / 4],
              samples[3 * samples.size() / 4]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: panels_costate_side PANELS SECONDS\n");
    return 2;
  }
  const std::int64_t panels = std::atoll(argv[1]);
  const double seconds = std::atof(argv[2]), angle = 0.05;
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
  print_times("ms", seconds, [&] { value.run({points}); });
  std::printf(", ");
  print_times("gradient_ms", seconds, [&] { gradient.run({points}); });
  std::printf("}\n");
}
