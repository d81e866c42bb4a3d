// The symbolic array of traced code, and every operation on it.
//
// An Array is a handle to a node of the graph being traced. Operators and functions append nodes; shapes are checked at
// once and a mismatch names the operation, the shapes, where the operands come from and the line of user code.
// Elementwise functions broadcast by NumPy's rule. Numbers convert to constants.
#pragma once

#include <memory>
#include <source_location>
#include <span>
#include <vector>

#include "costate/graph/graph.h"

namespace costate {

namespace internal {
class GraphBuilder;
}

/// A value of the program being traced. Valid only inside that trace.
class Array {
 public:
  Array() = default;
  /// The Parameter as a shared input of the program being traced.
  Array(const Parameter& parameter);  // NOLINT(google-explicit-constructor): parameters read as arrays in user code

  const Shape& shape() const;
  bool is_empty() const { return builder_ == nullptr; }

  /// Elements begin, begin + 1, …, end - 1 along the first axis. Negative positions count from the end.
  Array slice(std::int64_t begin, std::int64_t end, std::source_location where = std::source_location::current()) const;
  /// One element (or row) along the first axis; the axis is removed.
  Array operator[](std::int64_t index) const;

  // For the stages that build graphs.
  NodeId node() const { return node_; }
  /// InvalidArgument if the trace that made this Array has ended.
  internal::GraphBuilder* builder() const;
  Array(internal::GraphBuilder* builder, NodeId node);

 private:
  internal::GraphBuilder* builder_ = nullptr;
  NodeId node_ = 0;
  std::uint32_t trace_ = 0;  // the builder's serial number: its address may be used again
};

/// An argument of an operation: an Array, a Parameter or a number, with the line of user code that passed it.
struct Operand {
  Operand(const Array& value, std::source_location line = std::source_location::current())
      : array(value), where(line) {}
  Operand(const Parameter& parameter, std::source_location line = std::source_location::current())
      : array(parameter), where(line) {}
  Operand(double value, std::source_location line = std::source_location::current());
  Array array;
  std::source_location where;
};

// Elementwise, one operand (ops.def)
Array operator-(Operand x);
Array abs(Operand x);
Array sign(Operand x);
/// The largest whole number that is not above x; its derivative is 0.
Array floor(Operand x);
Array exp(Operand x);
Array expm1(Operand x);
Array log(Operand x);
Array log1p(Operand x);
Array sqrt(Operand x);
Array sin(Operand x);
Array cos(Operand x);
Array tan(Operand x);
Array asin(Operand x);
Array acos(Operand x);
Array atan(Operand x);
Array sinh(Operand x);
Array cosh(Operand x);
Array tanh(Operand x);
Array sigmoid(Operand x);
Array softplus(Operand x);
Array erf(Operand x);
/// The value of x, through which no derivative flows.
Array stop_gradient(Operand x);
// Composed of the above
Array square(Operand x);
Array relu(Operand x);
/// x for x > 0, alpha (exp(x) - 1) otherwise.
Array elu(Operand x, double alpha = 1.0);
/// x Phi(x) with the normal distribution function Phi (exact, by erf).
Array gelu(Operand x);
/// x sigmoid(x).
Array silu(Operand x);

// Elementwise, two operands
Array operator+(Operand x, Operand y);
Array operator-(Operand x, Operand y);
Array operator*(Operand x, Operand y);
Array operator/(Operand x, Operand y);
Array pow(Operand x, Operand y);
/// What is left of x after whole multiples of y, with the sign of y, as in Python and NumPy: mod(-1, 3) = 2. Exact; NaN
/// for y = 0.
Array mod(Operand x, Operand y);
Array atan2(Operand y, Operand x);
Array min(Operand x, Operand y);
Array max(Operand x, Operand y);
/// Comparisons give 1 where true and 0 where false.
Array operator<(Operand x, Operand y);
Array operator<=(Operand x, Operand y);
Array operator>(Operand x, Operand y);
Array operator>=(Operand x, Operand y);
Array equal(Operand x, Operand y);
/// x where condition is not 0, else y. The branch not taken may be NaN; its derivative is 0.
Array where(Operand condition, Operand x, Operand y);

// Structure
/// ShapeError unless x broadcasts to exactly `shape`.
Array broadcast_to(Operand x, Shape shape);
Array reshape(Operand x, Shape shape);
/// Reverses the axes, or permutes them: axis i of the result is axis axes[i] of x.
Array transpose(Operand x);
Array transpose(Operand x, std::vector<std::int64_t> axes);
/// out.flat[i] = x.flat[positions[i]], under the given shape.
Array gather(Operand x, std::vector<std::int64_t> positions, Shape shape);
/// Adjoint of gather: zeros of `shape`, with x.flat[i] added at positions[i].
Array scatter(Operand x, std::vector<std::int64_t> positions, Shape shape);
Array concat(std::span<const Array> parts, int axis = 0, std::source_location where = std::source_location::current());
Array concat(std::initializer_list<Array> parts, int axis = 0,
             std::source_location where = std::source_location::current());
/// Puts equal shapes side by side along a new first axis.
Array stack(std::span<const Array> parts, std::source_location where = std::source_location::current());
Array stack(std::initializer_list<Array> parts, std::source_location where = std::source_location::current());

// Reductions: over all axes, or over the listed ones, which leave the shape
Array sum(Operand x);
Array sum(Operand x, std::vector<std::int64_t> axes);
Array mean(Operand x);
Array mean(Operand x, std::vector<std::int64_t> axes);
Array reduce_min(Operand x, std::vector<std::int64_t> axes);
Array reduce_max(Operand x, std::vector<std::int64_t> axes);

/// The Euclidean length of all numbers, or along the listed axes. Its derivative at 0 is 0.
Array norm(Operand x);
Array norm(Operand x, std::vector<std::int64_t> axes);

/// out[i] = x[0] + … + x[i] along an axis, which stays.
Array cumsum(Operand x, int axis = 0);

// Products
/// [m,k]·[k,n], [m,k]·[k], [k]·[k,n] or [k]·[k].
Array matmul(Operand x, Operand y);
/// out[i, j] = x[i] y[j].
Array outer(Operand x, Operand y);

// Constants of the program being traced
Array constant(double value);
Array constant(const HostArray& values);
Array full(Shape shape, double value);
Array zeros(Shape shape);
Array ones(Shape shape);

/// Applies an extension (graph/extension.h) to operands.
Array apply(std::shared_ptr<const Extension> extension, std::span<const Array> operands,
            std::source_location where = std::source_location::current());

}  // namespace costate
