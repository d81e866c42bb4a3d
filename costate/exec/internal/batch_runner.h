// Runs a Function on a batch: cuts the batch into tiles, packs samples into lanes, runs the tiles on threads and adds
// up sums over the batch in a fixed order.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/exec/program.h"

namespace costate::internal {

/// Runs one lowering of a function on batches; safe to call from many threads at once.
template <class T>
class BatchRunner {
 public:
  BatchRunner(const Function& function, std::size_t lanes) : function_(function), tile_(function, lanes) {}

  /// `inputs`: one for each input of the function, Parameters included, as Program::run takes them; checked.
  RunResult run(std::span<const HostArray* const> inputs, std::size_t batch) const;
  /// TileFunction::kept_bytes, of one tile.
  std::size_t kept_bytes() const { return tile_.kept_bytes(); }

 private:
  /// What a thread needs to run tiles one after the other. All use the same memory, so that it stays in the cache.
  struct Worker {
    AlignedVector<T> buffers;         // tile inputs and outputs
    std::vector<std::size_t> rows;    // of the batch, in the tile's lanes
    std::vector<T*> inputs, outputs;  // into `buffers`; shared inputs and sums point into the run's own memory
    AlignedVector<T> saved;
    TileWorkspace<T> workspace;
    RunReport report;
  };
  /// Sums over neighbouring tiles, and their report.
  struct TileGroup {
    std::vector<AlignedVector<T>> sums;
    RunReport report;
  };

  /// What all workers of a run use.
  struct Common {
    std::vector<AlignedVector<T>> inputs;  // the shared ones
    AlignedVector<T> prepared;
    std::vector<TileGroup> groups;
  };

  struct TileRange {
    std::size_t first = 0, last = 0;  // without `last` itself
  };

  std::unique_ptr<Worker> make_worker() const;
  std::unique_ptr<Worker> take_worker() const;
  void give_worker(std::unique_ptr<Worker> worker) const;
  Common take_common(std::span<const HostArray* const> inputs, std::size_t num_groups) const;
  void give_common(Common common) const;
  void run_tile(Worker& worker, std::span<const HostArray* const> inputs, const T* shared, std::size_t tile,
                std::size_t batch, std::vector<HostArray>& outputs) const;
  bool leave_out_failed(Worker& worker, std::size_t known, TileCall<T>& call) const;
  void run_group(std::span<const HostArray* const> inputs, Common& common, const TileRange& tiles, std::size_t batch,
                 TileGroup& group, std::vector<HostArray>& outputs) const;
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

extern template class BatchRunner<float>;
extern template class BatchRunner<double>;

}  // namespace costate::internal
