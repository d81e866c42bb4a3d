// A Function on a device: it is cut at the operations that run there (exec/batch_op.h), and the CPU takes tiles through
// the stages between them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/batch_op.h"
#include "costate/exec/internal/batch_function.h"
#include "costate/plan/internal/batch_stages.h"

namespace costate::internal {

/// What stages have found so far on a batch. Copies share the numbers.
struct StageValues {
  std::size_t batch = 0;
  std::vector<std::shared_ptr<const HostArray>> inputs;  // one an input of the function; null: late, and not yet there
  std::map<NodeId, std::shared_ptr<const HostArray>> arrays;
  std::map<NodeId, std::shared_ptr<const BatchOpState>> states;
  std::map<std::size_t, std::shared_ptr<const HostArray>> outputs;
};

/// What a run keeps for its pull-backs.
struct StagedRecord {
  StageValues values;
  std::vector<SampleFailure> failures;
};

class StagedFunction {
 public:
  /// NotSupported if the device has no form for an operation that would run there, or would run none.
  StagedFunction(const Function& function, const CompileOptions& options, const LateParts& late = {});

  /// As those of BatchRunner; all on this process, of which ranks share the stages on the CPU.
  RunResult run(std::span<const HostArray* const> inputs, std::size_t batch) const;
  RunResult run_forward(std::span<const HostArray* const> inputs, std::size_t batch, StagedRecord& record) const;
  RunResult pull_back(const StagedRecord& record, std::span<const HostArray> late_inputs) const;

 private:
  struct Stage {
    BatchStage cut;
    std::unique_ptr<BatchFunction> function;
  };

  bool runs_there(NodeId id) const;
  std::shared_ptr<const BatchOp> lowered(NodeId id, const PerNode<bool>& is_shared,
                                         const CompileOptions& options) const;
  Stage with_function(BatchStage cut, const CompileOptions& options) const;
  bool is_shared_input(std::size_t input) const { return function_.inputs()[input].kind == InputKind::kShared; }

  const std::shared_ptr<const HostArray>& value(const StageValues& values, NodeId id) const;
  RunResult run_function(const Stage& stage, const StageValues& values, std::size_t batch) const;
  void run_operation(NodeId id, StageValues& values, RunReport& report) const;
  void run_stages(std::size_t first, std::size_t end, StageValues& values, RunReport& report) const;
  void leave_out(std::span<const SampleFailure> failures, StageValues& values) const;
  std::vector<HostArray> joined(const StageValues& values, std::size_t first_output, std::size_t end_output) const;

  Function function_;  // simplified, with sums that the stages give
  std::optional<SharedTail> tail_;
  Dtype dtype_;
  std::size_t num_late_inputs_, first_late_output_;
  BatchStages parts_;
  Stage shared_;
  std::vector<Stage> stages_;
  std::map<NodeId, std::shared_ptr<const BatchOp>> operations_;
};

}  // namespace costate::internal
