#include "costate/adjoint/internal/cuda/take_back.h"

#include <bit>

#include "costate/cuda/internal/shared_inputs.h"
#include "costate/solve/internal/cuda/device_stops.h"

namespace costate::internal {

AdjointKernels adjoint_kernels(const DeviceGradientProblem& problem, std::size_t shared_limit) {
  return AdjointKernels([&problem, shared_limit](CudaSource& source, std::size_t lanes) {
    return add_gradient_kernels(source, "costate", problem, lanes, shared_limit);
  });
}

template <class T>
DeviceGradient<T> take_back(KernelDevice& device, const DeviceGradientProblem& gradient, const AdjointKernels& kernels,
                            const DeviceSolved<T>& solved, std::size_t lanes, const DeviceBatch& batch,
                            std::uint64_t cotangents) {
  const DeviceProblem& problem = gradient.problem;
  const AdjointKernels::Made& made = kernels.of(lanes);
  const auto module = device.load(made.source);
  const DeviceInputs<T> inputs(device, problem, gradient.linear, lanes, batch);
  const DeviceStops<T> stops(device, problem, batch);
  const std::size_t size = batch.batch, blocks = num_blocks(size, lanes), shared_size = gradient.shared_size();
  DeviceGradient<T> found{.start = {device, size * problem.state_size},
                          .times = {device, gradient.wants_times ? size * batch.num_times : 0},
                          .sums = {device, shared_size},
                          .own = {},
                          .evaluations = {device, size}};
  const DeviceArray<T> partial_sums(device, blocks * shared_size);
  const DeviceArray<unsigned char> global(device, blocks * made.shapes.reverse.global_bytes);
  std::vector<std::uint64_t> words = inputs.words();
  words.insert(words.end(), stops.words().begin(), stops.words().end());
  words.insert(words.end(), {cotangents, solved.ends.address(), solved.counts.address(), solved.record_times.address(),
                             solved.record_sizes.address(), solved.record_states.address(), found.start.address()});
  if (gradient.wants_times) words.push_back(found.times.address());
  for (const DeviceArgument& argument : gradient.arguments)
    if (!argument.is_shared) words.push_back(found.own.emplace_back(device, size * argument.size).address());
  words.insert(words.end(), {found.evaluations.address(), partial_sums.address(), global.address(), size, blocks,
                             batch.num_times, batch.times_are_shared ? 1u : 0u, solved.capacity});
  if (problem.is_fixed)
    words.insert(words.end(), {static_cast<std::uint64_t>(problem.options.steps_per_interval),
                               std::bit_cast<std::uint64_t>(problem.options.step_size)});
  module->launch(made.shapes.reverse, blocks, words, batch.given.stream);
  if (shared_size == 0) return found;
  const std::size_t sum_blocks = num_blocks(shared_size, made.shapes.add_blocks.threads);
  module->launch(made.shapes.add_blocks, sum_blocks,
                 {partial_sums.address(), found.sums.address(), shared_size, blocks, sum_blocks}, batch.given.stream);
  return found;
}

template DeviceGradient<float> take_back(KernelDevice&, const DeviceGradientProblem&, const AdjointKernels&,
                                         const DeviceSolved<float>&, std::size_t, const DeviceBatch&, std::uint64_t);
template DeviceGradient<double> take_back(KernelDevice&, const DeviceGradientProblem&, const AdjointKernels&,
                                          const DeviceSolved<double>&, std::size_t, const DeviceBatch&, std::uint64_t);

}  // namespace costate::internal
