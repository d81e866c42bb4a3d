// The gradient of a solve of a batch on a device: the solve records its steps, and a second launch takes them back.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/adjoint/internal/cuda/gradient_kernel.h"
#include "costate/array/host_array.h"
#include "costate/solve/internal/host_solver.h"

namespace costate::internal {

struct DeviceGradient {
  HostArray states;                  // [batch, time, …state]
  HostArray start;                   // [batch, …state]
  std::vector<HostArray> arguments;  // of the field, then its Parameters: [batch, …], or summed over the batch […]
};

struct DeviceGradientKernels {
  KernelShape solve;
  GradientKernels gradient;
};

/// Adds the kernels of a solve and of its reverse sweep to a source.
DeviceGradientKernels add_solve_with_gradient(CudaSource& source, const std::string& name,
                                              const DeviceGradientProblem& problem, std::size_t lanes,
                                              std::size_t shared_limit);

/// What cotangents of the states [batch, time, state] give: the discrete adjoint, of the steps taken. A sample that
/// failed has gradient 0 and counts in no sum.
DeviceGradient run_solve_with_gradient(KernelDevice& device, KernelModule& module, const DeviceGradientKernels& kernels,
                                       const DeviceGradientProblem& problem, std::size_t lanes,
                                       const VectorField& field, const HostBatch& batch, const HostArray& cotangents);

}  // namespace costate::internal
