// Operations of a trace beside those of graph/ops.def: a table of inputs read at a time, linear systems, normalization,
// roots, exponentials of matrices.
#pragma once

#include "costate/operations/expm_multiply.h"  // IWYU pragma: export
#include "costate/operations/interpolate.h"    // IWYU pragma: export
#include "costate/operations/linear_solve.h"   // IWYU pragma: export
#include "costate/operations/map_rows.h"       // IWYU pragma: export
#include "costate/operations/normalize.h"      // IWYU pragma: export
#include "costate/operations/root.h"           // IWYU pragma: export
