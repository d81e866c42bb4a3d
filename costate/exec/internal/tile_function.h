// One Function lowered for tiles of a fixed number of lanes: what solvers and adjoints evaluate thousands of times.
//
// Phases. Inputs may be declared late: cotangents, known only in the reverse sweep. The program then falls apart into
//   kForward     all that needs no late input: the primal values. Runs first.
//   kReverse     what late inputs reach: cotangents of sample inputs.
//   kAccumulate  what outputs of kind kSum (parameter gradients) add up: [n] += sum over lanes.
// A kAccumulate follows its kReverse at once, on the same workspace, and finish_sums() the last of them.
// Values that a later phase reads live in `saved`; with one `saved` block a Runge-Kutta stage, the reverse sweep of a
// step evaluates each stage once forward and once in reverse. Without late inputs kForward computes all sample outputs.
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

namespace costate::internal {

enum class Phase { kForward, kReverse, kAccumulate };

/// A thread's buffers for one TileFunction. `saved` blocks are separate: the caller owns one a stage.
template <class T>
struct TileWorkspace {
  AlignedVector<T> scratch;                          // values that live within one phase
  AlignedVector<T> partial_sums;                     // what kAccumulate has not yet added to its outputs
  std::vector<std::unique_ptr<TileOpState>> states;  // one an extension node
};

template <class T>
struct TileCall {
  std::span<const T* const>
      inputs;  // one a Function input: [n, lanes] of kSample, [n] of kShared; 64-byte aligned not needed
  std::span<T* const> outputs;  // one a Function output: kSample [n, lanes], kSum [n]; null where not wanted
  const T* shared = nullptr;    // from prepare()
  T* saved = nullptr;           // saved_size() numbers
  TileWorkspace<T>* workspace = nullptr;
  const T* lane_weights = nullptr;  // kAccumulate: each lane's share of the sum [lanes]; null: 1
  std::size_t num_samples = 0;      // lanes that hold samples; kSum outputs sum over these alone
  std::int64_t first_sample = 0;
  RunReport* report = nullptr;
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
  /// What its extensions keep from the forward phase for the reverse (TileOp::kept_bytes).
  std::size_t kept_bytes() const;

  /// Computes what all samples share (transposed or packed weights, constants) from the kShared inputs; entries of
  /// kSample inputs are not read. Once a change of parameters, not once a call. `shared` must stay in place while calls
  /// use it.
  void prepare(std::span<const T* const> inputs, T* shared) const;

  void run(Phase phase, const TileCall<T>& call) const;

  /// Adds to the kSum outputs what calls of kAccumulate have left in the workspace: their sums are complete after this
  /// alone.
  void finish_sums(std::span<T* const> outputs, TileWorkspace<T>& workspace) const;

 private:
  struct Program;
  std::unique_ptr<const Program> program_;
};

extern template class TileFunction<float>;
extern template class TileFunction<double>;

}  // namespace costate::internal
