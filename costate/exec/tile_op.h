// The lowered form of an Extension (graph/extension.h): its kernel, which runs inside a tile.
//
// A tile is `lanes` samples side by side: a value of n elements a sample is [n, lanes], lanes contiguous. A value that
// all samples share is [n].
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/shape.h"
#include "costate/base/error.h"
#include "costate/exec/result_reader.h"
#include "costate/exec/run_report.h"
#include "costate/graph/extension.h"

namespace costate {

/// What a TileOp needs to run on one tile: buffers, and what a later operation reads back (the record of a solve for
/// its reverse sweep). Kept between runs, so that a warm run allocates nothing. A program has one for each thread. A
/// PullbackProgram has one for each tile of each run that can still be pulled back, for operations whose states a later
/// phase reads.
class TileOpState {
 public:
  virtual ~TileOpState() = default;
};

/// An operand that is an input of the program, or rows of one, as the caller gave it: not rounded to T.
struct GivenOperand {
  const HostArray* array;  // [batch] + the input's shape, or that alone where shared; null: computed
  std::size_t first;       // the operand's first number in a sample's
};

template <class T>
struct TileOpRun {
  std::span<const T* const> operands;  // [n, lanes] or, where shared, [n]
  // State of the operand's own TileOp, or null. It must read the same when this operation runs again: a pull-back may
  // be called many times.
  std::span<TileOpState* const> operand_states;
  std::span<const GivenOperand> given = {};      // one for each operand
  std::span<const std::size_t> given_rows = {};  // [lanes] which row of the batch a lane holds, where any is given
  TileOpState* state = nullptr;
  std::size_t num_samples = 0;    // lanes that hold samples: the first ones; the rest is padding
  std::int64_t first_sample = 0;  // row of the batch in lane 0, for failures and random numbers
  double scale = 1;               // of what accumulate adds
  // So many tiles share the memory that the operation's options let a thread keep for a later operation.
  std::size_t memory_parts = 1;
  RunReport* report = nullptr;  // null in a solve's field, where NaNs tell of a failure
};

template <class T>
class TileOp {
 public:
  virtual ~TileOp() = default;
  /// One that keeps nothing, by default.
  virtual std::unique_ptr<TileOpState> make_state() const { return std::make_unique<TileOpState>(); }
  /// Bytes that run() leaves in its state for a later operation; 0 where only the run will tell.
  virtual std::size_t kept_bytes() const { return 0; }
  /// Whether run() reads TileOpRun::given of this operand, so that who runs a tile again keeps these numbers.
  virtual bool reads_given(std::size_t /*operand*/) const { return false; }
  /// Writes the result [n, lanes]. What it writes in padding lanes is not read: whoever runs it repeats the last
  /// sample there.
  virtual void run(const TileOpRun<T>& run, T* out) const = 0;
  /// For results that exist summed over the batch only (Extension::is_sum_only): adds `scale` times the sum over the
  /// samples to out [n].
  virtual void accumulate(const TileOpRun<T>& /*run*/, T* /*out*/) const {
    COSTATE_CHECK(false, "this result is one of each sample, not a sum over the batch");
  }
};

struct TileOpContext {
  std::size_t lanes = 1;
  std::vector<Shape> operand_shapes;
  std::vector<bool> operand_is_shared;
  /// The operations that take the result. The state must last for them.
  std::vector<ResultReader> readers = {};
};

/// An Extension of type Self that has one template for both types: std::unique_ptr<TileOp<T>> lower<T>(context) const.
template <class Self, class Base = Extension>
class LoweredBy : public Base {
 public:
  using Base::Base;
  std::unique_ptr<TileOp<float>> lower_f32(const TileOpContext& context) const override {
    return static_cast<const Self&>(*this).template lower<float>(context);
  }
  std::unique_ptr<TileOp<double>> lower_f64(const TileOpContext& context) const override {
    return static_cast<const Self&>(*this).template lower<double>(context);
  }
};

/// An Extension that is lowered to Op<float> or Op<double>, made from the context alone.
template <template <class> class Op>
class TileExtension : public LoweredBy<TileExtension<Op>> {
 public:
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<Op<T>>(context);
  }
};

}  // namespace costate
