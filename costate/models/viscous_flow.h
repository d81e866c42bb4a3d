// Steady viscous flow past a shape in the plane: the Navier-Stokes equations of an incompressible fluid for the stream
// function psi and the vorticity w, on the grid of a conformal map (laurent_map.h).
//
// In xi + i theta = log s, with J = |dz/d(xi + i theta)|^2, speed 1 and the density 1 of the free stream, viscosity nu:
//
//     psi_xi,xi + psi_theta,theta = -J w
//     psi_theta w_xi - psi_xi w_theta = nu (w_xi,xi + w_theta,theta)
//
// by central differences; errors fall with the square of the spacings. Ahead of the shape, where w dies out within less
// than a cell, a coarse grid's w alternates in sign from ring to ring; refine it until this is small. On the shape psi
// = 0, and w by Woods (1954): 3 psi_1 + h^2 (J_0 w_0 + J_1 w_1 / 2) = 0 is no slip. The pressure on it has p_theta = nu
// w_xi and must come back to itself around the shape; this fixes the constant by which psi far away differs from that
// of the free stream, and so the circulation. Far away, at the outer radius r, the flow is the free stream with the
// wake of a body of this drag D and the source that feeds it (Imai 1951; Fornberg 1980, J. Fluid Mech. 98): with phi =
// theta - angle and Q = sqrt(R r / nu) sin(phi / 2)
//
//     psi = psi_free + D / 2 (phi / pi - erf(Q)) + constant,    w ~ r^-1/2 exp(-Q^2).
//
// A root of all equations at once by root(), whose factors serve the adjoint. The drag and the pressure are unknowns,
// too, each the sum up to theta_j, so that no equation has more than a few.
#pragma once

#include <cstdint>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"
#include "costate/models/laurent_map.h"
#include "costate/operations/root.h"

namespace costate {

struct ViscousFlowOptions {
  double reynolds = 40;  // speed times kReferenceLength / nu
  RootOptions root = {.iterations = 25, .jacobian = RootJacobian::kSparse};
};

/// The diameter of the circle R = 1, by which Reynolds numbers and coefficients are formed whatever the shape.
constexpr double kReferenceLength = 2;

struct ViscousFlow {
  Array state;      // [viscous_flow_size(grid)] all unknowns: a guess for a flow nearby
  Array stream;     // [rings + 1, angles] psi, 0 on the shape
  Array vorticity;  // [rings + 1, angles]
  Array pressure;   // [angles] coefficients on the shape, less that at theta = 0
  Array drag;       // coefficients of the force along and across the free stream, scalars
  Array lift;
};

/// The flow past a shape, the free stream being turned by `angle` (a scalar, radians) from the x axis; by Newton's
/// method from `guess`, viscous_flow_guess() or the state of a flow nearby. NaN, and an entry in the run's report,
/// where it finds none: Reynolds numbers that are too far above that of the guess, shapes whose edges the grid does not
/// resolve. Where no steady flow is stable in time, the one that is found is not seen in experiments.
///
/// Throws: ShapeError if the angle is no scalar or the guess has another size; InvalidArgument unless the Reynolds
/// number is positive, and as root() does.
ViscousFlow viscous_flow(const MappedGrid& shape, Operand angle, Operand guess, const ViscousFlowOptions& options = {});

/// The potential flow without circulation as a guess.
Array viscous_flow_guess(const MappedGrid& shape, Operand angle);

std::int64_t viscous_flow_size(const PolarGrid& grid);

/// A flow as numbers.
struct FoundViscousFlow {
  PolarGrid grid;
  HostArray points;                              // [rings + 1, angles, 2] x and y of the grid
  HostArray state, stream, vorticity, pressure;  // as ViscousFlow has them
  double drag = 0, lift = 0;
  std::int64_t factorizations = 0;  // of Newton's method
};

/// The flow past the shape of these coefficients (laurent_map), in a free stream of this angle.
/// Throws: as check_laurent_shape, laurent_map and viscous_flow; SolveFailed if Newton's method finds no flow, with the
/// residual.
FoundViscousFlow find_viscous_flow(const PolarGrid& grid, const HostArray& coefficients, double angle,
                                   const ViscousFlowOptions& options = {});
/// The same from the state of a flow nearby on the same grid.
FoundViscousFlow find_viscous_flow(const PolarGrid& grid, const HostArray& coefficients, double angle,
                                   const HostArray& guess, const ViscousFlowOptions& options);

}  // namespace costate
