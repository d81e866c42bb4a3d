// Steady potential flow past an airfoil by panels whose vortex strength is linear along each of them.
//
// The outline is a polygon. Its panels carry a vortex sheet gamma, linear between the values at the points. With the
// stream function of a sheet, psi(z) = 1 / (2 pi) ∫ gamma log|z - zeta| |d zeta|, the unknown values and psi_0 solve
//
//     psi(z_i) + y_i cos(alpha) - x_i sin(alpha) = psi_0      at each point i: the outline is a streamline
//     gamma_0 + gamma_n = 0                                    Kutta's condition at the trailing edge, points 0 and n
//     gamma_0 - 2 gamma_1 + gamma_2 = gamma_n - 2 gamma_{n-1} + gamma_{n-2}
//
// The flow inside is at rest, so gamma is the speed along the outline. The last equation stands in for the second one
// at the trailing edge, which two points share. (Drela 1989, "XFOIL: an analysis and design system for low Reynolds
// number airfoils", whose panels these are; Katz and Plotkin 2001, "Low-speed aerodynamics", sec. 11.4.)
//
// Errors fall with the square of the number of panels, at trailing edges of 5 degrees or more; at a cusp panels
// coincide in the limit, and the system is the worse conditioned the more there are.
#pragma once

#include <cstdint>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"

namespace costate {

/// In units of the free stream and of the chord, from (0, 0) to (1, 0).
struct PanelFlow {
  Array speed;     // [n + 1] at the points, clockwise: positive from the leading edge along the upper side
  Array pressure;  // [n + 1] 1 - speed^2
  Array lift;      // coefficients, scalars: by the circulation
  Array drag;      // by the pressure; 0 but for the error of the panels
  Array moment;    // about the quarter chord, positive nose up; by the pressure
};

/// The flow past the outline `points` [n + 1, 2], x and y from the trailing edge along the upper side to the leading
/// edge and back below, the last point being the first, at the angle of attack `angle` (a scalar, radians to the x
/// axis). All of it is differentiable, through one linear_solve of n + 2 equations. Where panels cross the numbers mean
/// nothing: check_outline.
///
/// Throws: ShapeError if points are not [n + 1, 2] or the angle is no scalar; InvalidArgument for fewer than
/// kFewestPanels.
PanelFlow panel_flow(Operand points, Operand angle);

constexpr std::int64_t kFewestPanels = 10;

/// The area inside the outline, a scalar. ShapeError if points are not [n + 1, 2].
Array outline_area(Operand points);

/// Throws InvalidArgument unless panel_flow can take the outline: at least kFewestPanels panels, each of some length;
/// the last point the first one; anticlockwise; and no two panels that cross or touch. ShapeError unless it is
/// [n + 1, 2].
void check_outline(const HostArray& points);

}  // namespace costate
