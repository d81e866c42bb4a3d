// A Function cut at operations that take a whole batch at once (exec/batch_op.h). What is left of it are stages:
// Functions of one sample, and behind each the operations whose operands are known by then.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/graph/internal/per_node.h"

namespace costate::internal {

struct BatchStage {
  Function function;                 // empty where there is nothing to compute
  std::vector<NodeId> reads;         // one an input of it: inputs of the whole, or values of stages before
  std::vector<NodeId> writes;        // its first outputs: values that operations and later stages read
  std::vector<std::size_t> outputs;  // its other outputs: of the whole, positions
  std::vector<NodeId> operations;    // that follow
};

struct BatchStages {
  BatchStage shared;               // what operations read that all samples share: computed once, before all else
  std::vector<BatchStage> stages;  // in order
  std::size_t first_late = 0;      // the first stage that reads late inputs
};

/// Cuts a (simplified) function at the operations, whose results are outputs or operands of others. The last
/// `num_late` inputs are known later than the rest. A value that all samples share is computed again in each stage
/// that reads it.
BatchStages cut_at(const Function& function, const PerNode<bool>& is_operation, std::size_t num_late);

}  // namespace costate::internal
