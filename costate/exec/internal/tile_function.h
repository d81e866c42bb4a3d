// One Function lowered for tiles of a fixed number of lanes: what solvers and adjoints evaluate thousands of times.
//
// Its program runs in up to three phases (plan/phase.h). The order of calls:
//
//     prepare                       once for each set of shared inputs
//     kForward                      with a `saved` block of its own, which keeps what the later phases read
//     kReverse, kAccumulate         with the same `saved` block; the second right after the first, on one workspace
//     finish_sums                   after the last kAccumulate
//
// A reverse sweep gives each Runge-Kutta stage a `saved` block, so that it evaluates a stage once forward and once in
// reverse.
//
// A TileFunction is immutable and may be used from many threads, each with its own workspace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "costate/exec/internal/aligned.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/graph.h"
#include "costate/plan/phase.h"

namespace costate::internal {

template <class T>
struct BoundPlan;

/// One an extension node; null where another list has it.
using TileStates = std::vector<std::unique_ptr<TileOpState>>;

/// A thread's buffers for one TileFunction. `saved` blocks are separate: the caller owns one a stage.
template <class T>
struct TileWorkspace {
  AlignedVector<T> scratch;       // values that live within one phase
  AlignedVector<T> partial_sums;  // what kAccumulate has not yet added to its outputs
  TileStates states;
};

template <class T>
struct TileCall {
  /// One for each input of the Function: kSample [n, lanes], kShared [n], of any alignment.
  std::span<const T* const> inputs;
  /// One for each output: kSample [n, lanes], kSum [n]; null where not wanted.
  std::span<T* const> outputs;
  /// What `inputs` were before they became numbers of type T, and the row of each lane [lanes]; empty in a solve's
  /// field.
  std::span<const HostArray* const> given = {};
  std::span<const std::size_t> given_rows = {};
  const T* shared = nullptr;  // from prepare()
  T* saved = nullptr;         // saved_size() numbers
  TileWorkspace<T>* workspace = nullptr;
  std::span<const std::unique_ptr<TileOpState>> kept_states = {};  // of make_kept_states; in place of the workspace's
  std::size_t memory_parts = 1;                                    // TileOpRun::memory_parts
  const T* lane_weights = nullptr;  // kAccumulate: each lane's share of the sum [lanes]; null: 1
  std::size_t num_samples = 0;      // lanes that hold samples; kSum outputs sum over these alone
  std::int64_t first_sample = 0;    // row of the batch in lane 0
  RunReport* report = nullptr;      // of extensions; null where the function has none
};

template <class T>
class TileFunction {
 public:
  /// `late_inputs`: positions of inputs that are known only from kReverse on.
  TileFunction(const Function& function, std::size_t lanes, std::span<const std::size_t> late_inputs = {});
  ~TileFunction();
  TileFunction(TileFunction&&) noexcept;
  TileFunction& operator=(TileFunction&&) noexcept;

  std::size_t lanes() const;
  /// Sizes in numbers of type T.
  std::size_t shared_size() const;
  std::size_t saved_size() const;
  TileWorkspace<T> make_workspace() const;
  /// For tiles that wait between kForward and kReverse: the states that a later phase reads of what kForward left
  /// there, one list for each tile; and a workspace without them, for each thread.
  TileStates make_kept_states() const;
  TileWorkspace<T> make_workspace_beside_kept() const;
  /// The inputs that kForward reads as they were given (TileOp::reads_given), ascending.
  std::vector<std::size_t> given_inputs() const;
  /// Bytes that its extensions keep from the forward phase for the reverse one (TileOp::kept_bytes).
  std::size_t kept_bytes() const;

  /// Computes what all samples share (transposed weights, constants) from the kShared inputs into `shared`
  /// [shared_size()], which calls read. Needed again only when a kShared input changes. Entries of kSample inputs may
  /// be null.
  void prepare(std::span<const T* const> inputs, T* shared) const;

  void run(Phase phase, const TileCall<T>& call) const;

  /// Adds to the kSum outputs what calls of kAccumulate have left in the workspace. Only then are the sums complete.
  void finish_sums(std::span<T* const> outputs, TileWorkspace<T>& workspace) const;

 private:
  std::unique_ptr<const BoundPlan<T>> bound_plan_;
};

extern template class TileFunction<float>;
extern template class TileFunction<double>;

}  // namespace costate::internal
