// solve() of a batch on a device: one launch for all steps of all samples.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/kernel.h"
#include "costate/solve/internal/cuda/solve_kernel.h"
#include "costate/solve/internal/host_solver.h"

namespace costate::internal {

/// What a kernel of a solve reads, on the device: the first members of its argument, from z0 to time_shared.
template <class T>
class DeviceInputs {
 public:
  /// `kernel_field`: the problem's, or its linearized one.
  DeviceInputs(KernelDevice& device, const DeviceProblem& problem, const DeviceField& kernel_field, std::size_t lanes,
               const VectorField& field, const HostBatch& batch);

  const std::vector<std::uint64_t>& words() const { return words_; }

 private:
  template <class Number>
  void give(const std::vector<Number>& numbers) {
    DeviceArray<Number> array(device_, std::span<const Number>(numbers));
    words_.push_back(array.address());
    if constexpr (std::is_same_v<Number, T>)
      arrays_.push_back(std::move(array));
    else
      doubles_.push_back(std::move(array));
  }

  KernelDevice& device_;
  std::vector<DeviceArray<T>> arrays_;
  std::vector<DeviceArray<double>> doubles_;
  std::vector<std::uint64_t> words_;
};

/// What a solve leaves on the device: what the host is given, and for each sample the times, sizes and states of its
/// first accepted steps, up to the capacity.
template <class T>
struct DeviceSolved {
  DeviceArray<T> states, slopes;
  DeviceArray<double> ends;
  DeviceArray<std::int64_t> counts;
  DeviceArray<double> record_times, record_sizes;
  DeviceArray<T> record_states;
  std::size_t capacity = 0;
};

template <class T>
DeviceSolved<T> launch_solve(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                             const DeviceProblem& problem, std::size_t lanes, const DeviceInputs<T>& inputs,
                             const HostBatch& batch, std::size_t capacity);

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
