// A solve of a traced program on a device (exec/batch_op.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "costate/exec/batch_op.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate::internal {

/// The options of a solve of a program that computes in a dtype.
SolveOptions device_options(const SolveExtension& solve, Dtype dtype);

/// The operands of a solve as its kernels take them; of the operands of a run those from `first` on.
class DeviceOperands {
 public:
  /// InvalidArgument for times that are not finite or turn back.
  DeviceOperands(const SolveExtension& solve, const BatchOpContext& context, const BatchOpRun& run, std::size_t first);
  DeviceOperands(const DeviceOperands&) = delete;
  DeviceOperands& operator=(const DeviceOperands&) = delete;

  const DeviceBatch& batch() const { return batch_; }
  /// Operand i of the run, one of each sample.
  const HostArray& of_samples(const BatchOpContext& context, const BatchOpRun& run, std::size_t i);

 private:
  std::deque<HostArray> made_;
  DeviceBatch batch_;
};

/// The steps of a solve, on the device, for who takes them back.
template <class T>
struct DeviceSolveState : BatchOpState {
  DeviceSolved<T> solved;
  std::size_t lanes = 0;
};

class DeviceSolveOp : public BatchOp {
 public:
  /// NotSupported for what kernels do not have.
  DeviceSolveOp(std::shared_ptr<const SolveExtension> solve, const BatchOpContext& context);

  BatchOpResult run(const BatchOpRun& run) const override;

 private:
  template <class T>
  BatchOpResult run_as(const BatchOpRun& run) const;

  std::shared_ptr<const SolveExtension> solve_;
  BatchOpContext context_;
  KernelDevice& device_;
  DeviceProblem problem_;
  SolveKernels kernels_;
  bool keeps_steps_;
  mutable std::atomic<std::size_t> capacity_ = 64;  // steps of a sample that the next run has room for
};

}  // namespace costate::internal
