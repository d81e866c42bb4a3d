#include "costate/graph/internal/builder.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <functional>
#include <utility>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/describe.h"
#include "costate/graph/internal/infer.h"
#include "costate/graph/internal/per_node.h"

namespace costate::internal {
namespace {

thread_local GraphBuilder* current = nullptr;
thread_local std::vector<const GraphBuilder*> live;  // builders that exist; a handful at most

void mix(std::size_t& hash, std::size_t value) { hash ^= value + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2); }

std::size_t hash_of(const Node& node) {
  auto hash = static_cast<std::size_t>(node.op);
  for (const NodeId id : node.operands) mix(hash, static_cast<std::size_t>(id));
  for (const double value : node.values) mix(hash, std::bit_cast<std::uint64_t>(value));
  for (const std::int64_t index : node.indices) mix(hash, static_cast<std::size_t>(index));
  for (const std::int64_t axis : node.shape.axes()) mix(hash, static_cast<std::size_t>(axis));
  if (node.extension) mix(hash, std::hash<std::string>{}(node.extension->name()));
  return hash;
}

bool same_values(const std::vector<double>& left, const std::vector<double>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)  // bitwise, so that -0 and 0 stay apart and NaN is shared
    if (std::bit_cast<std::uint64_t>(left[i]) != std::bit_cast<std::uint64_t>(right[i])) return false;
  return true;
}

bool same_extension(const std::shared_ptr<const Extension>& left, const std::shared_ptr<const Extension>& right) {
  if (left == right) return true;
  return left && right && left->name() == right->name() && left->equals(*right);
}

bool same_node(const Node& left, const Node& right) {
  return left.op == right.op && left.shape == right.shape && left.operands == right.operands &&
         left.indices == right.indices && same_values(left.values, right.values) &&
         same_extension(left.extension, right.extension);
}

bool is_live(const GraphBuilder* builder, std::uint32_t serial) {
  return std::find(live.begin(), live.end(), builder) != live.end() && builder->serial() == serial;
}

}  // namespace

std::vector<Array> own_operands(std::span<const Array> operands, std::source_location where) {
  std::vector<Array> own;
  for (const Array& operand : operands) own.push_back(current_builder(where).own(operand, where));
  return own;
}

GraphBuilder::GraphBuilder(Outer outer) : outer_(outer), around_(current) {
  static std::atomic<std::uint32_t> next = 1;
  serial_ = next++;
  live.push_back(this);
}

GraphBuilder::~GraphBuilder() { std::erase(live, this); }

Array GraphBuilder::own(const Array& array, std::source_location where) {
  if (!array.is_empty() && array.builder() == this) return array;
  const GraphBuilder* owner = array.is_empty() ? nullptr : array.builder();
  const GraphBuilder* builder = this;
  while (builder != nullptr && builder != owner)
    builder = builder->outer_ == Outer::kCaptured ? builder->around_ : nullptr;
  if (builder == nullptr)
    throw InvalidArgument("[trace] at ", place(where), ": ",
                          array.is_empty() ? "an empty Array is used" : "an Array of another trace is used",
                          "; pass it as an argument of the traced callable instead.");
  return capture(array);
}

Array GraphBuilder::capture(const Array& array) {
  const Node& node = array.builder()->node(array.node());
  if (node.op == Op::kConstant) return append(node);
  const Input* input =
      node.op == Op::kInput ? &array.builder()->inputs()[static_cast<std::size_t>(node.indices[0])] : nullptr;
  if (input != nullptr && input->parameter) return parameter(*input->parameter);
  const Array outer = array.builder() == around_ ? array : around_->capture(array);
  for (const Capture& known : captures_)
    if (known.outer.node() == outer.node())
      return append(
          Node{.op = Op::kInput, .shape = outer.shape(), .indices = {static_cast<std::int64_t>(known.input)}});
  captures_.push_back({outer, inputs_.size()});
  return this->input(input != nullptr ? input->name : text::concat("captured", captures_.size() - 1),
                     varies_by_sample(outer) ? InputKind::kSample : InputKind::kShared, outer.shape());
}

Array GraphBuilder::input(std::string name, InputKind kind, Shape shape) {
  return input_like(Input{std::move(name), kind, std::move(shape), nullptr});
}

Array GraphBuilder::parameter(const Parameter& parameter) {
  for (std::size_t position = 0; position < inputs_.size(); ++position)
    if (inputs_[position].parameter && *inputs_[position].parameter == parameter)
      return append(
          Node{.op = Op::kInput, .shape = inputs_[position].shape, .indices = {static_cast<std::int64_t>(position)}});
  return input_like(
      Input{parameter.name(), InputKind::kShared, parameter.shape(), std::make_shared<const Parameter>(parameter)});
}

Array GraphBuilder::input_like(const Input& like) {
  inputs_.push_back(like);
  return append(
      Node{.op = Op::kInput, .shape = like.shape, .indices = {static_cast<std::int64_t>(inputs_.size()) - 1}});
}

Array GraphBuilder::constant(Shape shape, std::vector<double> values) {
  bool uniform = !values.empty();
  for (const double value : values)
    uniform = uniform && std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(values[0]);
  if (uniform) values.resize(1);
  return append(Node{.op = Op::kConstant, .shape = std::move(shape), .values = std::move(values)});
}

Array GraphBuilder::append(Node node) {
  const std::size_t hash = hash_of(node);
  const auto [first, last] = shared_.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (same_node(nodes_[static_cast<std::size_t>(it->second)], node)) return Array(this, it->second);
  nodes_.push_back(std::move(node));
  const auto id = static_cast<NodeId>(nodes_.size() - 1);
  shared_.emplace(hash, id);
  return Array(this, id);
}

Function GraphBuilder::finish(std::span<const Array> outputs, std::vector<OutputKind> kinds,
                              std::vector<std::string> names) const {
  const auto count = static_cast<NodeId>(nodes_.size());
  PerNode<bool> needed(count);
  for (const Array& output : outputs) {
    if (output.is_empty() || output.builder() != this)
      throw InvalidArgument("[trace] the callable returned an ",
                            output.is_empty() ? "empty Array" : "Array of another trace",
                            "; return what it computed from its arguments.");
    needed[output.node()] = true;
  }
  for (NodeId id = count; id-- > 0;)
    if (needed[id])
      for (const NodeId operand : node(id).operands) needed[operand] = true;

  PerNode<NodeId> renumbered(count, -1);
  std::vector<Node> kept;
  for (NodeId id = 0; id < count; ++id) {
    if (!needed[id]) continue;
    renumbered[id] = static_cast<NodeId>(kept.size());
    kept.push_back(node(id));
    for (NodeId& operand : kept.back().operands) operand = renumbered[operand];
  }
  std::vector<Output> listed;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    listed.push_back(Output{i < names.size() ? names[i] : text::concat("out", i),
                            i < kinds.size() ? kinds[i] : OutputKind::kSample, renumbered[outputs[i].node()]});
  return Function(std::move(kept), inputs_, std::move(listed));
}

GraphBuilder& current_builder(std::source_location where) {
  if (current == nullptr)
    throw InvalidArgument("[Array] at ", place(where), ": symbolic arrays exist only while a callable is traced; ",
                          "call this inside trace or vector_field. A Parameter's numbers are its value.");
  return *current;
}

BuilderScope::BuilderScope(GraphBuilder& builder) : previous_(std::exchange(current, &builder)) {}
BuilderScope::~BuilderScope() { current = previous_; }

Array append_op(Op op, std::span<const Array> operands, std::source_location where, std::vector<std::int64_t> indices,
                Shape shape) {
  const std::vector<Array> own = own_operands(operands, where);
  std::vector<Shape> shapes;
  Node node{.op = op, .indices = std::move(indices)};
  for (const Array& operand : own) {
    shapes.push_back(operand.shape());
    node.operands.push_back(operand.node());
  }
  try {
    node.shape = infer_shape(op, shapes, node.indices, shape);
  } catch (const ShapeError& error) {
    throw ShapeError("[", info(op).name, "] of ", describe_all(operands), " at ", place(where), ": ", error.what(),
                     ".");
  }
  return current_builder(where).append(std::move(node));
}

std::string origin(const Array& array) {
  const GraphBuilder& builder = *array.builder();
  PerNode<bool> needed(array.node() + 1);
  needed[array.node()] = true;
  std::vector<std::string> names;
  for (NodeId id = needed.size(); id-- > 0;) {
    const Node& node = builder.node(id);
    if (!needed[id]) continue;
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      if (carries_derivative(node.op, i)) needed[node.operands[i]] = true;
    if (node.op != Op::kInput) continue;
    const Input& input = builder.inputs()[static_cast<std::size_t>(node.indices[0])];
    names.push_back(text::concat(input.parameter ? "Parameter '" : "input '", input.name, "'"));
  }
  std::reverse(names.begin(), names.end());
  return text::join(names, " and ");
}

std::optional<std::vector<double>> constant_numbers(const Array& array) {
  const Node& node = array.builder()->node(array.node());
  if (node.op != Op::kConstant) return std::nullopt;
  std::vector<double> numbers = node.values;
  if (!numbers.empty()) numbers.resize(static_cast<std::size_t>(node.shape.size()), numbers[0]);
  return numbers;
}

namespace {

/// For each node up to `last`, whether `begins` says so of it or of a node below.
PerNode<bool> spread_up(const GraphBuilder& builder, NodeId last, const std::function<bool(NodeId)>& begins) {
  PerNode<bool> reached;
  for (NodeId id = 0; id <= last; ++id) {
    const auto& operands = builder.node(id).operands;
    reached.push_back(begins(id) ||
                      std::any_of(operands.begin(), operands.end(), [&](NodeId operand) { return reached[operand]; }));
  }
  return reached;
}

}  // namespace

bool varies_by_sample(const Array& array) {
  const GraphBuilder& builder = *array.builder();
  const auto begins = [&](NodeId id) {
    const Node& node = builder.node(id);
    if (node.op == Op::kExtension) return true;
    return node.op == Op::kInput &&
           builder.inputs()[static_cast<std::size_t>(node.indices[0])].kind == InputKind::kSample;
  };
  return spread_up(builder, array.node(), begins)[array.node()];
}

bool is_behind_extension(const Array& value, const Array& x) {
  const GraphBuilder& builder = *value.builder();
  const PerNode<bool> moved = spread_up(builder, value.node(), [&](NodeId id) { return id == x.node(); });
  return spread_up(builder, value.node(),
                   [&](NodeId id) { return builder.node(id).op == Op::kExtension && moved[id]; })[value.node()];
}

std::vector<Array> inline_function(const Function& function, std::span<const Array> arguments) {
  COSTATE_CHECK(arguments.size() == function.inputs().size(), "inline_function needs an argument for each input");
  GraphBuilder& builder = current_builder(std::source_location::current());
  const std::vector<Array> own = own_operands(arguments, std::source_location::current());
  PerNode<Array> values;
  for (const Node& node : function.nodes()) {
    if (node.op == Op::kInput) {
      values.push_back(own[static_cast<std::size_t>(node.indices[0])]);
      continue;
    }
    Node copy = node;
    for (NodeId& operand : copy.operands) operand = values[operand].node();
    values.push_back(builder.append(std::move(copy)));
  }
  std::vector<Array> results;
  for (const Output& output : function.outputs()) results.push_back(values[output.node]);
  return results;
}

}  // namespace costate::internal

namespace costate {

Array::Array(internal::GraphBuilder* builder, NodeId node)
    : builder_(builder), node_(node), trace_(builder->serial()) {}

internal::GraphBuilder* Array::builder() const {
  if (builder_ != nullptr && !internal::is_live(builder_, trace_))
    throw InvalidArgument(
        "[Array] an Array of another trace, which has ended, is used; pass it as an argument of the traced callable "
        "instead.");
  return builder_;
}

}  // namespace costate
