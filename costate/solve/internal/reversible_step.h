// Steps of the state z and a companion that can be taken back, with one evaluation each; nothing but the last state has
// to be kept for a gradient. From t, with the companion in the memory:
//
//     alf                u = f(t + h/2, z + h/2 v),   v1 = 2 u - v,   z1 = z + h/2 (v + v1)             memory v
//     reversible_heun    y1 = 2 z - y + h m,          m1 = f(t + h, y1),   z1 = z + h/2 (m + m1)        memory y, m
//
// They begin with v = f(t0, z0), and y = z0 and m = f(t0, z0). Back:
//
//     alf                u = f(t + h/2, z1 - h/2 v1), v = 2 u - v1,   z = z1 - h/2 (v + v1)
//     reversible_heun    y = 2 z1 - y1 - h m1,        m = f(t, y),         z = z1 - h/2 (m + m1)
//
// Mutze 2013, An asynchronous leapfrog method II; Zhuang et al. 2021 (MALI); Kidger et al. 2021, Efficient and accurate
// gradients for neural SDEs.
#pragma once

#include "costate/solve/internal/step_memory.h"

namespace costate::internal {

StepFunction reversible_step(const VectorField& field, Method method, StepUse use);

StepFunction reversible_start(const VectorField& field, Method method);
std::int64_t reversible_memory(const VectorField& field, Method method);

}  // namespace costate::internal
