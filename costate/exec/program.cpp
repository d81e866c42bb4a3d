// Cuts the batch into tiles, packs samples into lanes, runs the tiles on threads and reduces sums in a fixed order.
#include "costate/exec/program.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "costate/base/error.h"
#include "costate/base/threads.h"
#include "costate/exec/internal/tile_function.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/interpret.h"
#include "costate/graph/simplify.h"
#include "costate/plan/shared_tail.h"

namespace costate {
namespace internal {
namespace {

// Tiles are dealt to at most this many slots, each adding its tiles in order to sums of its own; the slots are added in
// order at the end. A fixed number, so that sums do not depend on the number of threads.
constexpr std::size_t kMaxSlots = 64;
// Sums of a slot cost memory (slots × parameters): large models take fewer slots.
constexpr std::size_t kMaxSlotNumbers = std::size_t{1} << 24;

// What tiles of all threads keep for the way back shares the last cache: above this, a tile takes half the samples.
constexpr std::size_t kMostKeptBytes = std::size_t{8} << 20;

/// Samples in lanes when there are some, features in lanes for one or two.
template <class T>
std::size_t choose_lanes(std::size_t batch) {
  const std::size_t width = simd_lanes<T>();
  if (batch <= 2 || width == 1) return 1;
  if (batch <= 2 * width) return rounded_lanes<T>(batch);
  // Two tiles of two vectors keep two cores busy where one of four would leave one idle, at no cost to a core. Tiles of
  // one size leave the last one no emptier than the others; four vectors do more a second than some more than three.
  const std::size_t tiles = std::max<std::size_t>(2, (batch + 4 * width - 1) / (4 * width));
  const std::size_t even = rounded_lanes<T>((batch + tiles - 1) / tiles);
  return even <= 3 * width || tiles == 2 ? even : 4 * width;
}

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

template <class T>
class BatchRunner {
 public:
  BatchRunner(const Function& function, std::size_t lanes) : function_(function), tile_(function, lanes) {}

  RunResult run(std::span<const HostArray* const> inputs, std::size_t batch) const;
  std::size_t kept_bytes() const { return tile_.kept_bytes(); }

 private:
  /// What a thread needs to run tiles, one after the other: the same memory for each, so that it stays in the cache.
  struct Worker {
    AlignedVector<T> buffers;         // tile inputs and outputs
    std::vector<T*> inputs, outputs;  // those that are shared or sums belong to the run
    AlignedVector<T> saved;
    TileWorkspace<T> workspace;
    RunReport report;
  };
  /// Sums over neighbouring tiles, and their report.
  struct Slot {
    std::vector<AlignedVector<T>> sums;
    RunReport report;
  };

  /// What a run holds besides its workers.
  struct Common {
    std::vector<AlignedVector<T>> inputs;  // the shared ones
    AlignedVector<T> prepared;
    std::vector<Slot> slots;
  };

  std::unique_ptr<Worker> make_worker() const;
  std::unique_ptr<Worker> take_worker() const;
  void give_worker(std::unique_ptr<Worker> worker) const;
  Common take_common(std::span<const HostArray* const> inputs, std::size_t num_slots) const;
  void give_common(Common common) const;
  void run_tile(Worker& worker, std::span<const HostArray* const> inputs, const T* shared, std::size_t tile,
                std::size_t batch, std::vector<HostArray>& outputs) const;
  std::size_t input_size(std::size_t i) const { return static_cast<std::size_t>(function_.inputs()[i].shape.size()); }
  std::size_t output_size(std::size_t i) const { return static_cast<std::size_t>(function_.output_shape(i).size()); }
  bool is_sum(std::size_t i) const { return function_.outputs()[i].kind == OutputKind::kSum; }
  bool is_shared(std::size_t i) const { return function_.inputs()[i].kind == InputKind::kShared; }

  Function function_;
  TileFunction<T> tile_;
  mutable std::mutex mutex_;
  // Kept between runs: a warm run allocates only its results.
  mutable std::vector<std::unique_ptr<Worker>> idle_;
  mutable Common idle_common_;
};

template <class T>
std::unique_ptr<typename BatchRunner<T>::Worker> BatchRunner<T>::make_worker() const {
  auto worker = std::make_unique<Worker>();
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
                                                            std::size_t num_slots) const {
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
  common.slots.resize(num_slots);
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
  const TileCall<T> call{.inputs = worker.inputs,
                         .outputs = worker.outputs,
                         .shared = shared,
                         .saved = worker.saved.data(),
                         .workspace = &worker.workspace,
                         .lane_weights = nullptr,
                         .num_samples = count,
                         .first_sample = static_cast<std::int64_t>(first),
                         .report = &worker.report};
  for (const Phase phase : {Phase::kForward, Phase::kReverse, Phase::kAccumulate}) tile_.run(phase, call);
  tile_.finish_sums(worker.outputs, worker.workspace);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (is_sum(i)) continue;
    const std::size_t size = output_size(i);
    T* out = outputs[i].template data<T>().data() + first * size;
    for (std::size_t lane = 0; lane < count; ++lane)
      for (std::size_t row = 0; row < size; ++row) out[lane * size + row] = worker.outputs[i][row * lanes + lane];
  }
}

template <class T>
RunResult BatchRunner<T>::run(std::span<const HostArray* const> inputs, std::size_t batch) const {
  const Dtype dtype = std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64;
  RunResult result;
  std::size_t sum_numbers = 1;
  for (std::size_t i = 0; i < function_.outputs().size(); ++i) {
    std::vector<std::int64_t> axes = function_.output_shape(i).axes();
    if (!is_sum(i)) axes.insert(axes.begin(), static_cast<std::int64_t>(batch));
    if (is_sum(i)) sum_numbers += output_size(i);
    result.outputs.emplace_back(Shape(std::move(axes)), dtype);
  }
  const std::size_t tiles = (batch + tile_.lanes() - 1) / tile_.lanes();
  const std::size_t slots = std::min({tiles, kMaxSlots, std::max<std::size_t>(4, kMaxSlotNumbers / sum_numbers)});
  Common common = take_common(inputs, slots);
  parallel_for(slots, [&](std::size_t s) {
    Slot& slot = common.slots[s];
    slot.sums.resize(result.outputs.size());
    std::unique_ptr<Worker> worker = take_worker();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (is_shared(i)) worker->inputs[i] = common.inputs[i].data();
    for (std::size_t i = 0; i < result.outputs.size(); ++i) {
      if (!is_sum(i)) continue;
      slot.sums[i].assign(output_size(i), T{0});
      worker->outputs[i] = slot.sums[i].data();
    }
    // Neighbouring tiles share a slot, so that reports stay in the order of the batch.
    for (std::size_t tile = s * tiles / slots; tile < (s + 1) * tiles / slots; ++tile)
      run_tile(*worker, inputs, common.prepared.data(), tile, batch, result.outputs);
    slot.report = std::exchange(worker->report, {});
    give_worker(std::move(worker));
  });
  for (Slot& slot : common.slots) {
    for (std::size_t i = 0; i < result.outputs.size(); ++i) {
      const auto out = is_sum(i) ? result.outputs[i].template data<T>() : std::span<T>();
      for (std::size_t j = 0; j < out.size(); ++j) out[j] += slot.sums[i][j];
    }
    result.report.merge(slot.report);
  }
  give_common(std::move(common));
  return result;
}

}  // namespace
}  // namespace internal

struct Program::Implementation {
  Function function;
  std::optional<internal::SharedTail> split;
  CompileOptions options;
  mutable std::mutex mutex;
  // One lowering a number of lanes: a batch of one and a full batch want different ones.
  mutable std::map<std::size_t, std::shared_ptr<const internal::BatchRunner<float>>> f32;
  mutable std::map<std::size_t, std::shared_ptr<const internal::BatchRunner<double>>> f64;

  template <class T>
  std::shared_ptr<const internal::BatchRunner<T>> runner(std::size_t batch) const {
    const std::size_t lanes = options.lanes > 0 ? options.lanes : internal::choose_lanes<T>(batch);
    const std::lock_guard lock(mutex);
    auto& runners = [&]() -> auto& {
      if constexpr (std::is_same_v<T, float>)
        return f32;
      else
        return f64;
    }
    ();
    auto& found = runners[lanes];
    if (found) return found;
    const auto make = [&](std::size_t count) {
      return std::make_shared<const internal::BatchRunner<T>>(split ? split->samples : function, count);
    };
    found = make(lanes);
    const std::size_t half = 2 * internal::simd_lanes<T>();
    if (options.lanes == 0 && lanes > half && found->kept_bytes() > internal::kMostKeptBytes) found = make(half);
    return found;
  }

  RunResult run_samples(std::span<const HostArray* const> inputs, std::size_t batch) const {
    return options.dtype == Dtype::kF32 ? runner<float>(batch)->run(inputs, batch)
                                        : runner<double>(batch)->run(inputs, batch);
  }
};

namespace {

/// Checks the arguments against the function and finds the batch size.
std::size_t check_inputs(const Function& function, std::span<const HostArray* const> inputs) {
  std::int64_t batch = -1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = function.inputs()[i];
    std::vector<std::int64_t> axes = inputs[i]->shape().axes();
    const bool is_sample = input.kind == InputKind::kSample;
    std::int64_t rows = -1;
    if (is_sample && !axes.empty()) {
      rows = axes.front();
      axes.erase(axes.begin());
    }
    if (!(Shape(axes) == input.shape) || (is_sample && rows < 0))
      throw ShapeError("[Program.run] input '", input.name, "' must have shape ", is_sample ? "[batch] + " : "",
                       input.shape, "; got ", inputs[i]->shape(), ".");
    if (!is_sample) continue;
    if (batch >= 0 && rows != batch)
      throw ShapeError("[Program.run] all inputs must have the same batch length; input '", input.name, "' has ", rows,
                       ", others have ", batch, ".");
    batch = rows;
  }
  return batch < 0 ? 1 : static_cast<std::size_t>(batch);
}

/// From the outputs of split.samples to those of the whole function.
void finish_sums(const internal::SharedTail& split, std::span<const HostArray* const> inputs, Dtype dtype,
                 RunResult& result) {
  std::vector<HostArray> given, outputs(split.kept.size() + split.made.size());
  for (const std::size_t position : split.shared_inputs) given.push_back(*inputs[position]);
  for (std::size_t i = 0; i < split.kept.size(); ++i) outputs[split.kept[i]] = std::move(result.outputs[i]);
  for (std::size_t i = split.kept.size(); i < result.outputs.size(); ++i) given.push_back(std::move(result.outputs[i]));
  std::vector<HostArray> made = interpret(split.tail, given);
  for (std::size_t i = 0; i < made.size(); ++i) outputs[split.made[i]] = made[i].astype(dtype);
  result.outputs = std::move(outputs);
}

}  // namespace

const Function& Program::function() const { return implementation_->function; }

RunResult Program::run(std::span<const HostArray> inputs) const {
  const Function& function = implementation_->function;
  std::vector<const HostArray*> all;
  std::size_t given = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) {
      all.push_back(&input.parameter->value());
    } else {
      if (given < inputs.size()) all.push_back(&inputs[given]);
      ++given;
    }
  }
  if (given != inputs.size())
    throw InvalidArgument("[Program.run] the function takes ", given, " inputs besides its parameters; got ",
                          inputs.size(), ".");
  RunResult result = implementation_->run_samples(all, check_inputs(function, all));
  if (implementation_->split) finish_sums(*implementation_->split, all, implementation_->options.dtype, result);
  return result;
}

Program compile(const Function& function, const CompileOptions& options) {
  auto implementation = std::make_shared<Program::Implementation>();
  implementation->function = function;
  implementation->split = internal::split_shared_tail(simplify(function));
  implementation->options = options;
  return Program(implementation);
}

}  // namespace costate
