#include "costate/exec/internal/batch_runner.h"

#include <algorithm>
#include <utility>

#include "costate/base/interrupt.h"
#include "costate/base/threads.h"

namespace costate::internal {
namespace {

// Sums over the batch are split into at most this many groups of neighbouring tiles: each group adds up its tiles in
// order, and the groups are added in order at the end. The number does not depend on the threads, nor do the sums.
constexpr std::size_t kMaxGroups = 64;
// Each group has sums of its own, which cost memory (groups × parameters): large models take fewer groups.
constexpr std::size_t kMaxGroupNumbers = std::size_t{1} << 24;

/// Samples first … first + count - 1 of [batch, size] side by side: [size, lanes]. Padding repeats the last one.
template <class T>
void pack(const HostArray& samples, std::size_t first, std::size_t count, std::size_t size, T* out, std::size_t lanes) {
  const auto copy = [&](const auto* from) {
    from += first * size;
    for (std::size_t row = 0; row < size; ++row, out += lanes) {
      for (std::size_t lane = 0; lane < count; ++lane) out[lane] = static_cast<T>(from[lane * size + row]);
      std::fill(out + count, out + lanes, out[count - 1]);
    }
  };
  samples.dtype() == Dtype::kF32 ? copy(samples.data<float>().data()) : copy(samples.data<double>().data());
}

/// Moves these lanes of x [rows, lanes] to the front, in order. The rest is padding and repeats the last one.
template <class T>
void keep_lanes(std::span<const std::size_t> kept, std::size_t rows, T* x, std::size_t lanes) {
  for (std::size_t row = 0; row < rows; ++row, x += lanes) {
    for (std::size_t i = 0; i < kept.size(); ++i) x[i] = x[kept[i]];
    std::fill(x + kept.size(), x + lanes, x[kept.size() - 1]);
  }
}

}  // namespace

template <class T>
std::unique_ptr<typename BatchRunner<T>::Worker> BatchRunner<T>::make_worker() const {
  auto worker = std::make_unique<Worker>();
  worker->rows.resize(tile_.lanes());
  std::size_t total = 0;
  for (std::size_t i = 0; i < function_.inputs().size(); ++i)
    if (!is_shared(i)) total += padded(input_size(i) * tile_.lanes());
  for (std::size_t i = 0; i < function_.outputs().size(); ++i)
    if (!is_sum(i)) total += padded(output_size(i) * tile_.lanes());
  worker->buffers.resize(total);
  T* next = worker->buffers.data();
  for (std::size_t i = 0; i < function_.inputs().size(); ++i) {
    worker->inputs.push_back(is_shared(i) ? nullptr : next);
    if (!is_shared(i)) next += padded(input_size(i) * tile_.lanes());
  }
  for (std::size_t i = 0; i < function_.outputs().size(); ++i) {
    worker->outputs.push_back(is_sum(i) ? nullptr : next);
    if (!is_sum(i)) next += padded(output_size(i) * tile_.lanes());
  }
  worker->saved.resize(tile_.saved_size());
  worker->workspace = tile_.make_workspace();
  return worker;
}

template <class T>
std::unique_ptr<typename BatchRunner<T>::Worker> BatchRunner<T>::take_worker() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Worker> worker = std::move(idle_.back());
      idle_.pop_back();
      return worker;
    }
  }
  return make_worker();
}

template <class T>
void BatchRunner<T>::give_worker(std::unique_ptr<Worker> worker) const {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(worker));
}

template <class T>
typename BatchRunner<T>::Common BatchRunner<T>::take_common(std::span<const HostArray* const> inputs,
                                                            std::size_t num_groups) const {
  Common common;
  {
    const std::lock_guard lock(mutex_);
    std::swap(common, idle_common_);
  }
  common.inputs.resize(inputs.size());
  std::vector<const T*> pointers(inputs.size(), nullptr);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!is_shared(i)) continue;
    common.inputs[i].resize(input_size(i));
    inputs[i]->copy_to(std::span<T>(common.inputs[i]));
    pointers[i] = common.inputs[i].data();
  }
  common.prepared.resize(tile_.shared_size());
  tile_.prepare(pointers, common.prepared.data());
  common.groups.resize(num_groups);
  return common;
}

template <class T>
void BatchRunner<T>::give_common(Common common) const {
  const std::lock_guard lock(mutex_);
  idle_common_ = std::move(common);
}

template <class T>
void BatchRunner<T>::run_tile(Worker& worker, std::span<const HostArray* const> inputs, const T* shared,
                              std::size_t tile, std::size_t batch, std::vector<HostArray>& outputs) const {
  const std::size_t lanes = tile_.lanes();
  const std::size_t first = tile * lanes;
  const std::size_t count = std::min(lanes, batch - first);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!is_shared(i)) pack(*inputs[i], first, count, input_size(i), worker.inputs[i], lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) worker.rows[lane] = first + std::min(lane, count - 1);
  TileCall<T> call{.inputs = worker.inputs,
                   .outputs = worker.outputs,
                   .given = inputs,
                   .given_rows = worker.rows,
                   .shared = shared,
                   .saved = worker.saved.data(),
                   .workspace = &worker.workspace,
                   .lane_weights = nullptr,
                   .num_samples = count,
                   .first_sample = static_cast<std::int64_t>(first),
                   .report = &worker.report};
  const std::size_t failures = worker.report.failures.size();
  tile_.run(Phase::kForward, call);
  tile_.run(Phase::kReverse, call);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (is_sum(i)) continue;
    const std::size_t size = output_size(i);
    T* out = outputs[i].template data<T>().data() + first * size;
    for (std::size_t lane = 0; lane < count; ++lane)
      for (std::size_t row = 0; row < size; ++row) out[lane * size + row] = worker.outputs[i][row * lanes + lane];
  }
  if (worker.report.failures.size() > failures && !leave_out_failed(worker, failures, call)) return;
  tile_.run(Phase::kAccumulate, call);
  tile_.finish_sums(worker.outputs, worker.workspace);
}

/// Runs the tile again without the samples that failed in it, whose NaNs would be in every sum over the batch. False if
/// none is left. `known`: the failures of earlier tiles.
template <class T>
bool BatchRunner<T>::leave_out_failed(Worker& worker, std::size_t known, TileCall<T>& call) const {
  const std::span failures = std::span(worker.report.failures).subspan(known);
  std::vector<std::size_t> kept;
  for (std::size_t lane = 0; lane < call.num_samples; ++lane) {
    const std::int64_t sample = call.first_sample + static_cast<std::int64_t>(lane);
    if (std::ranges::none_of(failures, [&](const SampleFailure& failure) { return failure.sample == sample; }))
      kept.push_back(lane);
  }
  const auto is_sum = [](const Output& output) { return output.kind == OutputKind::kSum; };
  if (kept.empty() || std::ranges::none_of(function_.outputs(), is_sum)) return false;
  for (std::size_t i = 0; i < function_.inputs().size(); ++i)
    if (!is_shared(i)) keep_lanes(kept, input_size(i), worker.inputs[i], tile_.lanes());
  keep_lanes(kept, 1, worker.rows.data(), tile_.lanes());
  call.num_samples = kept.size();
  call.report = nullptr;  // the first run has told all
  tile_.run(Phase::kForward, call);
  tile_.run(Phase::kReverse, call);
  return true;
}

/// One thread's share of a run: tiles first … last - 1, in order.
template <class T>
void BatchRunner<T>::run_group(std::span<const HostArray* const> inputs, Common& common, const TileRange& tiles,
                               std::size_t batch, TileGroup& group, std::vector<HostArray>& outputs) const {
  std::unique_ptr<Worker> worker = take_worker();
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (is_shared(i)) worker->inputs[i] = common.inputs[i].data();
  group.sums.resize(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_sum(i)) continue;
    group.sums[i].assign(output_size(i), T{0});
    worker->outputs[i] = group.sums[i].data();
  }
  InterruptPoll poll;
  for (std::size_t tile = tiles.first; tile < tiles.last; ++tile) {
    run_tile(*worker, inputs, common.prepared.data(), tile, batch, outputs);
    poll();
  }
  group.report = std::exchange(worker->report, {});
  give_worker(std::move(worker));
}

template <class T>
RunResult BatchRunner<T>::run(std::span<const HostArray* const> inputs, std::size_t batch) const {
  const Dtype dtype = std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64;
  RunResult result;
  std::size_t sum_numbers = 1;
  for (std::size_t i = 0; i < function_.outputs().size(); ++i) {
    const Shape& shape = function_.output_shape(i);
    result.outputs.emplace_back(is_sum(i) ? shape : shape.with_first(static_cast<std::int64_t>(batch)), dtype);
    if (is_sum(i)) sum_numbers += output_size(i);
  }
  const std::size_t tiles = (batch + tile_.lanes() - 1) / tile_.lanes();
  const std::size_t count = std::min({tiles, kMaxGroups, std::max<std::size_t>(4, kMaxGroupNumbers / sum_numbers)});
  Common common = take_common(inputs, count);
  // A group's tiles are neighbours, so that reports stay in the order of the batch.
  parallel_for(count, [&](std::size_t g) {
    run_group(inputs, common, {g * tiles / count, (g + 1) * tiles / count}, batch, common.groups[g], result.outputs);
  });
  for (const TileGroup& group : common.groups) {
    for (std::size_t i = 0; i < result.outputs.size(); ++i) {
      const auto out = is_sum(i) ? result.outputs[i].template data<T>() : std::span<T>();
      for (std::size_t j = 0; j < out.size(); ++j) out[j] += group.sums[i][j];
    }
    result.report.merge(group.report);
  }
  give_common(std::move(common));
  return result;
}

template class BatchRunner<float>;
template class BatchRunner<double>;

}  // namespace costate::internal
