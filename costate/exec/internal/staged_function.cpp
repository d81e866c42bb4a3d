#include "costate/exec/internal/staged_function.h"

#include <algorithm>
#include <set>
#include <utility>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/reach.h"
#include "costate/graph/mark.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

/// An array that outlives who reads it.
std::shared_ptr<const HostArray> borrowed(const HostArray& array) { return {std::shared_ptr<void>(), &array}; }

bool has_sums(const Function& function) {
  return std::ranges::any_of(function.outputs(), [](const Output& output) { return output.kind == OutputKind::kSum; });
}

}  // namespace

StagedFunction::StagedFunction(const Function& function, const CompileOptions& options, const LateParts& late)
    : function_(simplify(drop_marks(function))),
      dtype_(options.dtype),
      num_late_inputs_(late.num_inputs),
      first_late_output_(function.outputs().size() - late.num_outputs) {
  if (has_sums(function_)) {
    tail_ = cut_shared_tail(function_);
    function_ = simplify(tail_->samples);
  }
  const PerNode<bool> is_shared = shared_by_samples(function_);
  PerNode<bool> is_operation(num_nodes(function_));
  for (NodeId id = 0; id < num_nodes(function_); ++id) {
    if (!runs_there(id)) continue;
    const auto operation = lowered(id, is_shared, options);
    is_operation[id] = operation != nullptr;
    if (operation) operations_[id] = operation;
  }
  if (operations_.empty())
    throw NotSupported("[compile] device = ", name(options.device),
                       " runs the solves of a program, and this one has none; compile it for the CPU (device = cpu).");
  parts_ = cut_at(function_, is_operation, num_late_inputs_);
  const CompileOptions of_stages{.dtype = options.dtype, .lanes = options.lanes};
  shared_ = with_function(parts_.shared, of_stages);
  for (const BatchStage& stage : parts_.stages) stages_.push_back(with_function(stage, of_stages));
}

/// Of what exists summed over the batch alone only outputs do: others are left to the CPU, which refuses them.
bool StagedFunction::runs_there(NodeId id) const {
  const Node& node = function_.node(id);
  if (node.op != Op::kExtension) return false;
  if (!node.extension->is_sum_only()) return true;
  const bool is_read = std::ranges::any_of(
      function_.nodes(), [&](const Node& reader) { return std::ranges::count(reader.operands, id) > 0; });
  return !is_read && std::ranges::all_of(function_.outputs(), [&](const Output& output) {
    return output.node != id || output.kind == OutputKind::kSum;
  });
}

std::shared_ptr<const BatchOp> StagedFunction::lowered(NodeId id, const PerNode<bool>& is_shared,
                                                       const CompileOptions& options) const {
  BatchOpContext context{.device = options.device, .dtype = options.dtype};
  for (const NodeId operand : function_.node(id).operands) {
    context.operand_shapes.push_back(function_.node(operand).shape);
    context.operand_is_shared.push_back(is_shared[operand]);
    context.operand_is_given.push_back(function_.node(operand).op == Op::kInput);
  }
  for (const Node& node : function_.nodes())
    for (std::size_t operand = 0; node.op == Op::kExtension && operand < node.operands.size(); ++operand)
      if (node.operands[operand] == id)
        context.readers.push_back({.extension = node.extension.get(), .operand = operand});
  return function_.node(id).extension->lower_batch(context);
}

StagedFunction::Stage StagedFunction::with_function(BatchStage cut, const CompileOptions& options) const {
  Stage stage{.cut = std::move(cut), .function = nullptr};
  if (!stage.cut.function.is_empty()) stage.function = std::make_unique<BatchFunction>(stage.cut.function, options);
  return stage;
}

const std::shared_ptr<const HostArray>& StagedFunction::value(const StageValues& values, NodeId id) const {
  const Node& node = function_.node(id);
  return node.op == Op::kInput ? values.inputs[static_cast<std::size_t>(node.indices[0])] : values.arrays.at(id);
}

RunResult StagedFunction::run_function(const Stage& stage, const StageValues& values, std::size_t batch) const {
  std::vector<const HostArray*> given;
  for (const NodeId id : stage.cut.reads) given.push_back(value(values, id).get());
  return stage.function->run(given, batch);
}

void StagedFunction::run_operation(NodeId id, StageValues& values, RunReport& report) const {
  const Node& node = function_.node(id);
  if (values.batch == 0) {
    const bool is_sum = node.extension->is_sum_only();
    values.arrays[id] = std::make_shared<const HostArray>(is_sum ? node.shape : node.shape.with_first(0), dtype_);
    return;
  }
  std::vector<const HostArray*> given;
  std::vector<const BatchOpState*> states;
  for (const NodeId operand : node.operands) {
    given.push_back(value(values, operand).get());
    const auto state = values.states.find(operand);
    states.push_back(state == values.states.end() ? nullptr : state->second.get());
  }
  BatchOpResult result = operations_.at(id)->run({.batch = values.batch, .operands = given, .operand_states = states});
  values.arrays[id] = std::make_shared<const HostArray>(std::move(result.value));
  if (result.state) values.states[id] = std::move(result.state);
  report.merge(result.report);
}

void StagedFunction::run_stages(std::size_t first, std::size_t end, StageValues& values, RunReport& report) const {
  if (first == 0 && shared_.function) {
    RunResult found = run_function(shared_, values, 1);
    for (std::size_t i = 0; i < found.outputs.size(); ++i)
      values.arrays[shared_.cut.writes[i]] = std::make_shared<const HostArray>(found.outputs[i][0]);
  }
  for (std::size_t s = first; s < end; ++s) {
    const BatchStage& cut = stages_[s].cut;
    if (stages_[s].function) {
      RunResult found = run_function(stages_[s], values, values.batch);
      for (std::size_t i = 0; i < found.outputs.size(); ++i) {
        auto array = std::make_shared<const HostArray>(std::move(found.outputs[i]));
        if (i < cut.writes.size())
          values.arrays[cut.writes[i]] = std::move(array);
        else
          values.outputs[cut.outputs[i - cut.writes.size()]] = std::move(array);
      }
      report.merge(found.report);
    }
    for (const NodeId id : cut.operations) run_operation(id, values, report);
  }
  for (std::size_t i = 0; i < function_.outputs().size(); ++i)
    if (const auto made = values.arrays.find(function_.outputs()[i].node);
        made != values.arrays.end() && operations_.contains(made->first))
      values.outputs[i] = made->second;
  std::ranges::stable_sort(report.failures, {}, &SampleFailure::sample);
  const auto repeated = std::ranges::unique(report.failures, {}, &SampleFailure::sample);  // they follow from the first
  report.failures.erase(repeated.begin(), repeated.end());
}

/// Sums over the batch again, of the other samples alone.
void StagedFunction::leave_out(std::span<const SampleFailure> failures, StageValues& values) const {
  if (failures.empty() || !has_sums(function_)) return;
  std::set<std::size_t> failed;
  for (const SampleFailure& failure : failures) failed.insert(static_cast<std::size_t>(failure.sample));
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < values.batch; ++row)
    if (!failed.contains(row)) rows.push_back(row);
  StageValues others{.batch = rows.size(), .inputs = values.inputs, .arrays = {}, .states = {}, .outputs = {}};
  for (std::size_t i = 0; i < others.inputs.size(); ++i)
    if (!is_shared_input(i)) others.inputs[i] = std::make_shared<const HostArray>(take_rows(*others.inputs[i], rows));
  RunReport known;
  run_stages(0, stages_.size(), others, known);
  for (std::size_t i = 0; i < function_.outputs().size(); ++i)
    if (function_.outputs()[i].kind == OutputKind::kSum) values.outputs[i] = others.outputs.at(i);
}

/// Outputs of the function before it was cut, at such positions.
std::vector<HostArray> StagedFunction::joined(const StageValues& values, std::size_t first_output,
                                              std::size_t end_output) const {
  std::vector<HostArray> outputs;
  for (std::size_t i = first_output; i < end_output; ++i) outputs.push_back(values.outputs.at(i)->astype(dtype_));
  if (!tail_ || end_output < function_.outputs().size()) return outputs;
  std::vector<const HostArray*> shared;
  for (const std::size_t input : tail_->shared_inputs) shared.push_back(values.inputs[input].get());
  return join_outputs(*tail_, shared, first_output, dtype_, std::move(outputs));
}

RunResult StagedFunction::run(std::span<const HostArray* const> inputs, std::size_t batch) const {
  StageValues values{.batch = batch, .inputs = {}, .arrays = {}, .states = {}, .outputs = {}};
  for (const HostArray* input : inputs) values.inputs.push_back(borrowed(*input));
  RunResult result;
  run_stages(0, stages_.size(), values, result.report);
  leave_out(result.report.failures, values);
  result.outputs = joined(values, 0, function_.outputs().size());
  return result;
}

RunResult StagedFunction::run_forward(std::span<const HostArray* const> inputs, std::size_t batch,
                                      StagedRecord& record) const {
  record.values.batch = batch;
  for (const HostArray* input : inputs) record.values.inputs.push_back(std::make_shared<const HostArray>(*input));
  record.values.inputs.resize(function_.inputs().size());
  RunResult result;
  run_stages(0, parts_.first_late, record.values, result.report);
  record.failures = result.report.failures;
  result.outputs = joined(record.values, 0, first_late_output_);
  return result;
}

RunResult StagedFunction::pull_back(const StagedRecord& record, std::span<const HostArray> late_inputs) const {
  StageValues values = record.values;
  for (std::size_t i = 0; i < num_late_inputs_; ++i)
    values.inputs[values.inputs.size() - num_late_inputs_ + i] = borrowed(late_inputs[i]);
  RunResult result;
  run_stages(parts_.first_late, stages_.size(), values, result.report);
  std::vector<SampleFailure> failures = record.failures;
  std::erase_if(result.report.failures, [&](const SampleFailure& failure) {
    return std::ranges::binary_search(record.failures, failure.sample, {}, &SampleFailure::sample);
  });
  failures.insert(failures.end(), result.report.failures.begin(), result.report.failures.end());
  leave_out(failures, values);
  result.outputs = joined(values, first_late_output_, function_.outputs().size());
  return result;
}

}  // namespace costate::internal
