// What an operation outside the table must answer. `solve` is one: a whole program as a node of a graph.
//
// graph/ declares the questions, the stage that owns the operation answers them: its shape, its value, its two
// derivatives and its lowering to tiles. Extensions are immutable and compared by identity or by `equals`.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/graph/array.h"

namespace costate {

template <class T>
class TileOp;           // exec/tile_op.h: the lowered form
struct TileOpContext;   // exec/tile_op.h: lanes, which operands are shared
class BatchOp;          // exec/batch_op.h: the form that takes a whole batch at once, on a device
struct BatchOpContext;  // exec/batch_op.h: which device, which operands are shared

/// What becomes of a derivative by an operand: it is right; it lacks a part, since the result jumps as the operand
/// moves; or there is none, and vjp and jvp refuse it.
enum class OperandRule { kFlows, kJumps, kNone };

class Extension {
 public:
  virtual ~Extension() = default;

  /// A word for printing and messages: "solve".
  virtual std::string name() const = 0;
  /// The attributes as text, for printing: "method=dopri5, rtol=1e-06".
  virtual std::string attributes() const { return {}; }
  /// The result's shape. ShapeError or InvalidArgument where the operands do not fit.
  virtual Shape infer_shape(std::span<const Shape> operands) const = 0;
  /// The value for one sample, in f64: the meaning of the operation. Operands and result are flat, row-major.
  virtual std::vector<double> interpret(std::span<const std::vector<double>> operands) const = 0;
  /// Cotangents of the operands, given the result's; an empty Array where none flows, or where `wanted` says that none
  /// is asked for. NotSupported by default.
  virtual std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                                 const std::vector<bool>& wanted) const;
  /// Tangent of the result; tangents[i] is empty where operand i has none. NotSupported by default.
  virtual Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const;
  virtual OperandRule rule(std::size_t /*operand*/) const { return OperandRule::kFlows; }
  /// Whether the result may be asked for summed over the batch only (parameter cotangents of a solve).
  virtual bool is_sum_only() const { return false; }
  /// The same computation with an error that is smaller by an order of magnitude or two (graph/tighten.h); null where
  /// rounding is the only one.
  virtual std::shared_ptr<const Extension> tightened() const { return nullptr; }
  /// Numbers of the largest image that it convolves for a sample; 0 if it does not. Tiles of large images take fewer
  /// samples.
  virtual std::int64_t largest_image() const { return 0; }
  /// True if `other` computes the same function, so that two nodes can be shared.
  virtual bool equals(const Extension& other) const { return this == &other; }

  virtual std::unique_ptr<TileOp<float>> lower_f32(const TileOpContext& context) const = 0;
  virtual std::unique_ptr<TileOp<double>> lower_f64(const TileOpContext& context) const = 0;
  /// Null, by default, of an operation that is left to the CPU whatever the device. NotSupported of one that would run
  /// there, but for something that it asks for.
  virtual std::shared_ptr<const BatchOp> lower_batch(const BatchOpContext& context) const;
};

}  // namespace costate
