// Runs a Function on a batch: cuts the batch into tiles, runs them on threads and adds up sums over the batch in a
// fixed order. In one go, or forward now and in reverse later, from what a BatchRecord keeps of each tile.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "costate/base/communicator.h"
#include "costate/exec/internal/idle_pool.h"
#include "costate/exec/internal/rank_share.h"
#include "costate/exec/internal/tile_runner.h"
#include "costate/exec/program.h"

namespace costate::internal {

/// What a run keeps for its pull-backs.
template <class T>
struct BatchRecord {
  std::size_t batch = 0;
  std::unique_ptr<SharedValues<T>> shared;
  std::vector<std::unique_ptr<Tile<T>>> tiles;
  std::vector<HostArray> given;  // TileFunction::given_inputs, in that order
};

/// Runs one lowering of a function on batches; safe to call from many threads at once.
template <class T>
class BatchRunner {
 public:
  BatchRunner(const Function& function, std::size_t lanes, const LateParts& late);

  /// `inputs`: one for each input of the function, Parameters included, as Program::run takes them; checked. The
  /// function has no late parts. Shared among the current communicator's ranks, if there are any.
  RunResult run(std::span<const HostArray* const> inputs, std::size_t batch) const;

  /// Program::read_by_run.
  BatchRange read_by_run(std::size_t batch) const;

  /// The outputs that are not late, from the inputs that are not. Fills the record, which is new.
  RunResult run_forward(std::span<const HostArray* const> inputs, std::size_t batch, BatchRecord<T>& record) const;
  /// The late outputs, from the late inputs [batch, …]. A record serves any number of calls, from any threads.
  RunResult pull_back(const BatchRecord<T>& record, std::span<const HostArray> late_inputs) const;
  /// Takes the memory of a record for the next ones. As much of it waits as the last run_forward() took.
  void recycle(BatchRecord<T>& record) const;

  /// TileFunction::kept_bytes, of one tile.
  std::size_t kept_bytes() const { return tile_.tile_function().kept_bytes(); }

 private:
  /// Sums over neighbouring tiles, and their report.
  struct TileGroup {
    std::vector<AlignedVector<T>> sums;
    RunReport report;
  };
  using TileGroups = std::vector<TileGroup>;

  std::unique_ptr<SharedValues<T>> load_shared(std::span<const HostArray* const> inputs) const;
  RunResult make_result(std::size_t batch, std::size_t first_output, std::size_t num_outputs) const;
  void start_sums(TileWorker<T>& worker, TileGroup& group, std::size_t first_output, std::size_t num_outputs) const;
  std::vector<std::size_t> first_samples(const Communicator& ranks, std::size_t batch) const;
  template <class Work>
  std::unique_ptr<TileGroups> run_groups(std::size_t batch, RankShare share, std::size_t first_output,
                                         std::size_t num_outputs, const Work& work) const;
  template <class Work>
  void run_alone(std::size_t batch, std::size_t first_output, RunResult& result, const Work& work) const;
  template <class Work>
  void run_on_ranks(Communicator& ranks, std::size_t batch, RunResult& result, const Work& work) const;
  std::size_t num_groups(std::size_t tiles) const;
  std::size_t num_tiles(std::size_t batch) const {
    const std::size_t lanes = tile_.tile_function().lanes();
    return (batch + lanes - 1) / lanes;
  }

  TileRunner<T> tile_;
  std::size_t sum_numbers_ = 0;  // in a group's sums
  // Kept between runs: a warm run allocates only its results.
  mutable IdlePool<TileWorker<T>> workers_;
  mutable IdlePool<Tile<T>> tiles_;
  mutable IdlePool<SharedValues<T>> shared_;
  mutable IdlePool<TileGroups> groups_;
};

extern template class BatchRunner<float>;
extern template class BatchRunner<double>;

}  // namespace costate::internal
