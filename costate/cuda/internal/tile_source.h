// A Plan as a function of CUDA C++: a block of threads runs it on one tile.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "costate/array/shape.h"
#include "costate/graph/extension.h"
#include "costate/plan/plan.h"

namespace costate::internal {

class CudaSource;

/// Where an operand of an Extension stands in a kernel: element k of a lane at pointer[k * row_stride + lane *
/// lane_stride].
struct KernelOperand {
  std::string pointer;
  std::size_t row_stride, lane_stride;
};

/// What an Extension computes for element `row` of lane `lane` of its result, as an expression of a source that it may
/// add functions to; empty where it has no form.
using ExtensionForm =
    std::function<std::string(CudaSource& source, const Extension& extension, std::span<const KernelOperand> operands,
                              std::span<const Shape> shapes, Dtype dtype)>;

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
                       Dtype dtype, const ExtensionForm& form = {});

}  // namespace costate::internal
