#include "costate/models/mechanical_fields.h"

#include "costate/diff/diff.h"

namespace costate {

VectorField hamiltonian_field(std::int64_t n, const std::function<Array(Array q, Array p)>& energy) {
  return vector_field({2 * n}, [&](Array, Array z) {
    const Array slope = gradient(energy(z.slice(0, n), z.slice(n, 2 * n)), std::span(&z, 1))[0];
    return concat({slope.slice(n, 2 * n), -slope.slice(0, n)});
  });
}

VectorField second_order_field(std::int64_t n, const std::function<Array(Array q, Array v)>& acceleration) {
  return vector_field({2 * n}, [&](Array, Array z) {
    const Array v = z.slice(n, 2 * n);
    return concat({v, acceleration(z.slice(0, n), v)});
  });
}

}  // namespace costate
