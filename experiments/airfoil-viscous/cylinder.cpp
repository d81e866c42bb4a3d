#include "experiments/airfoil-viscous/cylinder.h"

#include <cmath>
#include <numbers>

namespace costate::experiments {
namespace {

const HostArray kCircle = HostArray::vector({1});

CylinderRow row_of(double reynolds, const FoundViscousFlow& flow) {
  return {reynolds,  flow.grid,         viscous_flow_size(flow.grid), flow.drag,
          flow.lift, wake_length(flow), flow.factorizations};
}

FoundViscousFlow cylinder_flow(const PolarGrid& grid, double reynolds) {
  return find_viscous_flow(grid, kCircle, 0, {.reynolds = reynolds});
}

}  // namespace

const std::vector<PublishedCylinder>& published_cylinders() {
  static const std::vector<PublishedCylinder> all = {
      {20, 2.05, 0.94 * 0.95, 0.94 * 1.05, "2.05, Dennis and Chang 1970; 2.00, Fornberg 1980",
       "0.94, Dennis and Chang 1970; 0.91, Fornberg 1980; 0.93 measured, Coutanceau and Bouard 1977"},
      {40, 1.53, 2.13, 2.35, "1.52, Dennis and Chang 1970; 1.50, Fornberg 1980",
       "2.35, Dennis and Chang 1970; 2.24, Fornberg 1980; 2.13 measured, Coutanceau and Bouard 1977"}};
  return all;
}

double CylinderStudy::order() const {
  const std::size_t last = rows.size() - 1;
  return std::log2((rows[last - 2].drag - rows[last - 1].drag) / (rows[last - 1].drag - rows[last].drag));
}

double CylinderStudy::limit() const {
  const std::size_t last = rows.size() - 1;
  return rows[last].drag + (rows[last].drag - rows[last - 1].drag) / 3;
}

CylinderStudy study_cylinder(const PublishedCylinder& published, const PolarGrid& coarsest) {
  constexpr std::int64_t kGrids = 3;
  CylinderStudy study{.published = published, .rows = {}, .farther = {}, .finest = {}};
  PolarGrid grid = coarsest;
  for (std::int64_t i = 0; i < kGrids; ++i) {
    study.finest = cylinder_flow(grid, published.reynolds);
    study.rows.push_back(row_of(published.reynolds, study.finest));
    if (i == kGrids - 2) {
      PolarGrid wide = grid;  // of the same spacing
      wide.rings += static_cast<std::int64_t>(std::round(std::log(2.0) / grid.ring_spacing()));
      wide.outer_radius = std::exp(grid.ring_spacing() * static_cast<double>(wide.rings));
      study.farther = row_of(published.reynolds, cylinder_flow(wide, published.reynolds));
    }
    grid.rings *= 2;
    grid.angles *= 2;
  }
  return study;
}

double wake_length(const FoundViscousFlow& flow) {
  // Along theta = 0 the velocity has the sign of psi's slope by theta.
  const auto slope = [&](std::int64_t ring) { return flow.stream(ring, 1) - flow.stream(ring, flow.grid.angles - 1); };
  const auto speed = [&](std::int64_t ring) { return slope(ring) / flow.points(ring, 0, 0); };
  for (std::int64_t ring = 1; ring < flow.grid.rings; ++ring)
    if (speed(ring) < 0 && speed(ring + 1) >= 0) {
      const double part = speed(ring) / (speed(ring) - speed(ring + 1));
      const double x = flow.points(ring, 0, 0), next = flow.points(ring + 1, 0, 0);
      return (x + part * (next - x) - flow.points(0, 0, 0)) / kReferenceLength;
    }
  return 0;
}

Table cylinder_table(const std::vector<CylinderStudy>& studies) {
  Table table{.header = {"Re", "rings", "angles", "outer radius, diameters", "unknowns", "drag", "wake", "lift",
                         "factorizations"},
              .caption =
                  "Coefficients by the diameter; the wake's length from the rear stagnation point in diameters. "
                  "The last row of each Reynolds number: the same spacing as two rows above, twice as far."};
  const auto add = [&](const CylinderRow& row) {
    table.add(row.reynolds, row.grid.rings, row.grid.angles, row.grid.outer_radius / kReferenceLength, row.unknowns,
              row.drag, row.wake, row.lift, row.factorizations);
  };
  for (const CylinderStudy& study : studies) {
    for (const CylinderRow& row : study.rows) add(row);
    add(study.farther);
  }
  return table;
}

Figure cylinder_order_figure(const std::vector<CylinderStudy>& studies) {
  Figure figure{.title = "drag of a cylinder: distance from its limit",
                .x_label = "number of angles",
                .y_label = "relative error",
                .x_scale = Scale::kLog,
                .y_scale = Scale::kLog};
  int color = 0;
  for (const CylinderStudy& study : studies)
    figure.curves.push_back(Curve{.name = text::concat("Re ", study.published.reynolds), .color = color++}.through(
        study.rows, [](const CylinderRow& row) { return row.grid.angles; },
        [&](const CylinderRow& row) { return std::abs(row.drag / study.limit() - 1); }));
  const CylinderStudy& first = studies.front();
  figure.curves.push_back(Curve{.name = "order 2", .mark = Mark::kDashed, .color = 6}.through(
      first.rows, [](const CylinderRow& row) { return row.grid.angles; },
      [&](const CylinderRow& row) {
        const double ratio = static_cast<double>(first.rows[0].grid.angles) / static_cast<double>(row.grid.angles);
        return std::abs(first.rows[0].drag / first.limit() - 1) * ratio * ratio;
      }));
  return figure;
}

Figure wall_vorticity_figure(const std::vector<CylinderStudy>& studies) {
  Figure figure{
      .title = "vorticity on the cylinder", .x_label = "angle from the rear, degrees", .y_label = "-vorticity"};
  int color = 0;
  for (const CylinderStudy& study : studies) {
    Curve curve{.name = text::concat("Re ", study.published.reynolds), .color = color++};
    const PolarGrid& grid = study.finest.grid;
    for (std::int64_t j = 0; 2 * j <= grid.angles; ++j) {
      curve.x.push_back(grid.angle(static_cast<double>(j)) * 180 / std::numbers::pi);
      curve.y.push_back(-study.finest.vorticity(0, j));
    }
    figure.curves.push_back(std::move(curve));
  }
  return figure;
}

}  // namespace costate::experiments
