#include "costate/solve/internal/cuda/device_solve.h"

#include <bit>

#include "costate/base/error.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/shared_inputs.h"
#include "costate/solve/internal/failure_advice.h"

namespace costate::internal {
namespace {

std::uint64_t word(double number) { return std::bit_cast<std::uint64_t>(number); }

void check_batch(const DeviceProblem& problem, std::size_t lanes, const HostBatch& batch) {
  const auto refuse = [](bool is_asked_for, const char* what) {
    if (is_asked_for)
      throw NotSupported("[solve] device = cuda does not have ", what, " yet; solve on the CPU (device = cpu).");
  };
  refuse(batch.events != nullptr, "events");
  refuse(batch.watch != nullptr, "a solve that is watched");
  refuse(batch.resume != nullptr, "a solve that goes on with another one's steps");
  if (problem.options.control == Control::kJoint && batch.sizes.batch > lanes)
    throw NotSupported("[solve] device = cuda has joint control of at most ", lanes,
                       " samples, which one block solves; got ", batch.sizes.batch,
                       ". Take control = per_sample, or solve on the CPU (device = cpu).");
}

template <class T>
Solution solution_of(const DeviceProblem& problem, const HostBatch& batch, const DeviceSolved<T>& solved) {
  Solution solution;
  const std::size_t size = batch.sizes.batch, states = problem.state_size;
  const Shape& state = batch.sizes.state;
  const auto samples = static_cast<std::int64_t>(size), times = static_cast<std::int64_t>(batch.sizes.times);
  const std::vector<T> all = solved.states.numbers();
  solution.states = HostArray(state.with_first(times).with_first(samples), all);
  make_room(solution, size);
  const std::vector<double> ends = solved.ends.numbers();
  const std::vector<std::int64_t> counts = solved.counts.numbers();
  for (std::size_t i = 0; i < size; ++i)
    keep_outcome(solution, i,
                 LaneOutcome{.status = static_cast<Status>(counts[i]),
                             .t = ends[i],
                             .h = ends[size + i],
                             .nfe = counts[size + i],
                             .accepted = counts[2 * size + i],
                             .rejected = counts[3 * size + i]});
  solution.advice = advice_on_first_failure(solution, problem.options, batch);
  if (problem.is_fixed) return solution;
  SolveEnd& end = solution.end;
  std::vector<T> slopes = solved.slopes.numbers(), last(slopes.size());
  end.takes_implicit.resize(size);
  end.streaks.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const bool is_there = solution.status[i] == Status::kOk, knows_slope = counts[4 * size + i] != 0;
    end.times.push_back(ends[i]);
    end.steps.push_back(is_there ? ends[2 * size + i] : 0);
    end.previous_log.push_back(is_there ? ends[3 * size + i] : 0);
    end.before_log.push_back(is_there ? ends[4 * size + i] : 0);
    end.knows_slope.push_back(knows_slope);
    for (std::size_t row = 0; row < states; ++row) {
      last[i * states + row] = all[((i + 1) * batch.sizes.times - 1) * states + row];
      if (!knows_slope) slopes[i * states + row] = 0;
    }
  }
  end.states = HostArray(state.with_first(samples), std::move(last));
  end.slopes = HostArray(state.with_first(samples), std::move(slopes));
  return solution;
}

template <class T>
Solution run_as(KernelDevice& device, KernelModule& module, const KernelShape& kernel, const DeviceProblem& problem,
                std::size_t lanes, const VectorField& field, const HostBatch& batch) {
  const DeviceInputs<T> inputs(device, problem, problem.field, lanes, field, batch);
  return solution_of(problem, batch, launch_solve<T>(device, module, kernel, problem, lanes, inputs, batch, 0));
}

}  // namespace

template <class T>
DeviceInputs<T>::DeviceInputs(KernelDevice& device, const DeviceProblem& problem, const DeviceField& kernel_field,
                              std::size_t lanes, const VectorField& field, const HostBatch& batch)
    : device_(device) {
  const auto numbers_of = [](const HostArray& array) {
    std::vector<T> numbers(static_cast<std::size_t>(array.size()));
    array.copy_to(std::span<T>(numbers));
    return numbers;
  };
  give(numbers_of(batch.z0));
  give(batch.times.numbers());
  // Of the kernel's field: times and state, which are of samples, arguments, and what is late.
  const std::vector<Input>& all = kernel_field.function.inputs();
  const std::size_t first = kernel_field.num_times + problem.part_offsets.size();
  std::vector<HostArray> given(first);
  for (const FieldValue& value : field_values(field, batch.arguments))
    if (!value.input->parameter) given.push_back(*value.value);
  given.resize(given.size() + kernel_field.late_inputs.size());
  const SharedInputs<T> shared(kernel_field.function, lanes, given, kernel_field.late_inputs);
  std::size_t next = first;
  for (std::size_t i = first; i + kernel_field.late_inputs.size() < all.size(); ++i) {
    const HostArray* array = all[i].parameter ? nullptr : &given[next++];
    const std::span<const T> numbers = shared.of_input(i);
    give(all[i].kind == InputKind::kShared ? std::vector<T>(numbers.begin(), numbers.end()) : numbers_of(*array));
  }
  give(std::vector<T>(shared.prepared().begin(), shared.prepared().end()));
  std::vector<double> of_time;
  if (kernel_field.of_time) {
    const SharedInputs<double> prepared(*kernel_field.of_time, lanes, std::vector<HostArray>(1));
    of_time.assign(prepared.prepared().begin(), prepared.prepared().end());
  }
  give(of_time);
}

template <class T>
DeviceSolved<T> launch_solve(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                             const DeviceProblem& problem, std::size_t lanes, const DeviceInputs<T>& inputs,
                             const HostBatch& batch, std::size_t capacity) {
  const std::size_t size = batch.sizes.batch, states = problem.state_size, blocks = num_blocks(size, lanes);
  DeviceSolved<T> solved{.states = DeviceArray<T>(device, size * batch.sizes.times * states),
                         .slopes = DeviceArray<T>(device, size * states),
                         .ends = DeviceArray<double>(device, 5 * size),
                         .counts = DeviceArray<std::int64_t>(device, 5 * size),
                         .record_times = DeviceArray<double>(device, size * capacity),
                         .record_sizes = DeviceArray<double>(device, size * capacity),
                         .record_states = DeviceArray<T>(device, size * capacity * states),
                         .capacity = capacity};
  const DeviceArray<T> rtols(device, std::vector<T>(problem.measure.rtol.begin(), problem.measure.rtol.end())),
      atols(device, std::vector<T>(problem.measure.atol.begin(), problem.measure.atol.end()));
  const DeviceArray<unsigned char> global(device, blocks * kernel.global_bytes);
  const SolveOptions& options = problem.options;
  std::vector<std::uint64_t> words = inputs.words();
  words.insert(words.end(), {rtols.address(),
                             atols.address(),
                             solved.states.address(),
                             solved.ends.address(),
                             solved.counts.address(),
                             solved.slopes.address(),
                             global.address(),
                             size,
                             blocks,
                             batch.sizes.times,
                             batch.sizes.times_are_shared ? 1u : 0u,
                             static_cast<std::uint64_t>(options.max_steps),
                             static_cast<std::uint64_t>(options.steps_per_interval),
                             options.at_min_step == AtMinStep::kAccept ? 1u : 0u,
                             word(options.step_size),
                             word(options.first_step),
                             word(options.min_step),
                             word(options.max_step),
                             solved.record_times.address(),
                             solved.record_sizes.address(),
                             solved.record_states.address(),
                             capacity});
  module.launch(kernel, blocks, words);
  return solved;
}

template class DeviceInputs<float>;
template class DeviceInputs<double>;
template DeviceSolved<float> launch_solve(KernelDevice&, KernelModule&, const KernelShape&, const DeviceProblem&,
                                          std::size_t, const DeviceInputs<float>&, const HostBatch&, std::size_t);
template DeviceSolved<double> launch_solve(KernelDevice&, KernelModule&, const KernelShape&, const DeviceProblem&,
                                           std::size_t, const DeviceInputs<double>&, const HostBatch&, std::size_t);

DeviceTile device_tile(const DeviceProblem& problem, std::size_t batch, std::size_t shared_limit) {
  constexpr std::size_t kSmallest = 32;
  DeviceTile tile;
  for (; tile.lanes > kSmallest; tile.lanes /= 2) {
    CudaSource draft(tile.threads);
    if (batch > tile.lanes / 2 && add_solve_kernel(draft, "draft", problem, tile.lanes, shared_limit).global_bytes == 0)
      break;
  }
  return tile;
}

Solution run_solve_kernel(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                          const DeviceProblem& problem, std::size_t lanes, const VectorField& field,
                          const HostBatch& batch) {
  check_batch(problem, lanes, batch);
  if (problem.field.rounds_time) check_f32_times(batch);
  if (problem.options.dtype == Dtype::kF32) return run_as<float>(device, module, kernel, problem, lanes, field, batch);
  return run_as<double>(device, module, kernel, problem, lanes, field, batch);
}

Solution solve_on_device(KernelDevice& device, const VectorField& field, const SolveOptions& options,
                         const HostBatch& batch) {
  const DeviceProblem problem(field, options);
  const DeviceTile tile = device_tile(problem, batch.sizes.batch, device.shared_limit());
  check_batch(problem, tile.lanes, batch);
  CudaSource source(tile.threads);
  const KernelShape kernel = add_solve_kernel(source, "costate", problem, tile.lanes, device.shared_limit());
  const auto module = device.load(source.text());
  return run_solve_kernel(device, *module, kernel, problem, tile.lanes, field, batch);
}

}  // namespace costate::internal
