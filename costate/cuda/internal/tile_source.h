// A Plan as a function of CUDA C++: a block of threads runs it on one tile.
#pragma once

#include <cstddef>
#include <string>

#include "costate/array/shape.h"
#include "costate/plan/plan.h"

namespace costate::internal {

class CudaSource;

/// Adds to the source
///
///     struct NAME_memory { const T *in0, *in1, …; T *out0, *out1, …; const T *shared; T *saved, *scratch;
///                          const int *counts; };
///     void NAME_forward(const NAME_memory &m);
///
/// and NAME_reverse and NAME_accumulate where the plan has such phases; the Function has so many inputs. Sums over the
/// batch take the lanes that count. Regions are as in plan.h, inputs
/// of samples [n, lanes]. A function ends with a barrier, and its caller sees to one before it. NotSupported for an
/// instruction that kernels have no form for.
void add_tile_function(CudaSource& source, const std::string& name, const Plan& plan, std::size_t num_inputs,
                       Dtype dtype);

}  // namespace costate::internal
