// The reverse of a solve of a traced program on a device: the solve has recorded its steps there, and one launch takes
// them back.
#pragma once

#include <memory>
#include <vector>

#include "costate/adjoint/internal/cuda/take_back.h"
#include "costate/adjoint/internal/solve_vjp.h"
#include "costate/exec/batch_op.h"
#include "costate/solve/internal/cuda/solve_op.h"

namespace costate::internal {

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
  template <class T>
  BatchOpResult run_as(const BatchOpRun& run) const;

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
