// Runs one lowering of a Function on tiles of a batch: packs samples into lanes, runs the phases, adds the tile's share
// to sums over the batch. In one go, or forward now and in reverse later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"

namespace costate::internal {

/// The inputs and outputs of a function that a pull-back takes and gives: cotangents and gradients, the last ones. All
/// of these inputs, and the outputs before, are one of each sample. None by default.
struct LateParts {
  std::size_t num_inputs = 0;
  std::size_t num_outputs = 0;
};

/// A tile's samples, and what the forward phase leaves of them for the later ones.
template <class T>
struct Tile {
  std::size_t first = 0, count = 0;  // samples first … first + count - 1 of the batch
  AlignedVector<T> buffers;
  std::vector<T*> inputs;         // into `buffers`; null: shared by all samples, or late
  std::vector<std::size_t> rows;  // of the batch, in the lanes
  AlignedVector<T> saved;
  TileStates states;                 // TileFunction::make_kept_states
  std::vector<std::int64_t> failed;  // samples that failed in the forward phase
  std::mutex turn;                   // of pull-backs: an operation may remember in a state where it last looked
};

/// What all tiles of a run read.
template <class T>
struct SharedValues {
  std::vector<AlignedVector<T>> inputs;  // the shared ones
  AlignedVector<T> prepared;
};

/// What a tile is run on.
template <class T>
struct TileSurroundings {
  const SharedValues<T>* shared;
  std::span<const HostArray* const> given;  // TileCall::given; run() and run_forward() pack the samples from them
  std::size_t memory_parts = 1;             // TileCall::memory_parts
};

/// What a thread needs to run tiles one after the other. All use the same memory, so that it stays in the cache.
template <class T>
struct TileWorker {
  AlignedVector<T> buffers;
  std::vector<T*> late_inputs;   // into `buffers`
  std::vector<T*> outputs;       // into `buffers`; sums stand where the caller says
  std::vector<const T*> inputs;  // of the tile at work
  TileWorkspace<T> workspace;
  std::unique_ptr<Tile<T>> tile;  // for tiles that nobody keeps; made when one is needed
  RunReport report;
};

template <class T>
class TileRunner {
 public:
  TileRunner(const Function& function, std::size_t lanes, const LateParts& late);

  const Function& function() const { return function_; }
  const TileFunction<T>& tile_function() const { return tile_; }
  std::size_t first_late_input() const { return function_.inputs().size() - late_.num_inputs; }
  std::size_t first_late_output() const { return function_.outputs().size() - late_.num_outputs; }
  std::size_t output_size(std::size_t i) const { return static_cast<std::size_t>(function_.output_shape(i).size()); }
  bool is_sum(std::size_t i) const { return function_.outputs()[i].kind == OutputKind::kSum; }

  std::unique_ptr<Tile<T>> make_tile() const;
  std::unique_ptr<TileWorker<T>> make_worker() const;
  /// From the inputs that are not late.
  void load_shared(std::span<const HostArray* const> inputs, SharedValues<T>& shared) const;

  // Below, outputs are arrays [batch, …]. Sums are added to where the worker's outputs point; failures to its report.

  /// Runs a tile of a batch in one go and writes all outputs. The function has no late parts.
  void run(TileWorker<T>& worker, const TileSurroundings<T>& around, std::size_t index, std::size_t batch,
           std::span<HostArray> outputs) const;
  /// The forward phase of a tile of a batch, from the inputs that are not late, into `tile`. Writes the outputs that
  /// are not late.
  void run_forward(TileWorker<T>& worker, const TileSurroundings<T>& around, std::size_t index, std::size_t batch,
                   Tile<T>& tile, std::span<HostArray> outputs) const;
  /// The later phases, from the late inputs [batch, …]. Writes the late outputs and leaves the tile as it was.
  void pull_back(TileWorker<T>& worker, const TileSurroundings<T>& around, std::span<const HostArray> late_inputs,
                 Tile<T>& tile, std::span<HostArray> outputs) const;

 private:
  Tile<T>& own_tile(TileWorker<T>& worker) const;
  void load(std::span<const HostArray* const> inputs, std::size_t index, std::size_t batch, Tile<T>& tile) const;
  TileCall<T> call_of(TileWorker<T>& worker, Tile<T>& tile, const TileSurroundings<T>& around) const;
  void write_outputs(const TileWorker<T>& worker, const Tile<T>& tile, std::size_t first_output,
                     std::span<HostArray> outputs) const;
  void add_sums(TileWorker<T>& worker, Tile<T>& tile, const TileSurroundings<T>& around,
                std::span<const std::int64_t> failed) const;
  TileCall<T> run_again(TileWorker<T>& worker, const Tile<T>& tile, const TileSurroundings<T>& around,
                        std::span<const std::size_t> lanes) const;
  std::size_t input_size(std::size_t i) const { return static_cast<std::size_t>(function_.inputs()[i].shape.size()); }
  bool is_shared(std::size_t i) const { return function_.inputs()[i].kind == InputKind::kShared; }

  Function function_;
  LateParts late_;
  TileFunction<T> tile_;
  bool has_sums_ = false;
};

extern template class TileRunner<float>;
extern template class TileRunner<double>;

}  // namespace costate::internal
