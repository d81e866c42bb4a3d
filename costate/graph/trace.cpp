#include "costate/graph/trace.h"

#include "costate/graph/internal/builder.h"

namespace costate {

Function trace_list(const std::vector<ArgumentSpec>& arguments,
                    const std::function<std::vector<Array>(std::span<const Array>)>& callable) {
  internal::GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  std::vector<Array> inputs;
  for (const ArgumentSpec& argument : arguments)
    inputs.push_back(builder.input(argument.name, argument.kind, argument.shape));
  return builder.finish(callable(inputs));
}

namespace internal {
namespace {

/// The same function, its inputs in the order `from`, a permutation of their positions.
Function with_inputs_in_order(const Function& function, const std::vector<std::size_t>& from) {
  std::vector<Input> inputs;
  std::vector<std::int64_t> moved(from.size());
  for (const std::size_t position : from) {
    moved[position] = static_cast<std::int64_t>(inputs.size());
    inputs.push_back(function.inputs()[position]);
  }
  std::vector<Node> nodes = function.nodes();
  for (Node& node : nodes)
    if (node.op == Op::kInput) node.indices[0] = moved[static_cast<std::size_t>(node.indices[0])];
  return Function(std::move(nodes), std::move(inputs), function.outputs());
}

}  // namespace

CapturingFunction trace_capturing(const std::vector<ArgumentSpec>& arguments,
                                  const std::function<std::vector<Array>(std::span<const Array>)>& callable) {
  GraphBuilder builder(GraphBuilder::Outer::kCaptured);
  const BuilderScope scope(builder);
  std::vector<Array> inputs;
  for (const ArgumentSpec& argument : arguments)
    inputs.push_back(builder.input(argument.name, argument.kind, argument.shape));
  const std::vector<Array> results = own_operands(callable(inputs), std::source_location::current());
  CapturingFunction traced;
  std::vector<std::size_t> order, parameters;
  for (std::size_t i = 0; i < builder.inputs().size(); ++i)
    (builder.inputs()[i].parameter ? parameters : order).push_back(i);
  order.insert(order.end(), parameters.begin(), parameters.end());
  traced.function = with_inputs_in_order(builder.finish(results), order);
  for (const GraphBuilder::Capture& capture : builder.captures()) traced.captured.push_back(capture.outer);
  return traced;
}

}  // namespace internal
}  // namespace costate
