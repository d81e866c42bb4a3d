// Rebuilds the function node by node; each rewrite looks at one node whose operands are already simple.
#include "costate/graph/simplify.h"

#include <algorithm>
#include <optional>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/internal/rebuild.h"
#include "costate/graph/interpret.h"

namespace costate {
namespace {

using internal::GraphBuilder;

// Larger constants are cheaper to compute once (in the plan's shared part) than to carry.
constexpr std::int64_t kMostFolded = 4096;

const Node& node_of(const Array& array) { return array.builder()->node(array.node()); }

/// The number that fills a constant, if it is one number.
std::optional<double> filled_with(const Array& array) {
  const Node& node = node_of(array);
  if (node.op == Op::kConstant && node.values.size() == 1) return node.values[0];
  return std::nullopt;
}

bool is_filled_with(const Array& array, double value) { return filled_with(array) == value; }

Array filled(const Node& node, double value) { return full(node.shape, value); }

bool all_constant(std::span<const Array> operands) {
  return !operands.empty() &&
         std::all_of(operands.begin(), operands.end(), [](const Array& x) { return node_of(x).op == Op::kConstant; });
}

std::optional<Array> fold(const Node& node, std::span<const Array> operands) {
  if (node.op == Op::kExtension || !all_constant(operands) || node.shape.size() > kMostFolded) return std::nullopt;
  if (node.op == Op::kBroadcast && filled_with(operands[0])) return filled(node, *filled_with(operands[0]));
  std::vector<std::vector<double>> numbers;
  std::vector<Shape> shapes;
  for (const Array& operand : operands) {
    if (operand.shape().size() > kMostFolded) return std::nullopt;
    numbers.push_back(internal::interpret_node(node_of(operand), {}, {}));
    shapes.push_back(operand.shape());
  }
  return operands[0].builder()->constant(node.shape, internal::interpret_node(node, numbers, shapes));
}

/// y of -y; an empty Array if x is no negation.
Array negated_in(const Array& x) {
  const Node& node = node_of(x);
  return node.op == Op::kNeg ? Array(x.builder(), node.operands[0]) : Array();
}

/// x + (-y) and x - (-y), whose bits are those of x - y and x + y, where nothing else reads -y. A negation on the left
/// is left there: sums over the batch take the terms in this order.
std::optional<Array> without_negation(const Node& node, std::span<const Array> x) {
  const Array negated = negated_in(x[1]);
  if (negated.is_empty()) return std::nullopt;
  return node.op == Op::kAdd ? x[0] - negated : x[0] + negated;
}

std::optional<Array> simplify_arithmetic(const Node& node, std::span<const Array> x) {
  switch (node.op) {
    case Op::kAdd:
      if (is_filled_with(x[0], 0)) return x[1];
      if (is_filled_with(x[1], 0)) return x[0];
      return std::nullopt;
    case Op::kSub:
      if (is_filled_with(x[1], 0)) return x[0];
      if (is_filled_with(x[0], 0)) return -x[1];
      return std::nullopt;
    case Op::kMul:
      for (const int i : {0, 1}) {
        if (is_filled_with(x[static_cast<std::size_t>(i)], 0)) return filled(node, 0);
        if (is_filled_with(x[static_cast<std::size_t>(i)], 1)) return x[static_cast<std::size_t>(1 - i)];
        if (is_filled_with(x[static_cast<std::size_t>(i)], -1)) return -x[static_cast<std::size_t>(1 - i)];
      }
      return std::nullopt;
    case Op::kDiv:
      if (is_filled_with(x[1], 1)) return x[0];
      if (is_filled_with(x[0], 0)) return filled(node, 0);
      return std::nullopt;
    case Op::kPow:
      if (is_filled_with(x[1], 0)) return filled(node, 1);
      if (is_filled_with(x[1], 1)) return x[0];
      if (is_filled_with(x[1], 2)) return x[0] * x[0];
      return std::nullopt;
    case Op::kNeg:
      if (const Array negated = negated_in(x[0]); !negated.is_empty()) return negated;
      return std::nullopt;
    case Op::kWhere:
      if (const auto condition = filled_with(x[0])) return *condition != 0 ? x[1] : x[2];
      if (x[1].node() == x[2].node()) return x[1];
      return std::nullopt;
    case Op::kMatmul:
    case Op::kOuter:
    case Op::kConv2d:
    case Op::kConv2dInput:
    case Op::kConv2dWeights:
      if (is_filled_with(x[0], 0) || is_filled_with(x[1], 0)) return filled(node, 0);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

/// The transpose of a product of two columns' kind, as the product of the columns swapped: what gradients of gradients
/// add to a weight matrix, in the form that is summed over the batch without ever existing for a sample.
std::optional<Array> transpose_product(const Node& product, const Array& like) {
  const auto operand = [&](std::size_t i) { return Array(like.builder(), product.operands[i]); };
  if (product.op == Op::kOuter) return outer(operand(1), operand(0));
  if (product.op != Op::kMatmul || node_of(operand(1)).op != Op::kTranspose) return std::nullopt;
  return matmul(Array(like.builder(), node_of(operand(1)).operands[0]), transpose(operand(0)));
}

std::optional<Array> simplify_structure(const Node& node, std::span<const Array> x) {
  const Node& inner = node_of(x[0]);
  if (inner.op == Op::kConstant && inner.values.size() == 1 && (node.op == Op::kReshape || node.op == Op::kBroadcast))
    return filled(node, inner.values[0]);
  if (node.op == inner.op && (node.op == Op::kReshape || node.op == Op::kBroadcast)) {
    const Array source(x[0].builder(), inner.operands[0]);
    return node.op == Op::kReshape ? reshape(source, node.shape) : broadcast_to(source, node.shape);
  }
  if (node.op == Op::kTranspose && inner.op == Op::kTranspose) {
    std::vector<std::int64_t> axes;
    for (const std::int64_t axis : node.indices) axes.push_back(inner.indices[static_cast<std::size_t>(axis)]);
    return transpose(Array(x[0].builder(), inner.operands[0]), std::move(axes));
  }
  if (node.op == Op::kTranspose && inner.shape.rank() == 2) return transpose_product(inner, x[0]);
  if (node.op == Op::kReshape && node.shape == x[0].shape()) return x[0];
  return std::nullopt;
}

/// How often the nodes of a function are read.
internal::PerNode<std::int64_t> num_readers(const Function& function) {
  internal::PerNode<std::int64_t> readers(internal::num_nodes(function));
  for (const Node& node : function.nodes())
    for (const NodeId operand : node.operands) ++readers[operand];
  for (const Output& output : function.outputs()) ++readers[output.node];
  return readers;
}

Array rebuild(GraphBuilder& builder, const Node& node, std::span<const Array> operands,
              const internal::PerNode<std::int64_t>& readers) {
  if (auto folded = fold(node, operands)) return *folded;
  if (auto simple = simplify_arithmetic(node, operands)) return *simple;
  if ((node.op == Op::kAdd || node.op == Op::kSub) && readers[node.operands[1]] == 1)
    if (auto simple = without_negation(node, operands)) return *simple;
  if (node.operands.size() == 1)
    if (auto simple = simplify_structure(node, operands)) return *simple;
  return internal::append_copy(builder, node, operands);
}

}  // namespace

Function simplify(const Function& function) {
  internal::refuse_empty(function, "simplify");
  GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  const internal::PerNode<std::int64_t> readers = num_readers(function);
  return internal::rebuild_function(builder, function, [&](const Node& node, std::span<const Array> operands) {
    return rebuild(builder, node, operands, readers);
  });
}

}  // namespace costate
