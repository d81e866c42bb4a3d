#include "costate/solve/internal/cuda/device_solve.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "costate/base/error.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/shared_inputs.h"
#include "costate/solve/internal/cuda/device_guard.h"
#include "costate/solve/internal/cuda/device_stops.h"
#include "costate/solve/internal/failure_advice.h"

namespace costate::internal {
namespace {

constexpr std::size_t kEndColumns = 5;  // of DeviceSolved's ends, and of its counts

std::uint64_t word(double number) { return std::bit_cast<std::uint64_t>(number); }

void check_batch(const HostBatch& batch) {
  const auto refuse = [](bool is_asked_for, const char* what) {
    if (is_asked_for)
      throw NotSupported("[solve] device = cuda does not have ", what, " yet; solve on the CPU (device = cpu).");
  };
  refuse(batch.events != nullptr, "events");
  refuse(batch.watch != nullptr, "a solve that is watched");
  refuse(batch.resume != nullptr, "a solve that goes on with another one's steps");
}

void check_lanes(const DeviceProblem& problem, std::size_t lanes, std::size_t batch) {
  if (problem.options.control == Control::kJoint && batch > lanes)
    throw NotSupported("[solve] device = cuda has joint control of at most ", lanes,
                       " samples, which one block solves; got ", batch,
                       ". Take control = per_sample, or solve on the CPU (device = cpu).");
}

/// Of a step's dense output; 0 where that is not kept.
std::size_t dense_numbers(const DeviceProblem& problem) {
  return problem.keeps_dense ? static_cast<std::size_t>(problem.tableau->dense_degree + 1) * problem.state_size : 0;
}

/// The first `count` of each sample's steps, one sample after the other.
template <class T>
std::vector<T> first_steps(const DeviceArray<T>& recorded, std::span<const std::int64_t> counts, std::size_t capacity,
                           std::size_t size) {
  const std::vector<T> all = recorded.numbers();
  std::vector<T> steps;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const T* first = all.data() + i * capacity * size;
    steps.insert(steps.end(), first, first + static_cast<std::size_t>(counts[i]) * size);
  }
  return steps;
}

template <class T>
DenseSolution::Steps dense_steps(const DeviceProblem& problem, const HostBatch& batch, const DeviceSolved<T>& solved,
                                 std::span<const std::int64_t> accepted) {
  DenseSolution::Steps steps;
  steps.first = {0};
  for (std::size_t i = 0; i < accepted.size(); ++i) {
    steps.first.push_back(steps.first.back() + accepted[i]);
    const std::size_t first = batch.sizes.times_are_shared ? 0 : i * batch.sizes.times;
    steps.t0.push_back(batch.times.at(static_cast<std::int64_t>(first)));
    steps.t1.push_back(batch.times.at(static_cast<std::int64_t>(first + batch.sizes.times - 1)));
  }
  steps.starts = first_steps(solved.record_times, accepted, solved.capacity, 1);
  steps.sizes = first_steps(solved.record_sizes, accepted, solved.capacity, 1);
  steps.ends = first_steps(solved.dense_ends, accepted, solved.capacity, 1);
  const Shape terms = batch.sizes.state.with_first(problem.tableau->dense_degree + 1);
  steps.coefficients =
      HostArray(terms.with_first(steps.first.back()),
                first_steps(solved.dense_coefficients, accepted, solved.capacity, dense_numbers(problem)));
  steps.z0 = batch.z0.astype(problem.options.dtype);
  return steps;
}

template <class T>
Solution run_as(KernelDevice& device, KernelModule& module, const KernelShape& kernel, const DeviceProblem& problem,
                std::size_t lanes, const VectorField& field, const HostBatch& batch, const DeviceGiven& given,
                DenseSolution::Steps* dense) {
  DeviceBatch numbers = device_batch(field, batch);
  numbers.given = given;
  const DeviceInputs<T> inputs(device, problem, problem.field, lanes, numbers);
  std::optional<DeviceSolved<T>> solved;
  Solution solution;
  const auto solve_in = [&](std::size_t room) {
    solved = launch_solve<T>(device, module, kernel, problem, lanes, inputs, numbers, room);
    solution = solution_of(problem, batch, *solved, given.states != 0);
    return static_cast<std::size_t>(std::ranges::max(solution.accepted));
  };
  if (dense == nullptr) {
    solve_in(0);
    return solution;
  }
  constexpr std::size_t kFirst = 64;
  solve_with_room(kFirst, solve_in);
  *dense = dense_steps(problem, batch, *solved, solution.accepted);
  return solution;
}

template <class T>
HostArray copied(KernelDevice& device, const DeviceNumbers& there) {
  std::vector<T> numbers(static_cast<std::size_t>(there.shape.size()));
  device.copy_to_host(numbers.data(), there.address, numbers.size() * sizeof(T));
  return {there.shape, std::move(numbers)};
}

}  // namespace

std::vector<HostArray> read_by_host(KernelDevice& device, const VectorField& field, const StopTables* stops,
                                    const DeviceSolve& there, Dtype dtype) {
  std::vector<HostArray> arguments(there.arguments.size());
  if (stops == nullptr || !stops->of_arguments) return arguments;
  device.wait(there.stream);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (stops->inputs[1 + field.parts().size() + i] == 0) continue;
    const DeviceNumbers& numbers = there.arguments[i];
    arguments[i] = dtype == Dtype::kF32 ? copied<float>(device, numbers) : copied<double>(device, numbers);
  }
  return arguments;
}

DeviceGiven given_there(const VectorField& field, const DeviceSolve& there) {
  DeviceGiven given{.z0 = there.z0.address, .states = there.states.address, .stream = there.stream};
  for (std::size_t i = 0; i < there.arguments.size(); ++i) {
    given.arguments.push_back(there.arguments[i].address);
    given.shares |= field.arguments()[i].kind == InputKind::kShared;
  }
  return given;
}

template <class T>
Solution solution_of(const DeviceProblem& problem, const HostBatch& batch, const DeviceSolved<T>& solved,
                     bool stays_there) {
  Solution solution;
  const std::size_t size = batch.sizes.batch, states = problem.state_size;
  const Shape& state = batch.sizes.state;
  const auto samples = static_cast<std::int64_t>(size), times = static_cast<std::int64_t>(batch.sizes.times);
  make_room(solution, size);
  const SampleEnds ends = solved.read_ends();
  for (std::size_t i = 0; i < size; ++i) keep_outcome(solution, i, ends.outcomes[i]);
  solution.advice = advice_on_first_failure(solution, problem.options, batch);
  if (stays_there) return solution;
  const std::vector<T> all = solved.states.numbers();
  solution.states = HostArray(state.with_first(times).with_first(samples), all);
  if (problem.is_fixed) return solution;
  SolveEnd& end = solution.end;
  std::vector<T> slopes = solved.slopes.numbers(), last(slopes.size());
  end.takes_implicit.resize(size);
  end.streaks.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const bool is_there = solution.status[i] == Status::kOk, knows_slope = ends.know_slopes[i];
    end.times.push_back(ends.outcomes[i].t);
    end.steps.push_back(is_there ? ends.next_steps[i] : 0);
    end.previous_log.push_back(is_there ? ends.previous_logs[i] : 0);
    end.before_log.push_back(is_there ? ends.before_logs[i] : 0);
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

template Solution solution_of(const DeviceProblem&, const HostBatch&, const DeviceSolved<float>&, bool);
template Solution solution_of(const DeviceProblem&, const HostBatch&, const DeviceSolved<double>&, bool);

DeviceBatch device_batch(const VectorField& field, const HostBatch& batch) {
  DeviceBatch numbers{.z0 = batch.z0,
                      .times = batch.times,
                      .values = {},
                      .batch = batch.sizes.batch,
                      .num_times = batch.sizes.times,
                      .times_are_shared = batch.sizes.times_are_shared};
  for (const FieldValue& given : field_values(field, batch.arguments)) numbers.values.push_back(given.value);
  return numbers;
}

template <class T>
DeviceInputs<T>::DeviceInputs(KernelDevice& device, const DeviceProblem& problem, const DeviceField& kernel_field,
                              std::size_t lanes, const DeviceBatch& batch)
    : batch_(batch) {
  give(batch.given.z0 != 0 ? DeviceArray<T>::view(device, batch.given.z0, batch.batch * problem.state_size)
                           : on_device<T>(device, batch.z0));
  give(on_device<double>(device, batch.times));
  for (std::size_t i = 0; i < batch.values.size(); ++i) {
    const std::uint64_t there = i < batch.given.arguments.size() ? batch.given.arguments[i] : 0;
    give(there != 0 ? DeviceArray<T>::view(device, there, 0) : on_device<T>(device, *batch.values[i]));
    arguments_.push_back(words_.back());
  }
  // Before them are times and state, behind them what is late.
  const std::size_t before = kernel_field.num_times + problem.part_offsets.size();
  const std::size_t after = kernel_field.function.inputs().size() - before - batch.values.size();
  give(prepared_numbers<T>(device, kernel_field, lanes, shared_numbers(before, after)));
  give(prepared_time(device, kernel_field, lanes));
}

template <class T>
SharedNumbers DeviceInputs<T>::shared_numbers(std::size_t before, std::size_t after) const {
  SharedNumbers numbers{.host = std::vector<const HostArray*>(before, nullptr),
                        .there = std::vector<std::uint64_t>(before, 0),
                        .are_there = batch_.given.shares,
                        .stream = batch_.given.stream};
  numbers.host.insert(numbers.host.end(), batch_.values.begin(), batch_.values.end());
  numbers.there.insert(numbers.there.end(), arguments_.begin(), arguments_.end());
  numbers.host.resize(numbers.host.size() + after, nullptr);
  numbers.there.resize(numbers.there.size() + after, 0);
  return numbers;
}

template <class T>
SampleEnds DeviceSolved<T>::read_ends() const {
  const std::vector<double> numbers = ends.numbers();
  const std::vector<std::int64_t> counted = counts.numbers();
  const std::size_t size = numbers.size() / kEndColumns;
  const auto column = [size](const auto& all, std::size_t k) { return std::span(all).subspan(k * size, size); };
  const auto t = column(numbers, 0), h = column(numbers, 1), next_steps = column(numbers, 2),
             previous_logs = column(numbers, 3), before_logs = column(numbers, 4);
  const auto statuses = column(counted, 0), nfe = column(counted, 1), accepted = column(counted, 2),
             rejected = column(counted, 3), know_slopes = column(counted, 4);
  SampleEnds read{.outcomes = {},
                  .next_steps = {next_steps.begin(), next_steps.end()},
                  .previous_logs = {previous_logs.begin(), previous_logs.end()},
                  .before_logs = {before_logs.begin(), before_logs.end()},
                  .know_slopes = {know_slopes.begin(), know_slopes.end()}};
  for (std::size_t i = 0; i < size; ++i)
    read.outcomes.push_back({.status = static_cast<Status>(statuses[i]),
                             .t = t[i],
                             .h = h[i],
                             .nfe = nfe[i],
                             .accepted = accepted[i],
                             .rejected = rejected[i]});
  return read;
}

template <class T>
DeviceSolved<T> launch_solve(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                             const DeviceProblem& problem, std::size_t lanes, const DeviceInputs<T>& inputs,
                             const DeviceBatch& batch, std::size_t capacity) {
  check_lanes(problem, lanes, batch.batch);
  if (problem.field.rounds_time) check_f32_times(batch.times, batch.num_times);
  const std::size_t size = batch.batch, states = problem.state_size, blocks = num_blocks(size, lanes);
  const std::size_t num_states = size * batch.num_times * states;
  DeviceSolved<T> solved{.states = batch.given.states != 0
                                       ? DeviceArray<T>::view(device, batch.given.states, num_states)
                                       : DeviceArray<T>(device, num_states),
                         .slopes = DeviceArray<T>(device, size * states),
                         .ends = DeviceArray<double>(device, kEndColumns * size),
                         .counts = DeviceArray<std::int64_t>(device, kEndColumns * size),
                         .record_times = DeviceArray<double>(device, size * capacity),
                         .record_sizes = DeviceArray<double>(device, size * capacity),
                         .record_states = DeviceArray<T>(device, size * capacity * states),
                         .dense_coefficients = DeviceArray<T>(device, size * capacity * dense_numbers(problem)),
                         .dense_ends = DeviceArray<double>(device, problem.keeps_dense ? size * capacity : 0),
                         .capacity = capacity};
  const DeviceArray<T> rtols(device, std::vector<T>(problem.measure.rtol.begin(), problem.measure.rtol.end())),
      atols(device, std::vector<T>(problem.measure.atol.begin(), problem.measure.atol.end()));
  const DeviceArray<unsigned char> global(device, blocks * kernel.global_bytes);
  const SolveOptions& options = problem.options;
  std::vector<std::uint64_t> words = inputs.words();
  std::optional<DeviceGuardInputs<T>> guard;
  if (problem.guard) {
    guard.emplace(device, problem, lanes, inputs);
    words.insert(words.end(), guard->words().begin(), guard->words().end());
  }
  const DeviceStops<T> stops(device, problem, batch);
  words.insert(words.end(), stops.words().begin(), stops.words().end());
  words.insert(words.end(), {rtols.address(),
                             atols.address(),
                             solved.states.address(),
                             solved.ends.address(),
                             solved.counts.address(),
                             solved.slopes.address(),
                             global.address(),
                             size,
                             blocks,
                             batch.num_times,
                             batch.times_are_shared ? 1u : 0u,
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
  if (problem.keeps_dense)
    words.insert(words.end(), {solved.dense_coefficients.address(), solved.dense_ends.address()});
  module.launch(kernel, blocks, words, batch.given.stream);
  return solved;
}

template class DeviceInputs<float>;
template class DeviceInputs<double>;
template struct DeviceSolved<float>;
template struct DeviceSolved<double>;
template DeviceSolved<float> launch_solve(KernelDevice&, KernelModule&, const KernelShape&, const DeviceProblem&,
                                          std::size_t, const DeviceInputs<float>&, const DeviceBatch&, std::size_t);
template DeviceSolved<double> launch_solve(KernelDevice&, KernelModule&, const KernelShape&, const DeviceProblem&,
                                           std::size_t, const DeviceInputs<double>&, const DeviceBatch&, std::size_t);

SolveKernels solve_kernels(const DeviceProblem& problem, std::size_t shared_limit) {
  return SolveKernels([&problem, shared_limit](CudaSource& source, std::size_t lanes) {
    return add_solve_kernel(source, "costate", problem, lanes, shared_limit);
  });
}

std::size_t lanes_of_batch(const SolveKernels& kernels, std::size_t batch) {
  constexpr std::size_t kSmall = 32, kLarge = 64;
  if (batch <= kSmall) return kSmall;
  const KernelShape& large = kernels.of(kLarge).shapes;
  return large.global_bytes == large.rare_bytes ? kLarge : kSmall;
}

Solution run_solve_kernel(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                          const DeviceProblem& problem, std::size_t lanes, const VectorField& field,
                          const HostBatch& batch, const DeviceGiven& given, DenseSolution::Steps* dense) {
  check_batch(batch);
  return problem.options.dtype == Dtype::kF32
             ? run_as<float>(device, module, kernel, problem, lanes, field, batch, given, dense)
             : run_as<double>(device, module, kernel, problem, lanes, field, batch, given, dense);
}

Solution solve_on_device(KernelDevice& device, const VectorField& field, const SolveOptions& options,
                         const HostBatch& batch, const DeviceGiven& given, DenseSolution::Steps* dense) {
  const DeviceProblem problem(field, options, dense != nullptr ? StepsAre::kDense : StepsAre::kKept);
  check_batch(batch);
  const SolveKernels kernels = solve_kernels(problem, device.shared_limit());
  const std::size_t lanes = lanes_of_batch(kernels, batch.sizes.batch);
  const SolveKernels::Made& made = kernels.of(lanes);
  return run_solve_kernel(device, *device.load(made.source), made.shapes, problem, lanes, field, batch, given, dense);
}

Solution solve_given(KernelDevice& device, const VectorField& field, const DeviceSolve& there, const HostArray& times,
                     const HostSizes& sizes, const SolveOptions& options) {
  const std::shared_ptr<const StopTables> stops = DeviceProblem(field, options).stops;
  const std::vector<HostArray> arguments = read_by_host(device, field, stops.get(), there, options.dtype);
  const DeviceGiven given = given_there(field, there);
  const HostArray z0;
  return solve_on_device(device, field, options, {.z0 = z0, .times = times, .arguments = arguments, .sizes = sizes},
                         given);
}

}  // namespace costate::internal
