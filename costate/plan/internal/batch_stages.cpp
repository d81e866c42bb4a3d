#include "costate/plan/internal/batch_stages.h"

#include <algorithm>

#include "costate/base/text.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/reach.h"

namespace costate::internal {
namespace {

class Cutter {
 public:
  Cutter(const Function& function, const PerNode<bool>& is_operation, std::size_t num_late)
      : function_(function),
        is_operation_(is_operation),
        is_shared_(shared_by_samples(function)),
        is_late_(reached_from(function, function.inputs().size() - num_late, function.inputs().size())),
        is_needed_(num_nodes(function)),
        stage_of_(num_nodes(function)),
        is_read_(num_nodes(function)) {}

  BatchStages cut() {
    find_needed();
    find_stages();
    for (NodeId id = 0; id < num_nodes(function_); ++id)
      if (is_operation_[id] && is_needed_[id])
        for (const NodeId operand : node(id).operands) is_read_[operand] = true;
    parts_.shared = make_shared();
    // From the last, which tells what it reads of those before.
    parts_.stages.resize(num_stages_);
    for (std::size_t stage = num_stages_; stage-- > 0;) parts_.stages[stage] = make_stage(stage);
    return std::move(parts_);
  }

 private:
  const Node& node(NodeId id) const { return function_.node(id); }
  bool is_shared(NodeId id) const { return is_shared_[id]; }
  bool is_input(NodeId id) const { return node(id).op == Op::kInput; }
  bool is_extension(NodeId id) const { return node(id).op == Op::kExtension && !is_operation_[id]; }

  void find_needed() {
    for (const Output& output : function_.outputs()) is_needed_[output.node] = true;
    for (NodeId id = num_nodes(function_); id-- > 0;)
      if (is_needed_[id])
        for (const NodeId operand : node(id).operands) is_needed_[operand] = true;
  }

  /// An operation belongs to the stage that it follows. What is late begins with a stage of its own.
  void find_stages() {
    num_stages_ = 1;
    find_stages_from(0, false);
    parts_.first_late = num_stages_;
    if (std::ranges::none_of(function_.outputs(), [&](const Output& output) { return is_late_[output.node]; })) return;
    ++num_stages_;
    find_stages_from(parts_.first_late, true);
  }

  void find_stages_from(std::size_t first, bool late) {
    for (NodeId id = 0; id < num_nodes(function_); ++id) {
      if (!is_needed_[id] || is_late_[id] != late) continue;
      std::size_t stage = first;
      for (const NodeId operand : node(id).operands)
        if (is_late_[operand] == late)
          stage = std::max(stage, stage_of_[operand] + (is_operation_[operand] ? std::size_t{1} : std::size_t{0}));
      stage_of_[id] = stage;
      num_stages_ = std::max(num_stages_, stage + 1);
    }
  }

  /// Values of samples that a stage computes.
  bool is_of(NodeId id, std::size_t stage) const {
    return is_needed_[id] && stage_of_[id] == stage && !is_shared(id) && !is_input(id) && !is_operation_[id];
  }

  BatchStage make_stage(std::size_t stage) {
    BatchStage made;
    for (NodeId id = 0; id < num_nodes(function_); ++id) {
      if (is_of(id, stage) && is_read_[id]) made.writes.push_back(id);
      if (is_operation_[id] && is_needed_[id] && stage_of_[id] == stage) made.operations.push_back(id);
    }
    for (std::size_t i = 0; i < function_.outputs().size(); ++i) {
      const NodeId id = function_.outputs()[i].node;
      if (!is_operation_[id] && stage_of_[id] == stage) made.outputs.push_back(i);
    }
    write(made, stage);
    return made;
  }

  /// What operations read of what all samples share; of inputs they are given those themselves.
  BatchStage make_shared() {
    BatchStage made;
    for (NodeId id = 0; id < num_nodes(function_); ++id)
      if (is_read_[id] && is_shared(id) && !is_input(id)) made.writes.push_back(id);
    write(made, 0);
    return made;
  }

  /// An extension may read what another one keeps beside its result (TileOp): that one runs again beside it.
  void write(BatchStage& made, std::size_t stage) {
    if (made.writes.empty() && made.outputs.empty()) return;
    PerNode<bool> wanted(num_nodes(function_)), again(num_nodes(function_));
    for (const NodeId id : made.writes) wanted[id] = true;
    for (const std::size_t output : made.outputs) wanted[function_.outputs()[output].node] = true;
    const auto is_computed = [&](NodeId id) {
      return is_of(id, stage) || again[id] || (is_shared(id) && !is_input(id));
    };
    for (NodeId id = num_nodes(function_); id-- > 0;) {
      if (!wanted[id] || !is_computed(id)) continue;
      for (const NodeId operand : node(id).operands) {
        wanted[operand] = true;
        again[operand] = again[operand] || (is_extension(id) && is_extension(operand));
      }
    }
    GraphBuilder builder;
    const BuilderScope scope(builder);
    PerNode<Array> values(num_nodes(function_));
    for (NodeId id = 0; id < num_nodes(function_); ++id) {
      if (!wanted[id]) continue;
      if (!is_computed(id)) {
        made.reads.push_back(id);
        is_read_[id] = true;
        values[id] = builder.input(text::concat("value", id), is_shared(id) ? InputKind::kShared : InputKind::kSample,
                                   node(id).shape);
        continue;
      }
      Node copy = node(id);
      for (NodeId& operand : copy.operands) operand = values[operand].node();
      values[id] = builder.append(std::move(copy));
    }
    std::vector<Array> results;
    std::vector<OutputKind> kinds;
    for (const NodeId id : made.writes) {
      results.push_back(values[id]);
      kinds.push_back(OutputKind::kSample);
    }
    for (const std::size_t output : made.outputs) {
      results.push_back(values[function_.outputs()[output].node]);
      kinds.push_back(function_.outputs()[output].kind);
    }
    made.function = builder.finish(results, kinds);
  }

  const Function& function_;
  const PerNode<bool>& is_operation_;
  PerNode<bool> is_shared_, is_late_, is_needed_;
  PerNode<std::size_t> stage_of_;
  PerNode<bool> is_read_;  // by an operation or another stage
  std::size_t num_stages_ = 0;
  BatchStages parts_;
};

}  // namespace

BatchStages cut_at(const Function& function, const PerNode<bool>& is_operation, std::size_t num_late) {
  return Cutter(function, is_operation, num_late).cut();
}

}  // namespace costate::internal
