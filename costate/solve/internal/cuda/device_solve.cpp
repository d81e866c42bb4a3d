#include "costate/solve/internal/cuda/device_solve.h"

#include <bit>

#include "costate/base/error.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/shared_inputs.h"
#include "costate/solve/internal/failure_advice.h"

namespace costate::internal {
namespace {

template <class T>
std::vector<T> numbers_of(const HostArray& array) {
  std::vector<T> numbers(static_cast<std::size_t>(array.size()));
  array.copy_to(std::span<T>(numbers));
  return numbers;
}

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
class DeviceSolve {
 public:
  DeviceSolve(KernelDevice& device, const DeviceProblem& problem, std::size_t lanes, const HostBatch& batch)
      : device_(device),
        problem_(problem),
        lanes_(lanes),
        batch_(batch),
        size_(batch.sizes.batch),
        states_(device, size_ * batch.sizes.times * problem.state_size),
        ends_(device, 5 * size_),
        counts_(device, 5 * size_),
        slopes_(device, size_ * problem.state_size) {}

  Solution run(KernelModule& module, const KernelShape& kernel, const VectorField& field) {
    give(numbers_of<T>(batch_.z0));
    give(batch_.times.numbers());
    give_arguments(field);
    std::vector<T> rtols(problem_.measure.rtol.begin(), problem_.measure.rtol.end());
    std::vector<T> atols(problem_.measure.atol.begin(), problem_.measure.atol.end());
    give(rtols);
    give(atols);
    const std::size_t blocks = num_blocks(size_, lanes_);
    const DeviceArray<unsigned char> global(device_, blocks * kernel.global_bytes);
    const SolveOptions& options = problem_.options;
    words_.insert(
        words_.end(),
        {states_.address(), ends_.address(), counts_.address(), slopes_.address(), global.address(), size_, blocks,
         batch_.sizes.times, batch_.sizes.times_are_shared ? 1u : 0u, static_cast<std::uint64_t>(options.max_steps),
         static_cast<std::uint64_t>(options.steps_per_interval), options.at_min_step == AtMinStep::kAccept ? 1u : 0u,
         word(options.step_size), word(options.first_step), word(options.min_step), word(options.max_step)});
    module.launch(kernel, blocks, words_);
    return solution();
  }

 private:
  template <class Number>
  void give(const std::vector<Number>& numbers) {
    DeviceArray<Number> array(device_, std::span<const Number>(numbers));
    words_.push_back(array.address());
    if constexpr (std::is_same_v<Number, T>)
      inputs_.push_back(std::move(array));
    else
      times_.push_back(std::move(array));
  }

  void give_arguments(const VectorField& field) {
    // Of the kernel's field, whose first inputs, times and state, are of samples.
    const std::vector<Input>& inputs = problem_.field.inputs();
    const std::size_t first = problem_.num_times + problem_.part_offsets.size();
    std::vector<HostArray> given(first);
    for (const FieldValue& value : field_values(field, batch_.arguments))
      if (!value.input->parameter) given.push_back(*value.value);
    const SharedInputs<T> shared(problem_.field, lanes_, given);
    std::size_t next = first;
    for (std::size_t i = first; i < inputs.size(); ++i) {
      const HostArray* array = inputs[i].parameter ? nullptr : &given[next++];
      const std::span<const T> numbers = shared.of_input(i);
      give(inputs[i].kind == InputKind::kShared ? std::vector<T>(numbers.begin(), numbers.end())
                                                : numbers_of<T>(*array));
    }
    give(std::vector<T>(shared.prepared().begin(), shared.prepared().end()));
    std::vector<double> of_time;
    if (problem_.of_time) {
      const SharedInputs<double> prepared(*problem_.of_time, lanes_, std::vector<HostArray>(1));
      of_time.assign(prepared.prepared().begin(), prepared.prepared().end());
    }
    give(of_time);
  }

  Solution solution() const {
    Solution solution;
    const Shape& state = batch_.sizes.state;
    const auto samples = static_cast<std::int64_t>(size_), times = static_cast<std::int64_t>(batch_.sizes.times);
    solution.states = HostArray(state.with_first(times).with_first(samples), states_.numbers());
    make_room(solution, size_);
    const std::vector<double> ends = ends_.numbers();
    const std::vector<std::int64_t> counts = counts_.numbers();
    std::vector<T> slopes = slopes_.numbers(), last(slopes.size());
    if (!problem_.is_fixed) {
      SolveEnd& end = solution.end;
      for (auto* numbers : {&end.times, &end.steps, &end.previous_log, &end.before_log}) numbers->resize(size_);
      for (auto* numbers : {&end.takes_implicit, &end.streaks}) numbers->resize(size_);
      end.knows_slope.resize(size_);
    }
    const std::vector<T> all = states_.numbers();
    for (std::size_t i = 0; i < size_; ++i) {
      LaneOutcome outcome{.status = static_cast<Status>(counts[i]),
                          .t = ends[i],
                          .h = ends[size_ + i],
                          .nfe = counts[size_ + i],
                          .accepted = counts[2 * size_ + i],
                          .rejected = counts[3 * size_ + i]};
      keep_outcome(solution, i, outcome);
      if (problem_.is_fixed) continue;
      const bool is_there = outcome.status == Status::kOk, knows_slope = counts[4 * size_ + i] != 0;
      SolveEnd& end = solution.end;
      end.times[i] = outcome.t;
      end.steps[i] = is_there ? ends[2 * size_ + i] : 0;
      end.previous_log[i] = is_there ? ends[3 * size_ + i] : 0;
      end.before_log[i] = is_there ? ends[4 * size_ + i] : 0;
      end.knows_slope[i] = knows_slope;
      for (std::size_t row = 0; row < problem_.state_size; ++row) {
        last[i * problem_.state_size + row] = all[((i + 1) * batch_.sizes.times - 1) * problem_.state_size + row];
        if (!knows_slope) slopes[i * problem_.state_size + row] = 0;
      }
    }
    if (!problem_.is_fixed) {
      solution.end.states = HostArray(state.with_first(samples), std::move(last));
      solution.end.slopes = HostArray(state.with_first(samples), std::move(slopes));
    }
    solution.advice = advice_on_first_failure(solution, problem_.options, batch_);
    return solution;
  }

  KernelDevice& device_;
  const DeviceProblem& problem_;
  std::size_t lanes_;
  const HostBatch& batch_;
  std::size_t size_;
  DeviceArray<T> states_;
  DeviceArray<double> ends_;
  DeviceArray<std::int64_t> counts_;
  DeviceArray<T> slopes_;
  std::vector<DeviceArray<T>> inputs_;
  std::vector<DeviceArray<double>> times_;
  std::vector<std::uint64_t> words_;
};

}  // namespace

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
  if (problem.rounds_time) check_f32_times(batch);
  if (problem.options.dtype == Dtype::kF32)
    return DeviceSolve<float>(device, problem, lanes, batch).run(module, kernel, field);
  return DeviceSolve<double>(device, problem, lanes, batch).run(module, kernel, field);
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
