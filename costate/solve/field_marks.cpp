#include "costate/solve/field_marks.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/dropped_mark.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/simplify.h"

namespace costate {
namespace internal {
namespace {

class ExplicitPart : public DroppedMark {
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

/// Operands: the slope, z, J. Derivatives are the slope's own, so that those of any order agree.
class WithJacobian : public DroppedMark {
 public:
  std::string name() const override { return "with_jacobian"; }
  std::vector<Array> vjp(std::span<const Array>, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    return {cotangent, {}, {}};
  }
  Array jvp(std::span<const Array>, const Array&, std::span<const Array> tangents) const override {
    return tangents[0];
  }
  bool equals(const Extension& other) const override { return dynamic_cast<const WithJacobian*>(&other) != nullptr; }
};

/// The same operands, of which the slope moves with z by J, and with nothing else.
class MovesByJacobian : public DroppedMark {
 public:
  std::string name() const override { return "moves_by_jacobian"; }
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override {
    const Array rows = transpose(matrix(operands, result));
    return {{}, reshape(matmul(rows, reshape(cotangent, {result.shape().size()})), operands[1].shape()), {}};
  }
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    if (tangents[1].is_empty()) return {};
    const Array along = reshape(tangents[1], {operands[1].shape().size()});
    return reshape(matmul(matrix(operands, result), along), result.shape());
  }
  bool equals(const Extension& other) const override { return dynamic_cast<const MovesByJacobian*>(&other) != nullptr; }

 private:
  static Array matrix(std::span<const Array> operands, const Array& slope) {
    return reshape(operands[2], {slope.shape().size(), operands[1].shape().size()});
  }
};

template <class M>
bool is_mark(const Node& node) {
  return dynamic_cast<const M*>(node.extension.get()) != nullptr;
}

/// With marks of one kind, of the same operands, in the place of those of another.
template <class Old, class New>
Function with_marks(const Function& function) {
  std::vector<Node> nodes = function.nodes();
  for (Node& node : nodes)
    if (is_mark<Old>(node)) node.extension = std::make_shared<New>();
  return Function(std::move(nodes), function.inputs(), function.outputs());
}

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

bool has_given_jacobian(const Function& function) {
  return std::ranges::any_of(function.nodes(), is_mark<WithJacobian>);
}

Function moving_by_given_jacobian(const Function& function) {
  return with_marks<WithJacobian, MovesByJacobian>(function);
}

Function jacobian_as_given(const Function& function, std::size_t state) {
  const Function both = jacobian(moving_by_given_jacobian(function), std::span(&state, 1));
  return with_marks<MovesByJacobian, WithJacobian>(both);
}

bool has_explicit_part(const Function& function) {
  return std::ranges::any_of(function.nodes(), is_mark<ExplicitPart>);
}

Function implicit_part(const Function& function) {
  std::vector<Node> nodes = function.nodes();
  for (Node& node : nodes)
    if (is_mark<ExplicitPart>(node)) node = Node{.op = Op::kConstant, .shape = node.shape, .values = {0}};
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
    } else if (is_mark<ExplicitPart>(node)) {
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
        return std::vector<Array>{internal::with_jacobian(rhs(t, parts[0]), parts[0], jacobian(t, parts[0]))};
      });
}

}  // namespace costate
