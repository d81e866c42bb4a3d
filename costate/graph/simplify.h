// simplify: the same function with less work. Derivatives lean on it: they write terms without looking.
#pragma once

#include "costate/graph/graph.h"

namespace costate {

/// Folds constants; shares common subexpressions; drops what no output needs; removes x + 0, x · 1, x · 0, x / 1, 0 -
/// x, - - x, pow by 0, 1 and 2, where with a constant condition, and chains of reshape, transpose and broadcast. All
/// inputs stay. A product with a constant 0 becomes 0 even where the other factor may be inf or NaN.
Function simplify(const Function& function);

}  // namespace costate
