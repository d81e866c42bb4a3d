// Design: less drag at the same lift and area.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

struct DragDesignOptions {
  PolarGrid grid = {.rings = 48, .angles = 64};
  std::int64_t modes = 4;  // K of the shape's series
  double reynolds = 40;
  int rounds = 12;  // of the augmented Lagrangian
  int steps = 40;   // of L-BFGS in each round
};

struct DesignStage {
  int step;
  FoundViscousFlow flow;
};

struct DragDesign {
  std::vector<DesignStage> stages;  // before, along the way, after
  double drag_before = 0, drag_after = 0;
  double lift = 0, area = 0;              // that are kept
  double lift_error = 0, area_error = 0;  // at the end, relative
  double edge_excess = 0;                 // by which an edge is sharper than it may be, 0 if none is
  std::vector<double> history;            // the drag after each step
  std::int64_t gradients = 0;
  double stationarity = 0;  // the largest element of the Lagrangian's gradient at the end
};

/// Lowers the drag of an ellipse in an inclined position over the 1 + 2 K coefficients of its map, lift and area being
/// kept, and |dz/ds| at least 0.3 R on the outline: sharp edges would be better, and are not resolved. Each flow begins
/// from the one before.
DragDesign lower_drag(const DragDesignOptions& options);

/// The coefficients of the shape that the design begins with.
HostArray inclined_ellipse(std::int64_t modes);

Figure drag_shapes_figure(const DragDesign& design);
Figure drag_history_figure(const DragDesign& design);

}  // namespace costate::experiments
