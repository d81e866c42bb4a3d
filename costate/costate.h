// What programs include, in one header. A reader begins with graph/array.h, graph/trace.h and solve/solve.h.
#pragma once

#include "costate/array/host_array.h"       // IWYU pragma: export
#include "costate/array/identity_matrix.h"  // IWYU pragma: export
#include "costate/array/labelled_inputs.h"  // IWYU pragma: export
#include "costate/array/normal_numbers.h"   // IWYU pragma: export
#include "costate/array/take_rows.h"        // IWYU pragma: export
#include "costate/array/time_series.h"      // IWYU pragma: export
#include "costate/base/base.h"              // IWYU pragma: export
#include "costate/check/check_gradient.h"   // IWYU pragma: export
#include "costate/codegen/codegen.h"        // IWYU pragma: export
#include "costate/data/data.h"              // IWYU pragma: export
#include "costate/diff/diff.h"              // IWYU pragma: export
#include "costate/exec/machine.h"           // IWYU pragma: export
#include "costate/exec/program.h"           // IWYU pragma: export
#include "costate/exec/pullback.h"          // IWYU pragma: export
#include "costate/exec/tile_op.h"           // IWYU pragma: export
#include "costate/graph/array.h"            // IWYU pragma: export
#include "costate/graph/convolution.h"      // IWYU pragma: export
#include "costate/graph/extension.h"        // IWYU pragma: export
#include "costate/graph/pooling.h"          // IWYU pragma: export
#include "costate/graph/print.h"            // IWYU pragma: export
#include "costate/graph/softmax.h"          // IWYU pragma: export
#include "costate/graph/trace.h"            // IWYU pragma: export
#include "costate/io/io.h"                  // IWYU pragma: export
#include "costate/models/models.h"          // IWYU pragma: export
#include "costate/nn/nn.h"                  // IWYU pragma: export
#include "costate/operations/operations.h"  // IWYU pragma: export
#include "costate/report/report.h"          // IWYU pragma: export
#include "costate/series/series.h"          // IWYU pragma: export
#include "costate/solve/dense_solution.h"   // IWYU pragma: export
#include "costate/solve/events.h"           // IWYU pragma: export
#include "costate/solve/sde.h"              // IWYU pragma: export
#include "costate/solve/solve.h"            // IWYU pragma: export
#include "costate/solve/steady_state.h"     // IWYU pragma: export
#include "costate/solve/vector_field.h"     // IWYU pragma: export
#include "costate/train/train.h"            // IWYU pragma: export
