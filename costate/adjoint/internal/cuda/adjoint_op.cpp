#include "costate/adjoint/internal/cuda/adjoint_op.h"

#include <algorithm>
#include <numeric>

#include "costate/base/error.h"
#include "costate/cuda/internal/card.h"

namespace costate::internal {
namespace {

/// Rows of several numbers of each sample, as one row: solve_adjoint's result.
template <class T>
class PackedRows {
 public:
  PackedRows(std::size_t batch, std::size_t width) : batch_(batch), width_(width), numbers_(batch * width) {}

  void put(const std::vector<T>& rows) {
    const std::size_t count = rows.size() / batch_;
    for (std::size_t i = 0; i < batch_; ++i)
      std::copy_n(rows.data() + i * count, count, numbers_.data() + i * width_ + at_);
    at_ += count;
  }
  void skip(std::size_t count) { at_ += count; }

  HostArray take() { return {Shape{static_cast<std::int64_t>(batch_), static_cast<std::int64_t>(width_)}, numbers_}; }

 private:
  std::size_t batch_, width_, at_ = 0;
  std::vector<T> numbers_;
};

}  // namespace

DeviceAdjointOp::DeviceAdjointOp(std::shared_ptr<const SolveAdjoint> adjoint, const BatchOpContext& context)
    : adjoint_(std::move(adjoint)),
      context_(context),
      device_(card()),
      problem_(adjoint_->solve().field(), device_options(adjoint_->solve(), context.dtype), adjoint_->wanted()),
      kernels_(adjoint_kernels(problem_, device_.shared_limit())) {}

BatchOpResult DeviceAdjointOp::run(const BatchOpRun& run) const {
  return context_.dtype == Dtype::kF32 ? run_as<float>(run) : run_as<double>(run);
}

template <class T>
BatchOpResult DeviceAdjointOp::run_as(const BatchOpRun& run) const {
  const auto& steps = dynamic_cast<const DeviceSolveState<T>&>(*run.operand_states[0]);
  DeviceOperands operands(adjoint_->solve(), context_, run, 2);
  const DeviceBatch& batch = operands.batch();
  const auto cotangents = on_device<T>(device_, operands.of_samples(context_, run, 1));
  const DeviceGradient<T> found =
      take_back(device_, problem_, kernels_, steps.solved, steps.lanes, batch, cotangents.address());

  PackedRows<T> packed(batch.batch, problem_.problem.state_size + batch.num_times + problem_.own_size());
  packed.put(found.start.numbers());
  if (problem_.wants_times)
    packed.put(found.times.numbers());
  else
    packed.skip(batch.num_times);
  for (const DeviceArray<T>& gradient : found.own) packed.put(gradient.numbers());
  auto state = std::make_shared<DeviceAdjointState>();
  const std::vector<T> shared = found.sums.numbers();
  auto next = shared.begin();
  for (const DeviceArgument& argument : problem_.arguments) {
    HostArray& sum = state->sums.emplace_back();
    if (!argument.is_shared) continue;
    const auto end = next + static_cast<std::ptrdiff_t>(argument.size);
    sum = HostArray(argument.shape, std::vector<T>(next, end));
    next = end;
  }
  const std::vector<std::int64_t> counted = found.evaluations.numbers();
  RunReport report;
  report.nfe_backward = std::accumulate(counted.begin(), counted.end(), std::int64_t{0});
  return {.value = packed.take(), .state = state, .report = report};
}

std::shared_ptr<const BatchOp> SolveAdjoint::lower_batch(const BatchOpContext& context) const {
  if (!takes_back_steps(solve_->options().adjoint))
    throw NotSupported("[solve] device = cuda does not have adjoint = '", costate::name(solve_->options().adjoint),
                       "' yet, only 'discrete'; compile for the CPU (device = cpu).");
  return std::make_shared<DeviceAdjointOp>(shared_from_this(), context);
}

std::shared_ptr<const BatchOp> SolveAdjointSum::lower_batch(const BatchOpContext&) const {
  return std::make_shared<DeviceSumOp>(position_);
}

}  // namespace costate::internal
