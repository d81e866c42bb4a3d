// The reverse sweep of a solve as one kernel, and one that adds up what its blocks have summed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "costate/cuda/internal/kernel.h"
#include "costate/solve/internal/cuda/solve_kernel.h"

namespace costate::internal {

/// A field's argument or Parameter whose gradient is asked for.
struct DeviceArgument {
  Shape shape;
  std::size_t size = 0;
  bool is_shared = false;
};

/// The solve's problem and its field with its vjp.
struct DeviceGradientProblem {
  /// NotSupported for what kernels do not do, as DeviceProblem.
  DeviceGradientProblem(const VectorField& field, const SolveOptions& options, const WantedGradients& wanted);

  DeviceProblem problem;
  DeviceField linear;
  bool wants_times;
  std::vector<DeviceArgument> arguments;

  /// Numbers of the gradients of shared arguments, and of those of samples.
  std::size_t shared_size() const;
  std::size_t own_size() const;
};

struct GradientKernels {
  KernelShape reverse, add_blocks;
};

/// Adds NAME_reverse and NAME_add_blocks to a source.
GradientKernels add_gradient_kernels(CudaSource& source, const std::string& name, const DeviceGradientProblem& problem,
                                     std::size_t lanes, std::size_t shared_limit);

}  // namespace costate::internal
