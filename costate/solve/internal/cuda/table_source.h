// Tables of inputs in kernels.
#pragma once

#include <span>
#include <string>

#include "costate/cuda/internal/tile_source.h"

namespace costate::internal {

/// The ExtensionForm of interpolate, its derivatives and their transposes: the CPU's weights, and its order of sums.
std::string table_expression(CudaSource& source, const Extension& extension, std::span<const KernelOperand> operands,
                             std::span<const Shape> shapes, Dtype dtype);

}  // namespace costate::internal
