// A Function as a kernel: each block takes tiles of samples through it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/cuda/internal/kernel.h"
#include "costate/graph/graph.h"

namespace costate::internal {

class CudaSource;

/// Adds the kernel to a source; a block has `lanes` samples at a time. NotSupported for an output that is summed over
/// the batch, and as add_tile_function().
KernelShape add_batch_kernel(CudaSource& source, const std::string& name, const Function& function, Dtype dtype,
                             std::size_t lanes, std::size_t shared_limit);

/// Runs it. One input for each of the Function's that is no Parameter, [batch, …] or, if shared, […].
std::vector<HostArray> run_batch_kernel(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                                        const Function& function, Dtype dtype, std::size_t lanes,
                                        std::span<const HostArray> inputs);

}  // namespace costate::internal
