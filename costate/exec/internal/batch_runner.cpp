#include "costate/exec/internal/batch_runner.h"

#include <algorithm>
#include <utility>

#include "costate/base/interrupt.h"
#include "costate/base/threads.h"
#include "costate/exec/internal/rank_share.h"

namespace costate::internal {
namespace {

// Sums over the batch are split into groups of neighbouring tiles: each group adds up its tiles in order, and the
// groups are added in order at the end. Their number depends on the batch, not on the threads or ranks, and so do the
// sums. It is 64 at most, which keeps the threads of a machine busy; of very large batches, which many machines share,
// one for every 64 tiles, and 4,096 at most.
constexpr std::size_t kFewGroups = 64, kTilesOfGroup = 64, kMostGroups = 4096;
// Each group has sums of its own, which cost memory (groups × parameters): large models take fewer groups.
constexpr std::size_t kMaxGroupNumbers = std::size_t{1} << 24;

}  // namespace

template <class T>
BatchRunner<T>::BatchRunner(const Function& function, std::size_t lanes, const LateParts& late)
    : tile_(function, lanes, late) {
  for (std::size_t i = 0; i < function.outputs().size(); ++i)
    if (tile_.is_sum(i)) sum_numbers_ += tile_.output_size(i);
  shared_.limit(1);
}

template <class T>
std::unique_ptr<SharedValues<T>> BatchRunner<T>::load_shared(std::span<const HostArray* const> inputs) const {
  auto shared = shared_.take([] { return std::make_unique<SharedValues<T>>(); });
  tile_.load_shared(inputs, *shared);
  return shared;
}

template <class T>
void BatchRunner<T>::recycle(BatchRecord<T>& record) const {
  if (record.shared) shared_.give(std::move(record.shared));
  for (auto& tile : record.tiles)
    if (tile) tiles_.give(std::move(tile));
}

template <class T>
RunResult BatchRunner<T>::make_result(std::size_t batch, std::size_t first_output, std::size_t num_outputs) const {
  const Dtype dtype = std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64;
  RunResult result;
  for (std::size_t i = first_output; i < first_output + num_outputs; ++i) {
    const Shape& shape = tile_.function().output_shape(i);
    result.outputs.emplace_back(tile_.is_sum(i) ? shape : shape.with_first(static_cast<std::int64_t>(batch)), dtype);
  }
  return result;
}

template <class T>
std::size_t BatchRunner<T>::num_groups(std::size_t tiles) const {
  const std::size_t wanted = std::clamp(tiles / kTilesOfGroup, kFewGroups, kMostGroups);
  return std::min({tiles, wanted, std::max<std::size_t>(4, kMaxGroupNumbers / (1 + sum_numbers_))});
}

template <class T>
void BatchRunner<T>::start_sums(TileWorker<T>& worker, TileGroup& group, std::size_t first_output,
                                std::size_t num_outputs) const {
  group.sums.resize(num_outputs);
  for (std::size_t i = 0; i < num_outputs; ++i) {
    if (!tile_.is_sum(first_output + i)) continue;
    group.sums[i].assign(tile_.output_size(first_output + i), T{0});
    worker.outputs[first_output + i] = group.sums[i].data();
  }
}

/// Calls work(worker, index) for each tile of a share of the groups, and gives these groups. The result has the outputs
/// from `first_output` on.
template <class T>
template <class Work>
auto BatchRunner<T>::run_groups(std::size_t batch, RankShare share, std::size_t first_output, std::size_t num_outputs,
                                const Work& work) const -> std::unique_ptr<TileGroups> {
  const std::size_t tiles = num_tiles(batch), count = num_groups(tiles);
  auto groups = groups_.take([] { return std::make_unique<TileGroups>(); });
  groups->resize(share.end - share.begin);
  // A group's tiles are neighbours, so that reports stay in the order of the batch.
  parallel_for(groups->size(), [&](std::size_t own) {
    const std::size_t g = share.begin + own;
    TileGroup& group = (*groups)[own];
    auto worker = workers_.take([this] { return tile_.make_worker(); });
    start_sums(*worker, group, first_output, num_outputs);
    InterruptPoll poll;
    for (std::size_t index = g * tiles / count; index < (g + 1) * tiles / count; ++index) {
      work(*worker, index);
      poll();
    }
    group.report = std::exchange(worker->report, {});
    workers_.give(std::move(worker));
  });
  return groups;
}

/// Calls work(worker, index) for each tile, and adds up sums and reports. The result has the outputs from
/// `first_output` on.
template <class T>
template <class Work>
void BatchRunner<T>::run_alone(std::size_t batch, std::size_t first_output, RunResult& result, const Work& work) const {
  const std::size_t num_outputs = result.outputs.size();
  auto groups = run_groups(batch, {0, num_groups(num_tiles(batch))}, first_output, num_outputs, work);
  for (const TileGroup& group : *groups) {
    for (std::size_t i = 0; i < num_outputs; ++i) {
      const auto out = tile_.is_sum(first_output + i) ? result.outputs[i].template data<T>() : std::span<T>();
      for (std::size_t j = 0; j < out.size(); ++j) out[j] += group.sums[i][j];
    }
    result.report.merge(group.report);
  }
  groups_.give(std::move(groups));
}

/// Of each rank, and behind the last one the batch's length.
template <class T>
std::vector<std::size_t> BatchRunner<T>::first_samples(const Communicator& ranks, std::size_t batch) const {
  const std::size_t tiles = num_tiles(batch), count = num_groups(tiles), lanes = tile_.tile_function().lanes();
  std::vector<std::size_t> first;
  for (int r = 0; r < ranks.size(); ++r)
    first.push_back(std::min(batch, share_of(count, ranks, r).begin * tiles / count * lanes));
  first.push_back(batch);
  return first;
}

template <class T>
BatchRange BatchRunner<T>::read_by_run(std::size_t batch) const {
  const Communicator* ranks = current_communicator();
  if (ranks == nullptr || num_groups(num_tiles(batch)) == 1) return {0, batch};
  const std::vector<std::size_t> first = first_samples(*ranks, batch);
  const auto own = static_cast<std::size_t>(ranks->rank());
  return {first[own], first[own + 1]};
}

/// The same of all outputs, with the work shared among ranks.
template <class T>
template <class Work>
void BatchRunner<T>::run_on_ranks(Communicator& ranks, std::size_t batch, RunResult& result, const Work& work) const {
  const std::size_t tiles = num_tiles(batch), count = num_groups(tiles), num_outputs = result.outputs.size();
  auto groups = run_groups(batch, share_of(count, ranks, ranks.rank()), 0, num_outputs, work);
  std::vector<T> sums(sum_numbers_);
  const auto add = [&](std::span<T> part, std::size_t first) {
    for (const TileGroup& group : *groups) {
      std::size_t at = 0;  // of an output among the sums
      for (const AlignedVector<T>& numbers : group.sums) {
        const std::size_t begin = std::max(first, at), end = std::min(first + part.size(), at + numbers.size());
        for (std::size_t j = begin; j < end; ++j) part[j - first] += numbers[j - at];
        at += numbers.size();
      }
    }
  };
  add_in_turn(ranks, static_cast<int>(std::min(count, static_cast<std::size_t>(ranks.size()))), std::span<T>(sums),
              add);
  std::vector<SharedRows> rows;
  std::size_t at = 0;
  for (std::size_t i = 0; i < num_outputs; ++i) {
    const std::span<T> out = result.outputs[i].template data<T>();
    if (!tile_.is_sum(i)) {
      rows.push_back({std::as_writable_bytes(out), tile_.output_size(i) * sizeof(T)});
      continue;
    }
    std::ranges::copy(std::span(sums).subspan(at, out.size()), out.begin());
    at += out.size();
  }
  for (const TileGroup& group : *groups) result.report.merge(group.report);
  exchange_rows(ranks, first_samples(ranks, batch), rows, result.report);
  groups_.give(std::move(groups));
}

template <class T>
RunResult BatchRunner<T>::run(std::span<const HostArray* const> inputs, std::size_t batch) const {
  RunResult result = make_result(batch, 0, tile_.function().outputs().size());
  auto shared = load_shared(inputs);
  const TileSurroundings<T> around{.shared = shared.get(), .given = inputs};
  const auto work = [&](TileWorker<T>& worker, std::size_t index) {
    tile_.run(worker, around, index, batch, result.outputs);
  };
  Communicator* ranks = current_communicator();
  // One group is sooner run by each rank than told to the others.
  if (ranks != nullptr && num_groups(num_tiles(batch)) > 1)
    run_on_ranks(*ranks, batch, result, work);
  else
    run_alone(batch, 0, result, work);
  shared_.give(std::move(shared));
  return result;
}

template <class T>
RunResult BatchRunner<T>::run_forward(std::span<const HostArray* const> inputs, std::size_t batch,
                                      BatchRecord<T>& record) const {
  RunResult result = make_result(batch, 0, tile_.first_late_output());
  record.batch = batch;
  record.shared = load_shared(inputs);
  for (const std::size_t input : tile_.tile_function().given_inputs()) record.given.push_back(*inputs[input]);
  record.tiles.resize(num_tiles(batch));
  tiles_.limit(record.tiles.size());
  std::vector<const HostArray*> given(inputs.begin(), inputs.end());
  given.resize(tile_.function().inputs().size(), nullptr);
  // All tiles of the record together keep what the threads' own would.
  const auto threads = static_cast<std::size_t>(num_threads());
  const TileSurroundings<T> around{
      .shared = record.shared.get(),
      .given = given,
      .memory_parts = std::max<std::size_t>(1, (record.tiles.size() + threads - 1) / threads)};
  run_alone(batch, 0, result, [&](TileWorker<T>& worker, std::size_t index) {
    record.tiles[index] = tiles_.take([this] { return tile_.make_tile(); });
    tile_.run_forward(worker, around, index, batch, *record.tiles[index], result.outputs);
  });
  return result;
}

template <class T>
RunResult BatchRunner<T>::pull_back(const BatchRecord<T>& record, std::span<const HostArray> late_inputs) const {
  const std::size_t first = tile_.first_late_output();
  RunResult result = make_result(record.batch, first, tile_.function().outputs().size() - first);
  std::vector<const HostArray*> given(tile_.function().inputs().size(), nullptr);
  const std::vector<std::size_t> given_inputs = tile_.tile_function().given_inputs();
  for (std::size_t i = 0; i < given_inputs.size(); ++i) given[given_inputs[i]] = &record.given[i];
  const TileSurroundings<T> around{.shared = record.shared.get(), .given = given};
  run_alone(record.batch, first, result, [&](TileWorker<T>& worker, std::size_t index) {
    tile_.pull_back(worker, around, late_inputs, *record.tiles[index], result.outputs);
  });
  return result;
}

template class BatchRunner<float>;
template class BatchRunner<double>;

}  // namespace costate::internal
