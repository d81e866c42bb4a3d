#include "experiments/airfoil-viscous/streamlines.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace costate::experiments {

Curve shape_curve(const Curve& style, const FoundViscousFlow& flow) {
  Curve curve{.name = style.name, .mark = style.mark, .color = style.color};
  for (std::int64_t j = 0; j <= flow.grid.angles; ++j) {
    curve.x.push_back(flow.points(0, j % flow.grid.angles, 0));
    curve.y.push_back(flow.points(0, j % flow.grid.angles, 1));
  }
  return curve;
}

Curve streamline(const Curve& style, const FoundViscousFlow& flow, double level) {
  Curve curve{.name = style.name, .mark = style.mark, .color = style.color};
  for (std::int64_t j = 0; j < flow.grid.angles; ++j) {
    double x = std::numeric_limits<double>::quiet_NaN(), y = x;  // a gap where the level is not met
    for (std::int64_t ring = flow.grid.rings - 1; ring >= 1; --ring) {
      const double below = flow.stream(ring, j) - level, above = flow.stream(ring + 1, j) - level;
      if (below * above > 0 || below == above) continue;
      const double part = below / (below - above);
      x = flow.points(ring, j, 0) + part * (flow.points(ring + 1, j, 0) - flow.points(ring, j, 0));
      y = flow.points(ring, j, 1) + part * (flow.points(ring + 1, j, 1) - flow.points(ring, j, 1));
      break;
    }
    curve.x.push_back(x);
    curve.y.push_back(y);
  }
  return curve;
}

Figure flow_figure(const std::string& title, const FoundViscousFlow& flow, double half_width) {
  Figure figure{.title = title,
                .x_label = "x",
                .y_label = "y",
                .aspect = Aspect::kEqual,
                .x_range = {-half_width, 2 * half_width},
                .y_range = {-half_width, half_width}};
  for (const double share : {-0.8, -0.6, -0.4, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8})
    figure.curves.push_back(streamline({.mark = Mark::kLine, .color = 4}, flow, share * half_width));
  figure.curves.push_back(shape_curve({.mark = Mark::kLine, .color = 0}, flow));
  return figure;
}

}  // namespace costate::experiments
