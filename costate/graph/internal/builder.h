// The graph under construction. Appends nodes with inferred shapes, sharing equal ones (common subexpressions never
// exist twice), and remembers which Parameter became which input.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/graph.h"

namespace costate::internal {

class GraphBuilder {
 public:
  /// What happens to Arrays of a trace around this one: they are refused, or become inputs of this function.
  enum class Outer { kRefused, kCaptured };

  explicit GraphBuilder(Outer outer = Outer::kRefused);
  ~GraphBuilder();
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  Array input(std::string name, InputKind kind, Shape shape);
  /// The input that stands for a Parameter; made at its first use.
  Array parameter(const Parameter& parameter);
  /// Adds an input exactly like one of another function (name, kind, shape, parameter).
  Array input_like(const Input& like);
  Array constant(Shape shape, std::vector<double> values);

  /// An Array of this trace as it is. One of a trace around it as an input of this function, made at its first use, if
  /// such are captured; constants and Parameters as what they are. InvalidArgument, with the user's line, otherwise.
  Array own(const Array& array, std::source_location where);
  /// The outer Arrays that have become inputs, and the positions of these.
  struct Capture {
    Array outer;
    std::size_t input = 0;
  };
  const std::vector<Capture>& captures() const { return captures_; }

  /// Appends a node whose shape is already known to be right, or finds the equal one.
  Array append(Node node);

  /// Tells builders apart that lived at one address.
  std::uint32_t serial() const { return serial_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  const std::vector<Input>& inputs() const { return inputs_; }

  /// The finished function, with only the nodes that outputs need. All inputs stay.
  Function finish(std::span<const Array> outputs, std::vector<OutputKind> kinds = {},
                  std::vector<std::string> names = {}) const;

 private:
  Array capture(const Array& outer);

  std::uint32_t serial_;
  Outer outer_;
  GraphBuilder* around_;  // the trace that was under way when this one began
  std::vector<Capture> captures_;
  std::deque<Node> nodes_;  // references to a node's shape stay good while nodes are appended
  std::vector<Input> inputs_;
  std::unordered_multimap<std::size_t, NodeId> shared_;
};

/// The graph that constants and Parameters join; set for the duration of a trace, per thread.
GraphBuilder& current_builder(std::source_location where);

/// Makes a builder current for a scope.
class BuilderScope {
 public:
  explicit BuilderScope(GraphBuilder& builder);
  ~BuilderScope();
  BuilderScope(const BuilderScope&) = delete;
  BuilderScope& operator=(const BuilderScope&) = delete;

 private:
  GraphBuilder* previous_;
};

/// Replays `function` into the current builder: its inputs replaced by `arguments` (one an input), giving its outputs.
std::vector<Array> inline_function(const Function& function, std::span<const Array> arguments);

/// For messages, what an Array is or is computed from: "Parameter 'p'", "'x' and 'y'".
std::string origin(const Array& array);

/// The numbers of an Array that the trace knows already; nullopt if it is not a constant.
std::optional<std::vector<double>> constant_numbers(const Array& array);

/// Whether a program holds an Array once for each sample: it depends on an input of samples, or an extension computed
/// it.
bool varies_by_sample(const Array& array);
/// Whether an extension computes `value` from x, or from what x computes.
bool is_behind_extension(const Array& value, const Array& x);

/// The operands as Arrays of the trace under way (GraphBuilder::own); `where` is the user's line.
std::vector<Array> own_operands(std::span<const Array> operands, std::source_location where);

/// Appends the elementwise/structure/reduce/product node `op`, its shape inferred and checked.
Array append_op(Op op, std::span<const Array> operands, std::source_location where,
                std::vector<std::int64_t> indices = {}, Shape shape = {});

}  // namespace costate::internal
