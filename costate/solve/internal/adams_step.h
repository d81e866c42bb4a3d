// Adams methods of order 4 on any grid. The memory holds the slopes f_j [4, n] of four nodes and how long ago these
// were, s_j [4], the node that leaves next first:
//
//     explicit_adams    z1 = z + integral over the step of the cubic through the four slopes       (Adams-Bashforth)
//     implicit_adams    that predicts z*; z1 = z + the integral of the cubic through f(t + h, z*) and the last three
//
// The integrals are of the nodes as they lie, so that steps of any sizes have the order of equal ones. At the start,
// three steps of the classic Runge-Kutta method within the first step give slopes at t0 + (0, 1/3, 2/3, 1) h, and the
// first step integrates through these. No time outside of the grid is looked at. A step of size 0 changes nothing.
//
// Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, III.1 and III.5.
#pragma once

#include "costate/solve/internal/step_memory.h"

namespace costate::internal {

StepFunction adams_step(const VectorField& field, Method method);

StepFunction adams_start(const VectorField& field);
std::int64_t adams_memory(const VectorField& field);

}  // namespace costate::internal
