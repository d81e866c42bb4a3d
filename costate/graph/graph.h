// The graph of a traced program: what user code becomes, and what every later stage reads.
//
// A Function is a list of nodes in an order where operands come first. It describes ONE sample: no batch axis. An input
// is either of a sample (kSample: state, time, data) or shared by all samples (kShared: parameters); an output either
// stays a value per sample or is summed over the batch (kSum: parameter gradients). Numbers have no dtype here: the
// plan picks f32 or f64, the interpreter computes in f64.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/shape.h"
#include "costate/graph/ops.h"

namespace costate {

class Extension;  // graph/extension.h

using NodeId = std::int32_t;

/// One operation applied to earlier nodes. Attributes that an operation does not use stay empty.
struct Node {
  Op op = Op::kConstant;
  Shape shape = {};
  std::vector<NodeId> operands = {};
  std::vector<double> values = {};         // kConstant: shape.size() numbers, or one that fills the shape
  std::vector<std::int64_t> indices = {};  // kInput: position; kGather, kScatter: flat positions; axes of the others,
                                           // attributes of convolutions and pools
  std::shared_ptr<const Extension> extension = {};  // kExtension
};

/// A named array that many programs share and an optimizer changes: weights, biases, rate constants.
/// Copies are handles to the same value.
class Parameter {
 public:
  Parameter(std::string name, HostArray value);

  const std::string& name() const { return state_->name; }
  const Shape& shape() const { return state_->value.shape(); }
  const HostArray& value() const { return state_->value; }
  /// Replaces the numbers; ShapeError if the shape changes.
  void set_value(HostArray value) const;
  /// The numbers, to be changed in place; they are f64 from then on.
  std::span<double> numbers() const;

  friend bool operator==(const Parameter& left, const Parameter& right) { return left.state_ == right.state_; }

 private:
  struct State {
    std::string name;
    HostArray value;
  };
  std::shared_ptr<State> state_;
};

enum class InputKind : std::uint8_t { kSample, kShared };
enum class OutputKind : std::uint8_t { kSample, kSum };

struct Input {
  std::string name;
  InputKind kind = InputKind::kSample;
  Shape shape;
  std::shared_ptr<const Parameter> parameter;  // set where the input is a Parameter that the traced code used
};

struct Output {
  std::string name;
  OutputKind kind = OutputKind::kSample;
  NodeId node = 0;
};

/// An immutable traced program. A cheap handle: copies share the graph.
class Function {
 public:
  Function() = default;
  Function(std::vector<Node> nodes, std::vector<Input> inputs, std::vector<Output> outputs);

  const std::vector<Node>& nodes() const { return data_->nodes; }
  const Node& node(NodeId id) const { return data_->nodes[static_cast<std::size_t>(id)]; }
  const std::vector<Input>& inputs() const { return data_->inputs; }
  const std::vector<Output>& outputs() const { return data_->outputs; }
  const Shape& output_shape(std::size_t output) const { return node(outputs().at(output).node).shape; }
  /// The inputs that are Parameters, in the order of their first use in the traced code.
  std::vector<Parameter> parameters() const;
  bool is_empty() const { return data_ == nullptr; }

  /// Same graph object (not: equal graphs).
  friend bool operator==(const Function& left, const Function& right) { return left.data_ == right.data_; }

 private:
  struct Data {
    std::vector<Node> nodes;
    std::vector<Input> inputs;
    std::vector<Output> outputs;
  };
  std::shared_ptr<const Data> data_;
};

}  // namespace costate
