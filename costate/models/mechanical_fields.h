// Fields with the structure of mechanics, for systems whose states are positions q [n] and then velocities or momenta
// [n].
#pragma once

#include <cstdint>
#include <functional>

#include "costate/solve/vector_field.h"

namespace costate {

/// q' = dH/dp, p' = -dH/dq for H(q, p), a scalar (Greydanus, Dzamba and Yosinski 2019, eq. 2): H is constant along
/// solutions, whatever it is. State [2n]. ShapeError if the energy is not a scalar.
VectorField hamiltonian_field(std::int64_t n, const std::function<Array(Array q, Array p)>& energy);

/// q' = v, v' = acceleration(q, v) (Norcliffe et al. 2020, eq. 2): only forces are learned. State [2n].
VectorField second_order_field(std::int64_t n, const std::function<Array(Array q, Array v)>& acceleration);

}  // namespace costate
