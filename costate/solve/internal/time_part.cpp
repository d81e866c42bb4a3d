#include "costate/solve/internal/time_part.h"

#include <algorithm>
#include <map>

#include "costate/base/text.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/internal/rebuild.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

bool copies_only(Op op) { return op == Op::kReshape || op == Op::kBroadcast; }

class Splitter {
 public:
  Splitter(const Function& function, std::size_t num_times)
      : function_(simplify(function)), num_times_(static_cast<std::int64_t>(num_times)) {
    for (const Node& node : function_.nodes()) {
      const bool is_constant = node.op == Op::kConstant;
      const bool is_time = node.op == Op::kInput && node.indices[0] < num_times_;
      bool fits = is_time || (node.op != Op::kInput && !is_constant);
      for (const NodeId operand : node.operands)
        fits = fits && (of_time(operand) || function_.node(operand).op == Op::kConstant);
      of_time_.push_back(fits);
    }
  }

  TimePart split() {
    find_values();
    TimePart part{.of_time = time_function(), .rest = rest(), .reads_time = false};
    part.reads_time = std::ranges::any_of(values_, [&](NodeId id) { return function_.node(id).op == Op::kInput; });
    return part;
  }

 private:
  bool of_time(NodeId id) const { return of_time_[id]; }

  /// What the rest reads. Where it is a copy the rest makes that itself.
  void find_values() {
    PerNode<bool> in_rest(num_nodes(function_));
    for (const Output& output : function_.outputs()) in_rest[output.node] = true;
    for (NodeId id = num_nodes(function_); id-- > 0;) {
      const Node& node = function_.node(id);
      if (!in_rest[id]) continue;
      if (of_time_[id] && !copies_only(node.op))
        values_.push_back(id);
      else
        for (const NodeId operand : node.operands) in_rest[operand] = true;
    }
    std::ranges::reverse(values_);
  }

  /// Copies a node and all that it needs and that is not `known` yet.
  Array copy(GraphBuilder& builder, std::map<NodeId, Array>& known, NodeId id) const {
    if (const auto found = known.find(id); found != known.end()) return found->second;
    Node node = function_.node(id);
    for (NodeId& operand : node.operands) operand = copy(builder, known, operand).node();
    return known[id] = builder.append(std::move(node));
  }

  Function time_function() const {
    GraphBuilder builder;
    std::map<NodeId, Array> known;
    std::vector<Array> times;
    for (std::int64_t i = 0; i < num_times_; ++i)
      times.push_back(builder.input_like(function_.inputs()[static_cast<std::size_t>(i)]));
    for (NodeId id = 0; id < num_nodes(function_); ++id)
      if (const Node& node = function_.node(id); node.op == Op::kInput && of_time_[id])
        known[id] = times[static_cast<std::size_t>(node.indices[0])];
    std::vector<Array> outputs;
    for (const NodeId id : values_) outputs.push_back(copy(builder, known, id));
    return builder.finish(outputs);
  }

  Function rest() const {
    GraphBuilder builder;
    std::map<NodeId, Array> known;
    for (const NodeId id : values_)
      known[id] = builder.input(text::concat("time", id), InputKind::kSample, function_.node(id).shape);
    std::vector<Array> inputs(static_cast<std::size_t>(num_times_));
    for (std::size_t i = inputs.size(); i < function_.inputs().size(); ++i)
      inputs.push_back(builder.input_like(function_.inputs()[i]));
    for (NodeId id = 0; id < num_nodes(function_); ++id)
      if (const Node& node = function_.node(id); node.op == Op::kInput && node.indices[0] >= num_times_)
        known[id] = inputs[static_cast<std::size_t>(node.indices[0])];
    std::vector<Array> outputs;
    for (const Output& output : function_.outputs()) outputs.push_back(copy(builder, known, output.node));
    return finish_like(builder, function_, outputs);
  }

  const Function function_;
  const std::int64_t num_times_;
  PerNode<bool> of_time_;       // by node: made of times and constants alone
  std::vector<NodeId> values_;  // ascending
};

}  // namespace

TimePart split_time(const Function& function, std::size_t num_times) { return Splitter(function, num_times).split(); }

}  // namespace costate::internal
