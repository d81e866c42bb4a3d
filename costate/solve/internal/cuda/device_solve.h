// solve() of a batch on a device: one launch for all steps of all samples.
#pragma once

#include "costate/cuda/internal/kernel.h"
#include "costate/solve/internal/cuda/solve_kernel.h"
#include "costate/solve/internal/host_solver.h"

namespace costate::internal {

/// Lanes of a tile and threads of a block.
struct DeviceTile {
  std::size_t lanes = 64, threads = 256;
};

/// The larger tile, if the batch fills it and its arrays stand in shared memory; else the smaller.
DeviceTile device_tile(const DeviceProblem& problem, std::size_t batch, std::size_t shared_limit);

/// Runs a kernel of add_solve_kernel() on a batch whose inputs were checked. NotSupported for events, a watch and a
/// solve that goes on with another, and for joint control of more samples than a tile has lanes.
Solution run_solve_kernel(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                          const DeviceProblem& problem, std::size_t lanes, const VectorField& field,
                          const HostBatch& batch);

/// All of it: the kernel is made for the problem and the batch, compiled and run.
Solution solve_on_device(KernelDevice& device, const VectorField& field, const SolveOptions& options,
                         const HostBatch& batch);

}  // namespace costate::internal
