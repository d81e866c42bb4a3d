// The reverse sweep of a solve whose steps stand on a device: one launch, and one that adds up the sums of its blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/adjoint/internal/cuda/gradient_kernel.h"
#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/kernels_by_lanes.h"
#include "costate/solve/internal/cuda/device_solve.h"

namespace costate::internal {

using AdjointKernels = KernelsByLanes<GradientKernels>;

/// The kernels of a problem, which outlives them.
AdjointKernels adjoint_kernels(const DeviceGradientProblem& problem, std::size_t shared_limit);

/// Gradients on the device.
template <class T>
struct DeviceGradient {
  DeviceArray<T> start, times, sums;  // of z0; of the output times, if wanted; of shared arguments, one after another
  std::vector<DeviceArray<T>> own;    // of arguments of samples
  DeviceArray<std::int64_t> evaluations;
};

/// `cotangents`: where those of the states stand, [batch, time, state].
template <class T>
DeviceGradient<T> take_back(KernelDevice& device, const DeviceGradientProblem& gradient, const AdjointKernels& kernels,
                            const DeviceSolved<T>& solved, std::size_t lanes, const DeviceBatch& batch,
                            std::uint64_t cotangents);

}  // namespace costate::internal
