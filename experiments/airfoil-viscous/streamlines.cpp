#include "experiments/airfoil-viscous/streamlines.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace costate::experiments {
namespace {

struct GridPoint {
  double x, y, stream;
};

GridPoint point_of(const FoundViscousFlow& flow, std::int64_t ring, std::int64_t j) {
  return {flow.points(ring, j, 0), flow.points(ring, j, 1), flow.stream(ring, j)};
}

/// Adds where psi, linear on a triangle, is `level`, with a gap behind it.
void add_piece(Curve& curve, double level, const std::array<GridPoint, 3>& triangle) {
  constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
  bool is_met = false;
  for (std::size_t i = 0; i < 3; ++i) {
    const GridPoint &a = triangle[i], &b = triangle[(i + 1) % 3];
    if ((a.stream < level) == (b.stream < level)) continue;
    const double part = (level - a.stream) / (b.stream - a.stream);
    curve.x.push_back(a.x + part * (b.x - a.x));
    curve.y.push_back(a.y + part * (b.y - a.y));
    is_met = true;
  }
  if (!is_met) return;
  curve.x.push_back(kGap);
  curve.y.push_back(kGap);
}

}  // namespace

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
  for (std::int64_t ring = 0; ring < flow.grid.rings; ++ring)
    for (std::int64_t j = 0; j < flow.grid.angles; ++j) {
      const std::int64_t next = (j + 1) % flow.grid.angles;
      const GridPoint corner = point_of(flow, ring, j), across = point_of(flow, ring + 1, next);
      add_piece(curve, level, {corner, point_of(flow, ring + 1, j), across});
      add_piece(curve, level, {corner, point_of(flow, ring, next), across});
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
  for (const double share : {-0.8, -0.6, -0.4, -0.2, -0.1, -0.05, -0.005, 0.0, 0.005, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8})
    figure.curves.push_back(streamline({.mark = Mark::kLine, .color = 4}, flow, share * half_width));
  figure.curves.push_back(shape_curve({.mark = Mark::kLine, .color = 0}, flow));
  return figure;
}

}  // namespace costate::experiments
