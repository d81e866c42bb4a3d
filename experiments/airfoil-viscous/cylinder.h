// The flow past a circular cylinder against the literature, by refinement of the grid and of the outer boundary.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

/// Lengths of the wake are from the rear stagnation point, in diameters.
struct CylinderRow {
  double reynolds;
  PolarGrid grid;
  std::int64_t unknowns;
  double drag, lift, wake;
  std::int64_t factorizations;
};

/// What is known of a Reynolds number: the numbers that ours are held against, and from whom.
struct PublishedCylinder {
  double reynolds, drag, shortest_wake, longest_wake;
  std::string drag_source, wake_source;
};
const std::vector<PublishedCylinder>& published_cylinders();

/// One Reynolds number on three grids, each twice as fine as the one before, and on one as fine as the second that
/// reaches twice as far.
struct CylinderStudy {
  PublishedCylinder published;
  std::vector<FoundViscousFlow> flows;  // from coarse to fine
  std::vector<CylinderRow> rows;        // the same as numbers
  CylinderRow farther;

  /// log2 of the ratio in which what changes becomes smaller: of the vorticity on the cylinder, root mean square over
  /// the points of the coarsest grid, and of the wake's length.
  double vorticity_order() const;
  double wake_order() const;
};

/// On grids from `coarsest` on, 50 diameters wide.
CylinderStudy study_cylinder(const PublishedCylinder& published, const PolarGrid& coarsest);

/// The length of the eddies behind a shape on the x axis that is symmetric to it; 0 if there are none.
double wake_length(const FoundViscousFlow& flow);

Table cylinder_table(const std::vector<CylinderStudy>& studies);
/// How much the vorticity on the cylinder changes from one grid to the next, over the number of angles.
Figure cylinder_order_figure(const std::vector<CylinderStudy>& studies);
/// Vorticity on the cylinder over the angle from the rear.
Figure wall_vorticity_figure(const std::vector<CylinderStudy>& studies);

}  // namespace costate::experiments
