// Jumps of a field in time whose place is wanted.
//
// Where a field jumps at a time that an argument moves (where(t <= T, …), a held input that comes later by a lag), the
// states change with that argument by the jump times the shift. Neither the field's vjp nor its jvp has such a term: a
// comparison's derivative is 0. The derivative would be wrong without a word, so it is refused. A select whose branches
// meet where it switches is continuous, and has the right derivative.
//
// Jumps that the state alone decides (y > theta) are not looked for: whether they are passed is known to the solve
// only.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "costate/solve/vector_field.h"

namespace costate::internal {

/// NotSupported, naming the first, if a wanted one of `arguments`, which a solve of `field` is given for its arguments
/// and Parameters, moves a jump or a knot. `mode` is "vjp" or "jvp".
void refuse_moved_jumps(const VectorField& field, std::span<const Array> arguments, const std::vector<bool>& wanted,
                        std::string_view mode);

}  // namespace costate::internal
