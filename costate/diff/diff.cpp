// The two sweeps over the graph, and the Functions made of them.
#include "costate/diff/diff.h"

#include <algorithm>
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/internal/inlined.h"
#include "costate/diff/internal/rules.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/simplify.h"
#include "costate/graph/tighten.h"

namespace costate {
namespace {

using internal::GraphBuilder;

std::vector<Array> operands_of(GraphBuilder& builder, const Node& node) {
  std::vector<Array> operands;
  for (const NodeId id : node.operands) operands.emplace_back(&builder, id);
  return operands;
}

/// Which of the first `count` nodes change with one of `wrt`, other than by jumps.
internal::PerNode<bool> depends_on(const GraphBuilder& builder, NodeId count, std::span<const Array> wrt) {
  internal::PerNode<bool> depends(count);
  for (const Array& x : wrt)
    if (x.node() < count) depends[x.node()] = true;
  for (NodeId id = 0; id < count; ++id) {
    const Node& node = builder.node(id);
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      if (depends[node.operands[i]] && carries_derivative(node.op, i)) depends[id] = true;
  }
  return depends;
}

NodeId num_nodes_of(std::span<const Array> values) {
  NodeId last = -1;
  for (const Array& value : values) last = std::max(last, value.node());
  return last + 1;
}

void add_to(Array& sum, const Array& term) {
  if (!term.is_empty()) sum = sum.is_empty() ? term : sum + term;
}

/// Cotangents of a node's operands; empty where none flows or none is wanted.
std::vector<Array> node_vjp(const Node& node, std::span<const Array> operands, const Array& result,
                            const Array& cotangent, const internal::PerNode<bool>& wanted) {
  if (node.op == Op::kExtension) {
    std::vector<bool> wanted_operands;
    for (const Array& operand : operands) wanted_operands.push_back(wanted[operand.node()]);
    return node.extension->vjp(operands, result, cotangent, wanted_operands);
  }
  std::vector<Array> cotangents(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!wanted[operands[i].node()]) continue;
    cotangents[i] = is_elementwise(node.op) ? internal::elementwise_partial(node.op, i, operands, result, cotangent)
                                            : internal::transposed_partial(node, i, operands, result, cotangent);
  }
  return cotangents;
}

Array node_jvp(const Node& node, std::span<const Array> operands, const Array& result,
               std::span<const Array> tangents) {
  if (node.op == Op::kExtension) return node.extension->jvp(operands, result, tangents);
  if (!is_elementwise(node.op)) return internal::forward_tangent(node, operands, result, tangents);
  Array tangent;
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (!tangents[i].is_empty())
      add_to(tangent, internal::elementwise_partial(node.op, i, operands, result, tangents[i]));
  return tangent;
}

std::vector<Array> pick(const std::vector<Array>& arrays, const std::vector<std::size_t>& positions) {
  std::vector<Array> picked;
  for (const std::size_t position : positions) picked.push_back(arrays[position]);
  return picked;
}

/// Finishes a function whose outputs are f's, then derivatives named after f's inputs, and perhaps their errors.
Function finish_reverse(GraphBuilder& builder, const Function& f, std::vector<Array> outputs,
                        const std::vector<std::size_t>& wrt, std::span<const Array> derivatives) {
  std::vector<OutputKind> kinds;
  std::vector<std::string> names;
  for (const Output& output : f.outputs()) {
    kinds.push_back(output.kind);
    names.push_back(output.name);
  }
  for (std::size_t i = 0; i < derivatives.size(); ++i) {
    const Input& input = f.inputs()[wrt[i % wrt.size()]];
    kinds.push_back(input.kind == InputKind::kShared ? OutputKind::kSum : OutputKind::kSample);
    names.push_back((i < wrt.size() ? "d_" : "error_d_") + input.name);
  }
  outputs.insert(outputs.end(), derivatives.begin(), derivatives.end());
  return simplify(builder.finish(outputs, std::move(kinds), std::move(names)));
}

}  // namespace

namespace internal {

std::vector<std::size_t> all_inputs_if_empty(const Function& f, std::span<const std::size_t> wrt) {
  std::vector<std::size_t> positions(wrt.begin(), wrt.end());
  if (positions.empty()) {
    positions.resize(f.inputs().size());
    std::iota(positions.begin(), positions.end(), std::size_t{0});
  }
  for (const std::size_t position : positions)
    if (position >= f.inputs().size())
      throw InvalidArgument("[diff] wrt names input ", position, "; the function has ", f.inputs().size(), " inputs.");
  return positions;
}

Inlined inline_with_inputs(GraphBuilder& builder, const Function& f) {
  Inlined inlined;
  for (const Input& input : f.inputs()) inlined.inputs.push_back(builder.input_like(input));
  inlined.outputs = inline_function(f, inlined.inputs);
  return inlined;
}

void check_scalar_loss(const Function& loss, const char* where) {
  refuse_empty(loss, where);
  if (loss.outputs().empty() || loss.output_shape(0).rank() != 0)
    throw ShapeError("[", where, "] the loss must be a scalar; got shape ",
                     loss.outputs().empty() ? Shape{0} : loss.output_shape(0), ". Sum or average it first.");
}

}  // namespace internal

std::vector<Array> pull_back(std::span<const Array> values, std::span<const Array> cotangents,
                             std::span<const Array> wrt) {
  if (values.size() != cotangents.size())
    throw InvalidArgument("[pull_back] needs a cotangent for each of ", values.size(), " values; got ",
                          cotangents.size(), ".");
  std::vector<Array> result;
  if (values.empty()) return result;
  GraphBuilder& builder = *values[0].builder();
  const NodeId count = num_nodes_of(values);
  const internal::PerNode<bool> wanted = depends_on(builder, count, wrt);
  internal::PerNode<Array> adjoint(count);
  for (std::size_t i = 0; i < values.size(); ++i) add_to(adjoint[values[i].node()], cotangents[i]);
  for (NodeId id = count; id-- > 0;) {
    if (adjoint[id].is_empty() || !wanted[id]) continue;
    const Node node = builder.node(id);  // a copy: rules append nodes
    const std::vector<Array> operands = operands_of(builder, node);
    if (operands.empty()) continue;
    const std::vector<Array> terms = node_vjp(node, operands, Array(&builder, id), adjoint[id], wanted);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const NodeId operand = operands[i].node();
      if (wanted[operand]) add_to(adjoint[operand], terms[i]);
    }
  }
  for (const Array& x : wrt) {
    const NodeId id = x.node();
    result.push_back(id < count && !adjoint[id].is_empty() ? adjoint[id] : zeros(x.shape()));
  }
  return result;
}

std::vector<Array> gradient(const Array& value, std::span<const Array> wrt) {
  if (value.shape().rank() != 0)
    throw ShapeError("[gradient] the value must be a scalar; got shape ", value.shape(), ". Sum it first.");
  const Array one = ones({});
  return pull_back(std::span(&value, 1), std::span(&one, 1), wrt);
}

std::vector<Array> push_forward(std::span<const Array> values, std::span<const Array> wrt,
                                std::span<const Array> tangents) {
  if (wrt.size() != tangents.size())
    throw InvalidArgument("[push_forward] needs a tangent for each of ", wrt.size(), " arrays; got ", tangents.size(),
                          ".");
  std::vector<Array> result;
  if (values.empty()) return result;
  GraphBuilder& builder = *values[0].builder();
  const NodeId count = num_nodes_of(values);
  const internal::PerNode<bool> moved = depends_on(builder, count, wrt);
  internal::PerNode<Array> tangent(count);
  for (std::size_t i = 0; i < wrt.size(); ++i)
    if (wrt[i].node() < count) tangent[wrt[i].node()] = tangents[i];
  for (NodeId id = 0; id < count; ++id) {
    if (!moved[id] || !tangent[id].is_empty()) continue;
    const Node node = builder.node(id);
    const std::vector<Array> operands = operands_of(builder, node);
    std::vector<Array> directions;
    for (const Array& operand : operands) directions.push_back(tangent[operand.node()]);
    const bool any = std::any_of(directions.begin(), directions.end(), [](const Array& x) { return !x.is_empty(); });
    if (any) tangent[id] = node_jvp(node, operands, Array(&builder, id), directions);
  }
  for (const Array& value : values) {
    const Array& moving = tangent[value.node()];
    result.push_back(moving.is_empty() ? zeros(value.shape()) : moving);
  }
  return result;
}

Function vjp(const Function& f, std::span<const std::size_t> wrt) {
  internal::refuse_empty(f, "vjp");
  const std::vector<std::size_t> positions = internal::all_inputs_if_empty(f, wrt);
  GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  const internal::Inlined inlined = internal::inline_with_inputs(builder, f);
  std::vector<Array> cotangents;
  for (std::size_t i = 0; i < f.outputs().size(); ++i)
    cotangents.push_back(builder.input(
        "cotangent_" + f.outputs()[i].name,
        f.outputs()[i].kind == OutputKind::kSum ? InputKind::kShared : InputKind::kSample, f.output_shape(i)));
  const std::vector<Array> derivatives = pull_back(inlined.outputs, cotangents, pick(inlined.inputs, positions));
  return finish_reverse(builder, f, inlined.outputs, positions, derivatives);
}

Function jvp(const Function& f, std::span<const std::size_t> wrt, InputKind shared_tangents) {
  internal::refuse_empty(f, "jvp");
  const std::vector<std::size_t> positions = internal::all_inputs_if_empty(f, wrt);
  GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  const internal::Inlined inlined = internal::inline_with_inputs(builder, f);
  std::vector<Array> tangents;
  for (const std::size_t position : positions) {
    const Input& input = f.inputs()[position];
    const InputKind kind = input.kind == InputKind::kShared ? shared_tangents : InputKind::kSample;
    tangents.push_back(builder.input("tangent_" + input.name, kind, input.shape));
  }
  std::vector<Array> outputs = inlined.outputs;
  const std::vector<Array> moved = push_forward(inlined.outputs, pick(inlined.inputs, positions), tangents);
  outputs.insert(outputs.end(), moved.begin(), moved.end());
  std::vector<OutputKind> kinds;
  std::vector<std::string> names;
  for (const char* prefix : {"", "tangent_"})
    for (const Output& output : f.outputs()) {
      kinds.push_back(output.kind);
      names.push_back(prefix + output.name);
    }
  return simplify(builder.finish(outputs, std::move(kinds), std::move(names)));
}

Function value_and_grad(const Function& loss, std::span<const std::size_t> wrt, const GradientOptions& options) {
  internal::check_scalar_loss(loss, "value_and_grad");
  const std::vector<std::size_t> positions = internal::all_inputs_if_empty(loss, wrt);
  GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  const internal::Inlined inlined = internal::inline_with_inputs(builder, loss);
  const std::vector<Array> wanted = pick(inlined.inputs, positions);
  std::vector<Array> derivatives = gradient(inlined.outputs[0], wanted);
  if (options.gradient_error) {
    const std::vector<Array> tight = gradient(internal::inline_function(tighten(loss), inlined.inputs)[0], wanted);
    for (std::size_t i = 0; i < tight.size(); ++i) derivatives.push_back(tight[i] - derivatives[i]);
  }
  return finish_reverse(builder, loss, inlined.outputs, positions, derivatives);
}

Function value_and_grad(const Function& loss, std::span<const Parameter> parameters, const GradientOptions& options) {
  internal::refuse_empty(loss, "value_and_grad");
  std::vector<std::size_t> positions;
  for (const Parameter& parameter : parameters) {
    const auto& inputs = loss.inputs();
    const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const Input& input) {
      return input.parameter && *input.parameter == parameter;
    });
    if (found == inputs.end())
      throw InvalidArgument("[value_and_grad] the loss does not use parameter '", parameter.name(),
                            "'; leave it out or use it.");
    positions.push_back(static_cast<std::size_t>(found - inputs.begin()));
  }
  if (positions.empty()) throw InvalidArgument("[value_and_grad] needs at least one parameter; got none.");
  return value_and_grad(loss, std::span<const std::size_t>(positions), options);
}

}  // namespace costate
