// The machine that the kernels run on.
#pragma once

#include <string>

#include "costate/array/shape.h"

namespace costate {

/// The instruction set whose kernels run on this machine: "AVX3", "AVX2", "NEON", ….
std::string simd_target();

/// GFLOP/s of fused multiply-adds on registers, each counted as two operations, measured on the calling thread in
/// about 20 ms: what no product can exceed.
double measured_peak(Dtype dtype);

}  // namespace costate
