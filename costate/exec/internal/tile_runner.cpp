#include "costate/exec/internal/tile_runner.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

/// Samples first … first + count - 1 of [batch, size] side by side: [size, lanes]. Padding repeats the last one.
template <class T>
void pack(const HostArray& samples, std::size_t first, std::size_t count, std::size_t size, T* out, std::size_t lanes) {
  const auto copy = [&](const auto* from) {
    from += first * size;
    if constexpr (std::is_same_v<decltype(from), const T*>)
      if (count == lanes) return transpose<T>(from, lanes, size, nullptr, out);
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

/// Adds the samples of a report's failures from `known` on. Only the first of each sample stays there, and none of one
/// that had failed: the others follow from it.
void append_failed(RunReport& report, std::size_t known, std::vector<std::int64_t>& samples) {
  std::vector<SampleFailure> found(report.failures.begin() + static_cast<std::ptrdiff_t>(known), report.failures.end());
  report.failures.resize(known);
  for (SampleFailure& failure : found) {
    if (std::ranges::find(samples, failure.sample) != samples.end()) continue;
    samples.push_back(failure.sample);
    report.failures.push_back(std::move(failure));
  }
}

std::vector<std::size_t> late_positions(const Function& function, const LateParts& late) {
  std::vector<std::size_t> positions(late.num_inputs);
  std::iota(positions.begin(), positions.end(), function.inputs().size() - late.num_inputs);
  return positions;
}

}  // namespace

template <class T>
TileRunner<T>::TileRunner(const Function& function, std::size_t lanes, const LateParts& late)
    : function_(function), late_(late), tile_(function, lanes, late_positions(function, late)) {
  for (std::size_t i = 0; i < function.outputs().size(); ++i) has_sums_ = has_sums_ || is_sum(i);
}

template <class T>
std::unique_ptr<Tile<T>> TileRunner<T>::make_tile() const {
  auto tile = std::make_unique<Tile<T>>();
  std::size_t total = 0;
  for (std::size_t i = 0; i < first_late_input(); ++i)
    if (!is_shared(i)) total += padded(input_size(i) * tile_.lanes());
  tile->buffers.resize(total);
  T* next = tile->buffers.data();
  for (std::size_t i = 0; i < first_late_input(); ++i) {
    tile->inputs.push_back(is_shared(i) ? nullptr : next);
    if (!is_shared(i)) next += padded(input_size(i) * tile_.lanes());
  }
  tile->rows.resize(tile_.lanes());
  tile->saved.resize(tile_.saved_size());
  tile->states = tile_.make_kept_states();
  return tile;
}

template <class T>
std::unique_ptr<TileWorker<T>> TileRunner<T>::make_worker() const {
  auto worker = std::make_unique<TileWorker<T>>();
  const std::size_t num_inputs = function_.inputs().size(), num_outputs = function_.outputs().size();
  std::size_t total = 0;
  for (std::size_t i = first_late_input(); i < num_inputs; ++i) total += padded(input_size(i) * tile_.lanes());
  for (std::size_t i = 0; i < num_outputs; ++i)
    if (!is_sum(i)) total += padded(output_size(i) * tile_.lanes());
  // Zeros, which stay where no cotangent reaches a gradient, or a part of one: the later phases do not write it.
  worker->buffers.resize(total);
  T* next = worker->buffers.data();
  for (std::size_t i = first_late_input(); i < num_inputs; ++i) {
    worker->late_inputs.push_back(next);
    next += padded(input_size(i) * tile_.lanes());
  }
  for (std::size_t i = 0; i < num_outputs; ++i) {
    worker->outputs.push_back(is_sum(i) ? nullptr : next);
    if (!is_sum(i)) next += padded(output_size(i) * tile_.lanes());
  }
  worker->inputs.resize(num_inputs);
  worker->workspace = tile_.make_workspace_beside_kept();
  return worker;
}

template <class T>
Tile<T>& TileRunner<T>::own_tile(TileWorker<T>& worker) const {
  if (worker.tile == nullptr) worker.tile = make_tile();
  return *worker.tile;
}

template <class T>
void TileRunner<T>::load_shared(std::span<const HostArray* const> inputs, SharedValues<T>& shared) const {
  shared.inputs.resize(inputs.size());
  std::vector<const T*> pointers(function_.inputs().size(), nullptr);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!is_shared(i)) continue;
    shared.inputs[i].resize(input_size(i));
    inputs[i]->copy_to(std::span<T>(shared.inputs[i]));
    pointers[i] = shared.inputs[i].data();
  }
  shared.prepared.resize(tile_.shared_size());
  tile_.prepare(pointers, shared.prepared.data());
}

template <class T>
void TileRunner<T>::load(std::span<const HostArray* const> inputs, std::size_t index, std::size_t batch,
                         Tile<T>& tile) const {
  const std::size_t lanes = tile_.lanes();
  tile.first = index * lanes;
  tile.count = std::min(lanes, batch - tile.first);
  tile.failed.clear();
  for (std::size_t i = 0; i < tile.inputs.size(); ++i)
    if (!is_shared(i)) pack(*inputs[i], tile.first, tile.count, input_size(i), tile.inputs[i], lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) tile.rows[lane] = tile.first + std::min(lane, tile.count - 1);
}

template <class T>
TileCall<T> TileRunner<T>::call_of(TileWorker<T>& worker, Tile<T>& tile, const TileSurroundings<T>& around) const {
  for (std::size_t i = 0; i < worker.inputs.size(); ++i)
    worker.inputs[i] = i >= first_late_input() ? worker.late_inputs[i - first_late_input()]
                       : is_shared(i)          ? around.shared->inputs[i].data()
                                               : tile.inputs[i];
  return {.inputs = worker.inputs,
          .outputs = worker.outputs,
          .given = around.given,
          .given_rows = tile.rows,
          .shared = around.shared->prepared.data(),
          .saved = tile.saved.data(),
          .workspace = &worker.workspace,
          .kept_states = tile.states,
          .memory_parts = around.memory_parts,
          .lane_weights = nullptr,
          .num_samples = tile.count,
          .first_sample = static_cast<std::int64_t>(tile.first),
          .report = &worker.report};
}

/// `outputs`: those of the function from `first_output` on.
template <class T>
void TileRunner<T>::write_outputs(const TileWorker<T>& worker, const Tile<T>& tile, std::size_t first_output,
                                  std::span<HostArray> outputs) const {
  const std::size_t lanes = tile_.lanes();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (is_sum(first_output + i)) continue;
    const std::size_t size = output_size(first_output + i);
    const T* from = worker.outputs[first_output + i];
    T* out = outputs[i].template data<T>().data() + tile.first * size;
    if (tile.count == lanes) {
      transpose<T>(from, size, lanes, nullptr, out);
      continue;
    }
    std::vector<LaneCopy<T>> copies(tile.count);
    for (std::size_t lane = 0; lane < tile.count; ++lane) copies[lane] = {lane, out + lane * size};
    copy_lanes<T>(from, size, lanes, copies);
  }
}

/// Failed samples, whose NaNs would be in every sum over the batch, are left out.
template <class T>
void TileRunner<T>::add_sums(TileWorker<T>& worker, Tile<T>& tile, const TileSurroundings<T>& around,
                             std::span<const std::int64_t> failed) const {
  if (!has_sums_) return;
  std::vector<std::size_t> kept;
  for (std::size_t lane = 0; !failed.empty() && lane < tile.count; ++lane)
    if (std::ranges::count(failed, static_cast<std::int64_t>(tile.first + lane)) == 0) kept.push_back(lane);
  if (!failed.empty() && kept.empty()) return;
  tile_.run(Phase::kAccumulate, failed.empty() ? call_of(worker, tile, around) : run_again(worker, tile, around, kept));
  tile_.finish_sums(worker.outputs, worker.workspace);
}

/// Runs these lanes of a tile again, in the worker's own one, and gives the call for kAccumulate.
template <class T>
TileCall<T> TileRunner<T>::run_again(TileWorker<T>& worker, const Tile<T>& tile, const TileSurroundings<T>& around,
                                     std::span<const std::size_t> lanes) const {
  Tile<T>& own = own_tile(worker);
  if (&own != &tile) {
    own.first = tile.first;
    own.rows = tile.rows;
    std::ranges::copy(tile.buffers, own.buffers.begin());
  }
  own.count = lanes.size();
  for (std::size_t i = 0; i < own.inputs.size(); ++i)
    if (!is_shared(i)) keep_lanes(lanes, input_size(i), own.inputs[i], tile_.lanes());
  for (std::size_t i = 0; i < late_.num_inputs; ++i)
    keep_lanes(lanes, input_size(first_late_input() + i), worker.late_inputs[i], tile_.lanes());
  keep_lanes(lanes, 1, own.rows.data(), tile_.lanes());
  TileCall<T> call = call_of(worker, own, around);
  call.report = nullptr;  // the first run has told all
  tile_.run(Phase::kForward, call);
  tile_.run(Phase::kReverse, call);
  return call;
}

template <class T>
void TileRunner<T>::run(TileWorker<T>& worker, const TileSurroundings<T>& around, std::size_t index, std::size_t batch,
                        std::span<HostArray> outputs) const {
  Tile<T>& tile = own_tile(worker);
  load(around.given, index, batch, tile);
  const TileCall<T> call = call_of(worker, tile, around);
  const std::size_t known = worker.report.failures.size();
  tile_.run(Phase::kForward, call);
  tile_.run(Phase::kReverse, call);
  write_outputs(worker, tile, 0, outputs);
  append_failed(worker.report, known, tile.failed);
  add_sums(worker, tile, around, tile.failed);
}

template <class T>
void TileRunner<T>::run_forward(TileWorker<T>& worker, const TileSurroundings<T>& around, std::size_t index,
                                std::size_t batch, Tile<T>& tile, std::span<HostArray> outputs) const {
  load(around.given, index, batch, tile);
  const std::size_t known = worker.report.failures.size();
  tile_.run(Phase::kForward, call_of(worker, tile, around));
  write_outputs(worker, tile, 0, outputs);
  append_failed(worker.report, known, tile.failed);
}

template <class T>
void TileRunner<T>::pull_back(TileWorker<T>& worker, const TileSurroundings<T>& around,
                              std::span<const HostArray> late_inputs, Tile<T>& tile,
                              std::span<HostArray> outputs) const {
  const std::lock_guard turn(tile.turn);
  for (std::size_t i = 0; i < late_inputs.size(); ++i)
    pack(late_inputs[i], tile.first, tile.count, input_size(first_late_input() + i), worker.late_inputs[i],
         tile_.lanes());
  const std::size_t known = worker.report.failures.size();
  tile_.run(Phase::kReverse, call_of(worker, tile, around));
  write_outputs(worker, tile, first_late_output(), outputs);
  std::vector<std::int64_t> failed = tile.failed;
  append_failed(worker.report, known, failed);
  add_sums(worker, tile, around, failed);
}

template class TileRunner<float>;
template class TileRunner<double>;

}  // namespace costate::internal
