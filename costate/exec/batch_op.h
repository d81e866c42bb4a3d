// The form of an Extension (graph/extension.h) that takes a whole batch at once, on a device. The CPU takes tiles
// through what stands between such operations, and is handed arrays of the batch.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/device.h"
#include "costate/exec/result_reader.h"
#include "costate/exec/run_report.h"

namespace costate {

/// What an operation leaves for those that take its result: the steps of a solve. It reads the same however often.
class BatchOpState {
 public:
  virtual ~BatchOpState() = default;
};

struct BatchOpRun {
  std::size_t batch = 0;
  std::span<const HostArray* const> operands;           // [batch, …shape] or, where shared, […shape]
  std::span<const BatchOpState* const> operand_states;  // of the operations that gave them, or null
};

struct BatchOpResult {
  HostArray value;  // [batch, …shape]; of an operation that is_sum_only, summed over the batch
  std::shared_ptr<const BatchOpState> state = {};
  RunReport report = {};
};

class BatchOp {
 public:
  virtual ~BatchOp() = default;
  /// May run from many threads at once.
  virtual BatchOpResult run(const BatchOpRun& run) const = 0;
};

struct BatchOpContext {
  Device device = Device::kCpu;
  Dtype dtype = Dtype::kF64;
  std::vector<Shape> operand_shapes = {};
  std::vector<bool> operand_is_shared = {};
  std::vector<bool> operand_is_given = {};  // an input of the program, and not rounded to dtype
  /// The operations that take the result, and may read the state.
  std::vector<ResultReader> readers = {};
};

}  // namespace costate
