// The reverse of a solve of a traced program on a device: the solve has recorded its steps there, and one launch takes
// them back.
#pragma once

#include <memory>
#include <vector>

#include "costate/adjoint/internal/cuda/gradient_kernel.h"
#include "costate/adjoint/internal/solve_vjp.h"
#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/kernels_by_lanes.h"
#include "costate/exec/batch_op.h"
#include "costate/solve/internal/cuda/solve_op.h"

namespace costate::internal {

using AdjointKernels = KernelsByLanes<GradientKernels>;

/// The kernels of a problem, which outlives them.
AdjointKernels adjoint_kernels(const DeviceGradientProblem& problem, std::size_t shared_limit);

/// What a SolveAdjointSum hands out: one a wanted argument, empty where that is of samples.
struct DeviceAdjointState : BatchOpState {
  std::vector<HostArray> sums;
};

/// SolveAdjoint's.
class DeviceAdjointOp : public BatchOp {
 public:
  /// NotSupported for what kernels do not have.
  DeviceAdjointOp(std::shared_ptr<const SolveAdjoint> adjoint, const BatchOpContext& context);

  BatchOpResult run(const BatchOpRun& run) const override;

 private:
  /// Gradients on the device.
  template <class T>
  struct Found {
    DeviceArray<T> start, times, sums;  // of z0; of the output times, if wanted; of shared arguments, one after another
    std::vector<DeviceArray<T>> own;    // of arguments of samples
    DeviceArray<std::int64_t> evaluations;
  };

  template <class T>
  BatchOpResult run_as(const BatchOpRun& run) const;
  template <class T>
  Found<T> take_back(const DeviceSolveState<T>& steps, const DeviceBatch& batch,
                     const DeviceArray<T>& cotangents) const;

  std::shared_ptr<const SolveAdjoint> adjoint_;
  BatchOpContext context_;
  KernelDevice& device_;
  DeviceGradientProblem problem_;
  AdjointKernels kernels_;
};

/// SolveAdjointSum's.
class DeviceSumOp : public BatchOp {
 public:
  explicit DeviceSumOp(std::size_t position) : position_(position) {}

  BatchOpResult run(const BatchOpRun& run) const override {
    return {.value = dynamic_cast<const DeviceAdjointState&>(*run.operand_states[0]).sums[position_]};
  }

 private:
  std::size_t position_;
};

}  // namespace costate::internal
