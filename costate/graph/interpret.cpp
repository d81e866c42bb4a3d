#include "costate/graph/interpret.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/convolution.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/internal/pooling.h"

namespace costate {
namespace internal {
namespace {

using Numbers = std::vector<double>;

double lesser(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::min(x, y); }
double greater(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::max(x, y); }

double floored_mod(double x, double y) {
  const double rest = std::fmod(x, y);
  if (rest == 0) return std::copysign(0.0, y);
  return std::signbit(rest) == std::signbit(y) || std::isnan(rest) ? rest : rest + y;
}

double unary(Op op, double x) {
  switch (op) {
    case Op::kNeg:
      return -x;
    case Op::kAbs:
      return std::abs(x);
    case Op::kSign:
      return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
    case Op::kFloor:
      return std::floor(x);
    case Op::kExp:
      return std::exp(x);
    case Op::kExpm1:
      return std::expm1(x);
    case Op::kLog:
      return std::log(x);
    case Op::kLog1p:
      return std::log1p(x);
    case Op::kSqrt:
      return std::sqrt(x);
    case Op::kSin:
      return std::sin(x);
    case Op::kCos:
      return std::cos(x);
    case Op::kTan:
      return std::tan(x);
    case Op::kAsin:
      return std::asin(x);
    case Op::kAcos:
      return std::acos(x);
    case Op::kAtan:
      return std::atan(x);
    case Op::kSinh:
      return std::sinh(x);
    case Op::kCosh:
      return std::cosh(x);
    case Op::kTanh:
      return std::tanh(x);
    case Op::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Op::kSoftplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case Op::kRelu:
      return greater(x, 0);
    case Op::kErf:
      return std::erf(x);
    case Op::kStopGradient:
      return x;
    default:
      COSTATE_CHECK(false, "no meaning for ", info(op).name);
      return 0;
  }
}

double binary(Op op, double x, double y) {
  switch (op) {
    case Op::kAdd:
      return x + y;
    case Op::kSub:
      return x - y;
    case Op::kMul:
      return x * y;
    case Op::kDiv:
      return x / y;
    case Op::kPow:
      return std::pow(x, y);
    case Op::kMod:
      return floored_mod(x, y);
    case Op::kAtan2:
      return std::atan2(x, y);
    case Op::kMin:
      return lesser(x, y);
    case Op::kMax:
      return greater(x, y);
    case Op::kLess:
      return x < y ? 1 : 0;
    case Op::kLessEqual:
      return x <= y ? 1 : 0;
    case Op::kEqual:
      return x == y ? 1 : 0;
    default:
      COSTATE_CHECK(false, "no meaning for ", info(op).name);
      return 0;
  }
}

/// Calls visit(flat position, coordinates) for each element of a shape, in row-major order.
void for_elements(const Shape& shape, const std::function<void(std::size_t, const std::vector<std::int64_t>&)>& visit) {
  std::vector<std::int64_t> at(static_cast<std::size_t>(shape.rank()), 0);
  for (std::int64_t flat = 0; flat < shape.size(); ++flat) {
    visit(static_cast<std::size_t>(flat), at);
    for (std::size_t axis = at.size(); axis-- > 0;) {
      if (++at[axis] < shape.axes()[axis]) break;
      at[axis] = 0;
    }
  }
}

Numbers broadcast(const Numbers& x, const Shape& from, const Shape& to) {
  const std::vector<std::int64_t> steps = from.strides();
  const auto skipped = static_cast<std::size_t>(to.rank() - from.rank());
  Numbers out(static_cast<std::size_t>(to.size()));
  for_elements(to, [&](std::size_t flat, const std::vector<std::int64_t>& at) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < steps.size(); ++axis)
      if (from.axes()[axis] != 1) position += at[axis + skipped] * steps[axis];
    out[flat] = x[static_cast<std::size_t>(position)];
  });
  return out;
}

Numbers transpose(const Numbers& x, const Shape& from, const Node& node) {
  const std::vector<std::int64_t> steps = from.strides();
  Numbers out(x.size());
  for_elements(node.shape, [&](std::size_t flat, const std::vector<std::int64_t>& at) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      position += at[axis] * steps[static_cast<std::size_t>(node.indices[axis])];
    out[flat] = x[static_cast<std::size_t>(position)];
  });
  return out;
}

Numbers gather(const Numbers& x, const Node& node) {
  Numbers out;
  for (const std::int64_t position : node.indices) out.push_back(x[static_cast<std::size_t>(position)]);
  return out;
}

Numbers scatter(const Numbers& x, const Node& node) {
  Numbers out(static_cast<std::size_t>(node.shape.size()), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) out[static_cast<std::size_t>(node.indices[i])] += x[i];
  return out;
}

Numbers concat(std::span<const Numbers> parts, std::span<const Shape> shapes, const Node& node) {
  const auto axis = static_cast<std::size_t>(node.indices[0]);
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= node.shape.axes()[i];
  Numbers out;
  for (std::int64_t row = 0; row < outer; ++row)
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const std::int64_t block = shapes[part].size() / std::max<std::int64_t>(outer, 1);
      const auto first = parts[part].begin() + row * block;
      out.insert(out.end(), first, first + block);
    }
  return out;
}

Numbers reduce(const Numbers& x, const Shape& from, const Node& node) {
  std::vector<bool> removed(static_cast<std::size_t>(from.rank()), false);
  for (const std::int64_t axis : node.indices) removed[static_cast<std::size_t>(axis)] = true;
  const std::vector<std::int64_t> steps = node.shape.strides();
  Numbers out(static_cast<std::size_t>(node.shape.size()), 0.0);
  std::vector<bool> started(out.size(), false);
  for_elements(from, [&](std::size_t flat, const std::vector<std::int64_t>& at) {
    std::int64_t position = 0;
    for (std::size_t axis = 0, kept = 0; axis < at.size(); ++axis)
      if (!removed[axis]) position += at[axis] * steps[kept++];
    const auto target = static_cast<std::size_t>(position);
    double& sum = out[target];
    if (!started[target])
      sum = x[flat];
    else
      sum = node.op == Op::kSum         ? sum + x[flat]
            : node.op == Op::kReduceMin ? lesser(sum, x[flat])
                                        : greater(sum, x[flat]);
    started[target] = true;
  });
  return out;
}

Numbers product(const Numbers& x, const Numbers& y, const Shape& left, const Shape& right, const Node& node) {
  const bool is_outer = node.op == Op::kOuter;
  const auto m = static_cast<std::size_t>(is_outer || left.rank() == 2 ? left[0] : 1);
  const auto k = static_cast<std::size_t>(is_outer ? 1 : left[-1]);
  const auto n = static_cast<std::size_t>(is_outer ? right[0] : right.rank() == 2 ? right[1] : 1);
  Numbers out(m * n, 0.0);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t step = 0; step < k; ++step) out[i * n + j] += x[i * k + step] * y[step * n + j];
  return out;
}

Numbers elementwise(const Node& node, std::span<const Numbers> operands) {
  Numbers out(operands[0].size());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = operands.size() == 1   ? unary(node.op, operands[0][i])
             : operands.size() == 2 ? binary(node.op, operands[0][i], operands[1][i])
                                    : (operands[0][i] != 0 ? operands[1][i] : operands[2][i]);
  return out;
}

}  // namespace

std::vector<double> interpret_node(const Node& node, std::span<const std::vector<double>> operands,
                                   std::span<const Shape> shapes) {
  switch (node.op) {
    case Op::kConstant:
      return node.values.size() == 1 ? Numbers(static_cast<std::size_t>(node.shape.size()), node.values[0])
                                     : node.values;
    case Op::kBroadcast:
      return broadcast(operands[0], shapes[0], node.shape);
    case Op::kReshape:
      return operands[0];
    case Op::kTranspose:
      return transpose(operands[0], shapes[0], node);
    case Op::kGather:
      return gather(operands[0], node);
    case Op::kScatter:
      return scatter(operands[0], node);
    case Op::kConcat:
      return concat(operands, shapes, node);
    case Op::kSum:
    case Op::kReduceMin:
    case Op::kReduceMax:
      return reduce(operands[0], shapes[0], node);
    case Op::kMatmul:
    case Op::kOuter:
      return product(operands[0], operands[1], shapes[0], shapes[1], node);
    case Op::kConv2d:
    case Op::kConv2dInput:
    case Op::kConv2dWeights:
      return interpret_convolution(node, operands, shapes);
    case Op::kAvgPool:
    case Op::kAvgPoolInput:
    case Op::kMaxPool:
    case Op::kMaxPoolInput:
      return interpret_pool(node, operands, shapes);
    case Op::kExtension:
      return node.extension->interpret(operands);
    default:
      return elementwise(node, operands);
  }
}

}  // namespace internal

namespace {

std::vector<std::vector<double>> bind_inputs(const Function& function, std::span<const HostArray> given) {
  const bool all_given = given.size() == function.inputs().size();
  std::vector<std::vector<double>> bound;
  std::size_t next = 0;
  for (const Input& input : function.inputs()) {
    if (!all_given && input.parameter) {
      bound.push_back(input.parameter->value().numbers());
      continue;
    }
    if (next >= given.size() || !(given[next].shape() == input.shape))
      throw ShapeError("[interpret] input '", input.name, "' needs an array of shape ", input.shape, "; got ",
                       next < given.size() ? to_string(given[next].shape()) : "none", ".");
    bound.push_back(given[next++].numbers());
  }
  if (next != given.size()) throw InvalidArgument("[interpret] takes ", next, " inputs; got ", given.size(), ".");
  return bound;
}

}  // namespace

std::vector<HostArray> interpret(const Function& function, std::span<const HostArray> inputs) {
  internal::refuse_empty(function, "interpret");
  const std::vector<std::vector<double>> bound = bind_inputs(function, inputs);
  internal::PerNode<std::vector<double>> values;
  for (const Node& node : function.nodes()) {
    if (node.op == Op::kInput) {
      values.push_back(bound[static_cast<std::size_t>(node.indices[0])]);
      continue;
    }
    std::vector<std::vector<double>> operands;
    std::vector<Shape> shapes;
    for (const NodeId id : node.operands) {
      operands.push_back(values[id]);
      shapes.push_back(function.node(id).shape);
    }
    values.push_back(internal::interpret_node(node, operands, shapes));
  }
  std::vector<HostArray> outputs;
  for (const Output& output : function.outputs())
    outputs.emplace_back(function.node(output.node).shape, values[output.node]);
  return outputs;
}

}  // namespace costate
