// What a field may say of itself to implicit methods: which terms are not stiff, and its Jacobian. All else takes a
// marked field for what it computes.
#pragma once

#include <functional>
#include <vector>

#include "costate/solve/vector_field.h"

namespace costate {

/// x itself, a term of a field that 'kencarp4' takes by its explicit method and leaves out of its Jacobian:
///
///     vector_field({n}, [](Array t, Array z) { return diffusion(z) + explicit_part(reaction(z)); });
///
/// What it multiplies or goes into is explicit with it. Other methods, and derivatives, do not see it.
Array explicit_part(Operand x);

/// A field of one state with its Jacobian: jacobian(t, z) gives d slope / d z, of shape slope.shape + z.shape. The
/// linear systems of implicit methods take it in place of the one from the graph. One that is not exact keeps
/// 'kvaerno3', 'kvaerno5' and 'trbdf2' exact, but slow; 'rodas5p' is as exact as it is. Derivatives are those of rhs,
/// or of the steps that were taken, whatever `jacobian` says of it. ShapeError if it has another shape.
VectorField vector_field_with_jacobian(Shape state, const std::function<Array(Array, Array)>& rhs,
                                       const std::function<Array(Array, Array)>& jacobian);

namespace internal {

/// A slope whose derivative by z is said to be `jacobian`. ShapeError as above.
Array with_jacobian(const Array& slope, const Array& z, const Array& jacobian);

/// Whether a Jacobian is given; the function that moves by it with its state, and with nothing else; and the outputs of
/// the function, then of the first one its Jacobian by input `state` as it is given: what matrices of linear systems
/// are made of.
bool has_given_jacobian(const Function& function);
Function moving_by_given_jacobian(const Function& function);
Function jacobian_as_given(const Function& function, std::size_t state);

/// Whether a part is marked as explicit; and the two parts, of the same inputs.
bool has_explicit_part(const Function& function);
Function implicit_part(const Function& function);
Function explicit_part_of(const Function& function);

}  // namespace internal

}  // namespace costate
