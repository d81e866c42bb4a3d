#include "experiments/airfoil-viscous/cylinder.h"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <utility>

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

/// Root mean square over the points that both grids have on the cylinder.
double vorticity_distance(const FoundViscousFlow& one, const FoundViscousFlow& other) {
  const std::int64_t shared = std::gcd(one.grid.angles, other.grid.angles);
  double sum = 0;
  for (std::int64_t j = 0; j < shared; ++j) {
    const double difference =
        one.vorticity(0, j * (one.grid.angles / shared)) - other.vorticity(0, j * (other.grid.angles / shared));
    sum += difference * difference;
  }
  return std::sqrt(sum / static_cast<double>(shared));
}

}  // namespace

const std::vector<PublishedCylinder>& published_cylinders() {
  // Drags are held against numbers within 1 % of Dennis and Chang's.
  static const std::vector<PublishedCylinder> all = {
      {20, 2.05, 0.94 * 0.95, 0.94 * 1.05, "2.05, Dennis and Chang 1970; 2.00, Fornberg 1980",
       "0.94, Dennis and Chang 1970; 0.91, Fornberg 1980; 0.93 measured, Coutanceau and Bouard 1977"},
      {40, 1.53, 2.13, 2.35, "1.52, Dennis and Chang 1970; 1.50, Fornberg 1980",
       "2.35, Dennis and Chang 1970; 2.24, Fornberg 1980; 2.13 measured, Coutanceau and Bouard 1977"}};
  return all;
}

double CylinderStudy::vorticity_order() const {
  return std::log2(vorticity_distance(flows[0], flows[1]) / vorticity_distance(flows[1], flows[2]));
}

double CylinderStudy::wake_order() const {
  return std::log2(std::abs((rows[0].wake - rows[1].wake) / (rows[1].wake - rows[2].wake)));
}

CylinderStudy study_cylinder(const PublishedCylinder& published, const PolarGrid& coarsest) {
  constexpr std::int64_t kGrids = 3;
  CylinderStudy study{.published = published, .flows = {}, .rows = {}, .farther = {}};
  PolarGrid grid = coarsest;
  for (std::int64_t i = 0; i < kGrids; ++i) {
    study.flows.push_back(cylinder_flow(grid, published.reynolds));
    study.rows.push_back(row_of(published.reynolds, study.flows.back()));
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
  Figure figure{.title = "vorticity on the cylinder: change from grid to grid",
                .x_label = "number of angles",
                .y_label = "root mean square",
                .x_scale = Scale::kLog,
                .y_scale = Scale::kLog};
  int color = 0;
  Curve order{.name = "order 2", .mark = Mark::kDashed, .color = 6};
  for (const CylinderStudy& study : studies) {
    Curve curve{.name = text::concat("Re ", study.published.reynolds), .color = color++};
    for (std::size_t i = 0; i + 1 < study.flows.size(); ++i) {
      curve.x.push_back(static_cast<double>(study.flows[i].grid.angles));
      curve.y.push_back(vorticity_distance(study.flows[i], study.flows[i + 1]));
    }
    if (order.x.empty())
      for (std::size_t i = 0; i < curve.x.size(); ++i) {
        order.x.push_back(curve.x[i]);
        order.y.push_back(0.7 * curve.y[0] * std::pow(curve.x[0] / curve.x[i], 2));
      }
    figure.curves.push_back(std::move(curve));
  }
  figure.curves.push_back(std::move(order));
  return figure;
}

Figure wall_vorticity_figure(const std::vector<CylinderStudy>& studies) {
  Figure figure{
      .title = "vorticity on the cylinder", .x_label = "angle from the rear, degrees", .y_label = "-vorticity"};
  int color = 0;
  for (const CylinderStudy& study : studies) {
    Curve curve{.name = text::concat("Re ", study.published.reynolds), .color = color++};
    const PolarGrid& grid = study.flows.back().grid;
    for (std::int64_t j = 0; 2 * j <= grid.angles; ++j) {
      curve.x.push_back(grid.angle(static_cast<double>(j)) * 180 / std::numbers::pi);
      curve.y.push_back(-study.flows.back().vorticity(0, j));
    }
    figure.curves.push_back(std::move(curve));
  }
  return figure;
}

}  // namespace costate::experiments
