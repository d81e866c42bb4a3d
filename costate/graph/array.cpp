// Every operation on Arrays: broadcasts its operands, then appends one node, or composes others.
#include "costate/graph/array.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/describe.h"

namespace costate {

using internal::append_op;
using internal::current_builder;
using internal::describe;
using internal::place;

namespace {

Array broadcast_from(const Array& x, const Shape& shape, std::source_location where) {
  if (x.shape() == shape) return x;
  return append_op(Op::kBroadcast, std::span(&x, 1), where, {}, shape);
}

Array unary(Op op, const Operand& x) { return append_op(op, std::span(&x.array, 1), x.where); }

Array elementwise(Op op, std::initializer_list<const Operand*> operands) {
  Shape shape;
  std::vector<Array> seen;
  for (const Operand* operand : operands) {
    seen.push_back(operand->array);
    try {
      shape = broadcast_shapes(shape, operand->array.shape());
    } catch (const ShapeError&) {
      throw ShapeError("[", info(op).name, "] of ", internal::describe_all(seen), " at ", place(operand->where),
                       ": shapes must agree or be 1 along each axis, aligned at the end.");
    }
  }
  std::vector<Array> arrays;
  for (const Operand* operand : operands) arrays.push_back(broadcast_from(operand->array, shape, operand->where));
  return append_op(op, arrays, (*operands.begin())->where);
}

std::vector<std::int64_t> all_axes(const Shape& shape) {
  std::vector<std::int64_t> axes(static_cast<std::size_t>(shape.rank()));
  std::iota(axes.begin(), axes.end(), std::int64_t{0});
  return axes;
}

/// An axis counted from the first; ShapeError with the user's line if there is none such.
int axis_of(std::string_view function, const Array& x, std::int64_t axis, std::source_location where) {
  const int rank = x.shape().rank();
  if (axis >= -rank && axis < rank) return x.shape().normalize_axis(axis);
  throw ShapeError("[", function, "] of ", describe(x), " at ", place(where), ": there is no axis ", axis, "; ",
                   rank == 0 ? "a scalar has none." : text::concat("take one of ", -rank, " to ", rank - 1, "."));
}

std::vector<std::int64_t> axes_of(Op op, const Operand& x, std::vector<std::int64_t> axes) {
  for (std::int64_t& axis : axes) axis = axis_of(info(op).name, x.array, axis, x.where);
  return axes;
}

Array reduce(Op op, const Operand& x, std::vector<std::int64_t> axes) {
  if (axes.empty()) return x.array;
  return append_op(op, std::span(&x.array, 1), x.where, axes_of(op, x, std::move(axes)));
}

}  // namespace

Array::Array(const Parameter& parameter)
    : Array(current_builder(std::source_location::current()).parameter(parameter)) {}

Operand::Operand(double value, std::source_location line)
    : array(current_builder(line).constant({}, {value})), where(line) {}

const Shape& Array::shape() const {
  if (is_empty()) throw InvalidArgument("[Array.shape] the Array is empty; assign it a value first.");
  return builder()->node(node_).shape;
}

Array Array::slice(std::int64_t begin, std::int64_t end, std::source_location where) const {
  const std::int64_t length = shape().rank() == 0 ? 0 : shape()[0];
  const std::int64_t first = begin < 0 ? begin + length : begin;
  const std::int64_t last = end < 0 ? end + length : end;
  if (shape().rank() == 0 || first < 0 || last > length || first > last)
    throw ShapeError("[slice] at ", place(where), ": positions ", begin, " to ", end,
                     " do not lie in the first axis of ", shape(), ".");
  std::vector<std::int64_t> axes = shape().axes();
  axes[0] = last - first;
  if (first == 0 && last == length) return *this;
  const std::int64_t row = length == 0 ? 0 : shape().size() / length;
  std::vector<std::int64_t> positions(static_cast<std::size_t>((last - first) * row));
  std::iota(positions.begin(), positions.end(), first * row);
  return append_op(Op::kGather, std::span(this, 1), where, std::move(positions), Shape(std::move(axes)));
}

Array Array::operator[](std::int64_t index) const {
  const std::int64_t length = shape().rank() == 0 ? 0 : shape()[0];
  if (index < -length || index >= length)
    throw ShapeError("[Array] index ", index, " of ", describe(*this), " does not lie in ",
                     shape().rank() == 0 ? "it, a scalar; leave the index out."
                                         : text::concat("its first axis, of length ", length, "."));
  const std::int64_t position = index < 0 ? index + length : index;
  const Array row = slice(position, position + 1);
  return reshape(row, row.shape().without_first());
}

// abs, exp, mod, equal, …: the functions of the table
#define COSTATE_UNARY_FUNCTION(Name, spelling, ...) \
  Array spelling(Operand x) { return unary(Op::k##Name, x); }
#define COSTATE_BINARY_FUNCTION(Name, spelling, ...) \
  Array spelling(Operand x, Operand y) { return elementwise(Op::k##Name, {&x, &y}); }
#include "costate/graph/ops.def"

Array operator-(Operand x) { return unary(Op::kNeg, x); }
Array stop_gradient(Operand x) { return unary(Op::kStopGradient, x); }

Array square(Operand x) { return x * x; }
Array elu(Operand x, double alpha) { return where(x > 0.0, x, alpha * expm1(min(x, 0.0))); }
Array gelu(Operand x) { return 0.5 * x * (1.0 + erf(x * (1.0 / std::numbers::sqrt2))); }
Array silu(Operand x) { return x * sigmoid(x); }

Array operator+(Operand x, Operand y) { return elementwise(Op::kAdd, {&x, &y}); }
Array operator-(Operand x, Operand y) { return elementwise(Op::kSub, {&x, &y}); }
Array operator*(Operand x, Operand y) { return elementwise(Op::kMul, {&x, &y}); }
Array operator/(Operand x, Operand y) { return elementwise(Op::kDiv, {&x, &y}); }
Array pow(Operand x, Operand y) { return elementwise(Op::kPow, {&x, &y}); }
Array min(Operand x, Operand y) { return elementwise(Op::kMin, {&x, &y}); }
Array max(Operand x, Operand y) { return elementwise(Op::kMax, {&x, &y}); }
Array operator<(Operand x, Operand y) { return elementwise(Op::kLess, {&x, &y}); }
Array operator<=(Operand x, Operand y) { return elementwise(Op::kLessEqual, {&x, &y}); }
Array operator>(Operand x, Operand y) { return y < x; }
Array operator>=(Operand x, Operand y) { return y <= x; }
Array where(Operand condition, Operand x, Operand y) { return elementwise(Op::kWhere, {&condition, &x, &y}); }

Array broadcast_to(Operand x, Shape shape) { return broadcast_from(x.array, shape, x.where); }

Array reshape(Operand x, Shape shape) {
  if (x.array.shape() == shape) return x.array;
  return append_op(Op::kReshape, std::span(&x.array, 1), x.where, {}, std::move(shape));
}

Array transpose(Operand x) {
  std::vector<std::int64_t> axes = all_axes(x.array.shape());
  return transpose(x, std::vector<std::int64_t>(axes.rbegin(), axes.rend()));
}

Array transpose(Operand x, std::vector<std::int64_t> axes) {
  axes = axes_of(Op::kTranspose, x, std::move(axes));
  if (axes == all_axes(x.array.shape())) return x.array;
  return append_op(Op::kTranspose, std::span(&x.array, 1), x.where, std::move(axes));
}

Array gather(Operand x, std::vector<std::int64_t> positions, Shape shape) {
  return append_op(Op::kGather, std::span(&x.array, 1), x.where, std::move(positions), std::move(shape));
}

Array scatter(Operand x, std::vector<std::int64_t> positions, Shape shape) {
  return append_op(Op::kScatter, std::span(&x.array, 1), x.where, std::move(positions), std::move(shape));
}

Array concat(std::span<const Array> parts, int axis, std::source_location where) {
  if (parts.empty()) throw InvalidArgument("[concat] at ", place(where), ": needs at least one array; got none.");
  if (parts.size() == 1) return parts[0];
  return append_op(Op::kConcat, parts, where, {axis_of("concat", parts[0], axis, where)});
}

Array concat(std::initializer_list<Array> parts, int axis, std::source_location where) {
  return concat(std::span(parts.begin(), parts.size()), axis, where);
}

Array stack(std::span<const Array> parts, std::source_location where) {
  if (parts.empty()) throw InvalidArgument("[stack] at ", place(where), ": needs at least one array; got none.");
  std::vector<Array> rows;
  for (const Array& part : parts) {
    if (!(part.shape() == parts[0].shape()))
      throw ShapeError("[stack] of ", describe(parts[0]), " and ", describe(part), " at ", place(where),
                       ": shapes must be equal.");
    rows.push_back(reshape({part, where}, part.shape().with_first(1)));
  }
  return concat(rows, 0, where);
}

Array stack(std::initializer_list<Array> parts, std::source_location where) {
  return stack(std::span(parts.begin(), parts.size()), where);
}

Array sum(Operand x) { return reduce(Op::kSum, x, all_axes(x.array.shape())); }
Array sum(Operand x, std::vector<std::int64_t> axes) { return reduce(Op::kSum, x, std::move(axes)); }
Array mean(Operand x) { return mean(x, all_axes(x.array.shape())); }

Array mean(Operand x, std::vector<std::int64_t> axes) {
  const Array total = sum(x, std::move(axes));
  const std::int64_t count = x.array.shape().size() / std::max<std::int64_t>(1, total.shape().size());
  return total * (1.0 / static_cast<double>(count));
}

Array reduce_min(Operand x, std::vector<std::int64_t> axes) { return reduce(Op::kReduceMin, x, std::move(axes)); }
Array reduce_max(Operand x, std::vector<std::int64_t> axes) { return reduce(Op::kReduceMax, x, std::move(axes)); }

Array norm(Operand x) { return norm(x, all_axes(x.array.shape())); }

Array norm(Operand x, std::vector<std::int64_t> axes) {
  const Array squares = sum(square(x), std::move(axes));
  const Array is_zero = equal(squares, 0.0);  // where the root's slope is infinite
  return where(is_zero, 0.0, sqrt(where(is_zero, 1.0, squares)));
}

Array cumsum(Operand x, int axis) {
  const Shape shape = x.array.shape();
  axis = axis_of("cumsum", x.array, axis, x.where);
  const std::int64_t length = shape[axis];
  // Moved by 1, 2, 4, … and added: each then has the sum of twice as many before it. None gets a number from behind it,
  // which may be NaN.
  std::vector<std::int64_t> flat(static_cast<std::size_t>(shape.size()));
  std::iota(flat.begin(), flat.end(), std::int64_t{0});
  std::int64_t stride = 1;
  for (int after = axis + 1; after < shape.rank(); ++after) stride *= shape[after];
  Array sums = x.array;
  for (std::int64_t step = 1; step < length; step *= 2) {
    std::vector<std::int64_t> from, to;
    for (const std::int64_t position : flat)
      if (position / stride % length >= step) {
        from.push_back(position - step * stride);
        to.push_back(position);
      }
    std::vector<std::int64_t> axes = shape.axes();
    axes[static_cast<std::size_t>(axis)] = length - step;
    sums = sums +
           scatter({gather({sums, x.where}, std::move(from), Shape(std::move(axes))), x.where}, std::move(to), shape);
  }
  return sums;
}

Array matmul(Operand x, Operand y) {
  const Array operands[] = {x.array, y.array};
  return append_op(Op::kMatmul, operands, x.where);
}

Array outer(Operand x, Operand y) {
  const Array operands[] = {x.array, y.array};
  return append_op(Op::kOuter, operands, x.where);
}

Array constant(double value) { return full({}, value); }

Array constant(const HostArray& values) {
  std::vector<double> numbers(static_cast<std::size_t>(values.size()));
  for (std::int64_t i = 0; i < values.size(); ++i) numbers[static_cast<std::size_t>(i)] = values.at(i);
  return current_builder(std::source_location::current()).constant(values.shape(), std::move(numbers));
}

Array full(Shape shape, double value) {
  return current_builder(std::source_location::current()).constant(std::move(shape), {value});
}

Array zeros(Shape shape) { return full(std::move(shape), 0.0); }
Array ones(Shape shape) { return full(std::move(shape), 1.0); }

Array apply(std::shared_ptr<const Extension> extension, std::span<const Array> operands, std::source_location where) {
  std::vector<Shape> shapes;
  Node node{.op = Op::kExtension, .extension = extension};
  for (const Array& operand : internal::own_operands(operands, where)) {
    shapes.push_back(operand.shape());
    node.operands.push_back(operand.node());
  }
  node.shape = extension->infer_shape(shapes);
  return current_builder(where).append(std::move(node));
}

}  // namespace costate
