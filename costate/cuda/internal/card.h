// The machine's first CUDA card, by its driver: buffers, and kernels that NVRTC compiles for it.
#pragma once

#include "costate/cuda/internal/kernel.h"

namespace costate::internal {

/// The card, made at the first call. NotSupported, with one sentence, where COSTATE_CUDA=experimental does not ask for
/// it, and where there is no driver, no card or no NVRTC.
KernelDevice& card();

}  // namespace costate::internal
