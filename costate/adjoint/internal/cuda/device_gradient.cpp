#include "costate/adjoint/internal/cuda/device_gradient.h"

#include <algorithm>

#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/shared_inputs.h"
#include "costate/solve/internal/cuda/device_solve.h"

namespace costate::internal {
namespace {

template <class T>
DeviceGradient run_as(KernelDevice& device, KernelModule& module, const DeviceGradientKernels& kernels,
                      const DeviceGradientProblem& problem, std::size_t lanes, const VectorField& field,
                      const HostBatch& batch, const HostArray& cotangents) {
  constexpr std::size_t kFirstCapacity = 64;
  const std::size_t size = batch.sizes.batch;
  const DeviceProblem& solve = problem.problem;
  const DeviceInputs<T> inputs(device, solve, solve.field, lanes, field, batch);
  const auto solve_recording = [&](std::size_t capacity) {
    return launch_solve<T>(device, module, kernels.solve, solve, lanes, inputs, batch, capacity);
  };
  DeviceSolved<T> solved = solve_recording(kFirstCapacity);
  const std::vector<std::int64_t> counts = solved.counts.numbers();
  const auto accepted = std::span(counts).subspan(2 * size, size);
  // The same solve again takes the same steps.
  if (const auto most = static_cast<std::size_t>(std::ranges::max(accepted)); most > kFirstCapacity)
    solved = solve_recording(most);

  const DeviceInputs<T> linear_inputs(device, solve, problem.linear, lanes, field, batch);
  std::vector<T> given(static_cast<std::size_t>(cotangents.size()));
  cotangents.copy_to(std::span<T>(given));
  const DeviceArray<T> given_cotangents(device, std::span<const T>(given));
  const std::size_t blocks = num_blocks(size, lanes), shared_size = problem.shared_size();
  const std::vector<T> zeros(size * solve.state_size);
  const DeviceArray<T> start(device, std::span<const T>(zeros)), partial_sums(device, blocks * shared_size),
      sums(device, shared_size);
  const DeviceArray<unsigned char> global(device, blocks * kernels.gradient.reverse.global_bytes);
  std::vector<std::uint64_t> words = linear_inputs.words();
  words.insert(words.end(), {given_cotangents.address(), solved.ends.address(), solved.counts.address(),
                             solved.record_times.address(), solved.record_sizes.address(),
                             solved.record_states.address(), start.address()});
  std::vector<DeviceArray<T>> own;
  for (const DeviceArgument& argument : problem.arguments)
    if (!argument.is_shared) words.push_back(own.emplace_back(device, size * argument.size).address());
  words.insert(words.end(), {partial_sums.address(), global.address(), size, blocks, batch.sizes.times,
                             batch.sizes.times_are_shared ? 1u : 0u, solved.capacity});
  module.launch(kernels.gradient.reverse, blocks, words);
  if (shared_size > 0) {
    const std::size_t sum_blocks = num_blocks(shared_size, kernels.gradient.add_blocks.threads);
    module.launch(kernels.gradient.add_blocks, sum_blocks,
                  {partial_sums.address(), sums.address(), shared_size, blocks, sum_blocks});
  }

  const Shape& state = batch.sizes.state;
  const auto samples = static_cast<std::int64_t>(size);
  DeviceGradient gradient{
      .states = HostArray(state.with_first(static_cast<std::int64_t>(batch.sizes.times)).with_first(samples),
                          solved.states.numbers()),
      .start = HostArray(state.with_first(samples), start.numbers()),
      .arguments = {}};
  const std::vector<T> shared = sums.numbers();
  std::size_t at = 0, next_own = 0;
  const std::vector<Input>& all = field.function().inputs();
  for (std::size_t i = 0; i < problem.arguments.size(); ++i) {
    const Shape& shape = all[1 + field.parts().size() + i].shape;
    if (!problem.arguments[i].is_shared) {
      gradient.arguments.emplace_back(shape.with_first(samples), own[next_own++].numbers());
      continue;
    }
    const auto first = shared.begin() + static_cast<std::ptrdiff_t>(at);
    at += problem.arguments[i].size;
    gradient.arguments.emplace_back(shape, std::vector<T>(first, shared.begin() + static_cast<std::ptrdiff_t>(at)));
  }
  return gradient;
}

}  // namespace

DeviceGradientKernels add_solve_with_gradient(CudaSource& source, const std::string& name,
                                              const DeviceGradientProblem& problem, std::size_t lanes,
                                              std::size_t shared_limit) {
  return {add_solve_kernel(source, name, problem.problem, lanes, shared_limit),
          add_gradient_kernels(source, name + "_back", problem, lanes, shared_limit)};
}

DeviceGradient run_solve_with_gradient(KernelDevice& device, KernelModule& module, const DeviceGradientKernels& kernels,
                                       const DeviceGradientProblem& problem, std::size_t lanes,
                                       const VectorField& field, const HostBatch& batch, const HostArray& cotangents) {
  if (problem.problem.options.dtype == Dtype::kF32)
    return run_as<float>(device, module, kernels, problem, lanes, field, batch, cotangents);
  return run_as<double>(device, module, kernels, problem, lanes, field, batch, cotangents);
}

}  // namespace costate::internal
