// Marks are operations whose value is their first operand.
#include "costate/solve/field_marks.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/simplify.h"

namespace costate {
namespace internal {
namespace {

template <class T>
class FirstOperandOp : public TileOp<T> {
 public:
  explicit FirstOperandOp(const TileOpContext& context) : context_(context) {}

  void run(const TileOpRun<T>& run, T* out) const override {
    const auto size = static_cast<std::size_t>(context_.operand_shapes[0].size());
    const std::size_t lanes = context_.lanes;
    const T* from = run.operands[0];
    if (!context_.operand_is_shared[0]) {
      std::copy_n(from, size * lanes, out);
      return;
    }
    for (std::size_t i = 0; i < size; ++i) std::fill_n(out + i * lanes, lanes, from[i]);
  }

 private:
  TileOpContext context_;
};

class Mark : public TileExtension<FirstOperandOp> {
 public:
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override { return operands[0]; }
};

class ExplicitPart : public Mark {
 public:
  std::string name() const override { return "explicit_part"; }
  std::vector<Array> vjp(std::span<const Array>, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    return {costate::explicit_part(cotangent)};
  }
  Array jvp(std::span<const Array>, const Array&, std::span<const Array> tangents) const override {
    return costate::explicit_part(tangents[0]);
  }
  bool equals(const Extension& other) const override { return dynamic_cast<const ExplicitPart*>(&other) != nullptr; }
};

/// Operands: the slope, z, J.
class WithJacobian : public Mark {
 public:
  std::string name() const override { return "with_jacobian"; }
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override {
    Array of_state;
    if (wanted[1])
      of_state = reshape(
          matmul(transpose(matrix(operands[2], result, operands[1])), reshape(cotangent, {result.shape().size()})),
          operands[1].shape());
    return {cotangent, of_state, {}};
  }
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    Array moved = tangents[0];
    if (!tangents[1].is_empty()) {
      const Array along =
          reshape(matmul(matrix(operands[2], result, operands[1]), reshape(tangents[1], {operands[1].shape().size()})),
                  result.shape());
      moved = moved.is_empty() ? along : moved + along;
    }
    return moved;
  }
  bool equals(const Extension& other) const override { return dynamic_cast<const WithJacobian*>(&other) != nullptr; }

 private:
  static Array matrix(const Array& jacobian, const Array& slope, const Array& z) {
    return reshape(jacobian, {slope.shape().size(), z.shape().size()});
  }
};

bool is_explicit_part(const Node& node) { return dynamic_cast<const ExplicitPart*>(node.extension.get()) != nullptr; }

}  // namespace

Array with_jacobian(const Array& slope, const Array& z, const Array& jacobian) {
  std::vector<std::int64_t> axes(slope.shape().axes().begin(), slope.shape().axes().end());
  for (const std::int64_t axis : z.shape().axes()) axes.push_back(axis);
  if (!(jacobian.shape() == Shape(axes)))
    throw ShapeError(
        "[vector_field] the Jacobian must have the shape of the derivative and of the state behind each "
        "other, ",
        Shape(axes), "; got ", jacobian.shape(), ".");
  const Array operands[] = {slope, z, jacobian};
  return costate::apply(std::make_shared<WithJacobian>(), operands);
}

Function drop_marks(const Function& function) {
  const auto is_mark = [](const Node& node) { return dynamic_cast<const Mark*>(node.extension.get()) != nullptr; };
  if (std::ranges::none_of(function.nodes(), is_mark)) return function;
  std::vector<Node> nodes = function.nodes();
  std::vector<NodeId> now(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (NodeId& operand : nodes[i].operands) operand = now[static_cast<std::size_t>(operand)];
    now[i] = is_mark(nodes[i]) ? nodes[i].operands[0] : static_cast<NodeId>(i);
  }
  std::vector<Output> outputs = function.outputs();
  for (Output& output : outputs) output.node = now[static_cast<std::size_t>(output.node)];
  return simplify(Function(std::move(nodes), function.inputs(), std::move(outputs)));
}

bool has_explicit_part(const Function& function) { return std::ranges::any_of(function.nodes(), is_explicit_part); }

Function implicit_part(const Function& function) {
  std::vector<Node> nodes = function.nodes();
  for (Node& node : nodes)
    if (is_explicit_part(node)) node = Node{.op = Op::kConstant, .shape = node.shape, .values = {0}};
  return simplify(Function(std::move(nodes), function.inputs(), function.outputs()));
}

/// With each marked term x as s x, the derivative by s is what the terms make of the result.
Function explicit_part_of(const Function& function) {
  GraphBuilder builder;
  const BuilderScope scope(builder);
  std::vector<Array> inputs;
  for (const Input& input : function.inputs()) inputs.push_back(builder.input_like(input));
  const Array share = builder.input("share", InputKind::kSample, Shape{});
  PerNode<Array> values;
  for (const Node& node : function.nodes()) {
    if (node.op == Op::kInput) {
      values.push_back(inputs[static_cast<std::size_t>(node.indices[0])]);
    } else if (is_explicit_part(node)) {
      values.push_back(share * values[node.operands[0]]);
    } else {
      Node copy = node;
      for (NodeId& operand : copy.operands) operand = values[operand].node();
      values.push_back(builder.append(std::move(copy)));
    }
  }
  std::vector<Array> slopes;
  for (const Output& output : function.outputs()) slopes.push_back(values[output.node]);
  const Array one = constant(1.0);
  const std::vector<Array> terms = push_forward(slopes, std::span(&share, 1), std::span(&one, 1));
  Function moved = builder.finish(terms);
  // The terms do not read the share but where one is within another.
  GraphBuilder outer;
  const BuilderScope outer_scope(outer);
  std::vector<Array> given;
  for (const Input& input : function.inputs()) given.push_back(outer.input_like(input));
  given.push_back(constant(1.0));
  return simplify(outer.finish(inline_function(moved, given)));
}

}  // namespace internal

Array explicit_part(Operand x) {
  return apply(std::make_shared<internal::ExplicitPart>(), std::span(&x.array, 1), x.where);
}

VectorField vector_field_with_jacobian(Shape state, const std::function<Array(Array, Array)>& rhs,
                                       const std::function<Array(Array, Array)>& jacobian) {
  return internal::trace_field(
      {{"z", std::move(state)}}, {}, [&](Array t, std::span<const Array> parts, std::span<const Array>) {
        const Array slope = rhs(t, stop_gradient(parts[0]));
        return std::vector<Array>{internal::with_jacobian(slope, parts[0], jacobian(t, parts[0]))};
      });
}

}  // namespace costate
