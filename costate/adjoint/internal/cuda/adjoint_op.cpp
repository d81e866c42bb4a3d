#include "costate/adjoint/internal/cuda/adjoint_op.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "costate/base/error.h"
#include "costate/cuda/internal/card.h"
#include "costate/cuda/internal/shared_inputs.h"
#include "costate/solve/internal/cuda/device_stops.h"

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

AdjointKernels adjoint_kernels(const DeviceGradientProblem& problem, std::size_t shared_limit) {
  return AdjointKernels([&problem, shared_limit](CudaSource& source, std::size_t lanes) {
    return add_gradient_kernels(source, "costate", problem, lanes, shared_limit);
  });
}

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
  const Found<T> found = take_back(steps, batch, cotangents);

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

/// Launches the sweep, and what adds up the sums of its blocks.
template <class T>
DeviceAdjointOp::Found<T> DeviceAdjointOp::take_back(const DeviceSolveState<T>& steps, const DeviceBatch& batch,
                                                     const DeviceArray<T>& cotangents) const {
  const DeviceSolved<T>& solved = steps.solved;
  const DeviceProblem& problem = problem_.problem;
  const AdjointKernels::Made& made = kernels_.of(steps.lanes);
  const auto module = device_.load(made.source);
  const DeviceInputs<T> inputs(device_, problem, problem_.linear, steps.lanes, batch);
  const DeviceStops<T> stops(device_, problem, batch);
  const std::size_t size = batch.batch, blocks = num_blocks(size, steps.lanes), shared_size = problem_.shared_size();
  Found<T> found{.start = {device_, size * problem.state_size},
                 .times = {device_, problem_.wants_times ? size * batch.num_times : 0},
                 .sums = {device_, shared_size},
                 .own = {},
                 .evaluations = {device_, size}};
  const DeviceArray<T> partial_sums(device_, blocks * shared_size);
  const DeviceArray<unsigned char> global(device_, blocks * made.shapes.reverse.global_bytes);
  std::vector<std::uint64_t> words = inputs.words();
  words.insert(words.end(), stops.words().begin(), stops.words().end());
  words.insert(words.end(),
               {cotangents.address(), solved.ends.address(), solved.counts.address(), solved.record_times.address(),
                solved.record_sizes.address(), solved.record_states.address(), found.start.address()});
  if (problem_.wants_times) words.push_back(found.times.address());
  for (const DeviceArgument& argument : problem_.arguments)
    if (!argument.is_shared) words.push_back(found.own.emplace_back(device_, size * argument.size).address());
  words.insert(words.end(), {found.evaluations.address(), partial_sums.address(), global.address(), size, blocks,
                             batch.num_times, batch.times_are_shared ? 1u : 0u, solved.capacity});
  if (problem.is_fixed)
    words.insert(words.end(), {static_cast<std::uint64_t>(problem.options.steps_per_interval),
                               std::bit_cast<std::uint64_t>(problem.options.step_size)});
  module->launch(made.shapes.reverse, blocks, words, 0);
  if (shared_size == 0) return found;
  const std::size_t sum_blocks = num_blocks(shared_size, made.shapes.add_blocks.threads);
  module->launch(made.shapes.add_blocks, sum_blocks,
                 {partial_sums.address(), found.sums.address(), shared_size, blocks, sum_blocks}, 0);
  return found;
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
