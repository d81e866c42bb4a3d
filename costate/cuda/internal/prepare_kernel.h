// What a plan makes of inputs that all samples share (Plan::prepare: transposed weights, constants) as a kernel, for
// such inputs that stand on a device. What the host has, SharedInputs prepares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/kernel.h"
#include "costate/cuda/internal/tile_source.h"
#include "costate/graph/graph.h"

namespace costate::internal {

class CudaSource;

struct PrepareKernel {
  struct Constants {
    std::size_t offset = 0;
    std::vector<double> numbers;
  };

  KernelShape shape;
  bool computes = false;             // else all is constants, and there is no kernel
  std::size_t size = 0;              // of Region::kShared
  std::vector<Constants> constants;  // there; the kernel writes the rest
};

/// Adds the kernel, of one block, to a source. NotSupported for an operation that kernels have no form for.
PrepareKernel add_prepare_kernel(CudaSource& source, const std::string& name, const Function& function, Dtype dtype,
                                 std::size_t lanes, std::span<const std::size_t> late_inputs,
                                 const ExtensionForm& form);

/// The prepared numbers, on the device. `inputs`: addresses, one for each input of the Function; those of samples are
/// not read.
template <class T>
DeviceArray<T> run_prepare_kernel(KernelDevice& device, const PrepareKernel& kernel, const std::string& source,
                                  std::span<const std::uint64_t> inputs, std::uint64_t stream);

}  // namespace costate::internal
