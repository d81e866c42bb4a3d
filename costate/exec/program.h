// compile: a Function made ready to run on batches. Tiles of samples go through the whole program on oneTBB's threads;
// sums over the batch are reduced in a fixed order, so that results have the same bits for any number of threads.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/device.h"
#include "costate/exec/run_report.h"
#include "costate/graph/graph.h"

namespace costate {

struct CompileOptions {
  Dtype dtype = Dtype::kF64;
  std::size_t lanes = 0;  // samples a tile; 0: chosen from the batch and the SIMD width
  /// Where its solves run, and their gradients; what is between them, the CPU does. A card is experimental
  /// (docs/gpu.md).
  Device device = Device::kCpu;
};

struct RunResult {
  /// One an output: kSample [batch, …shape], kSum […shape].
  std::vector<HostArray> outputs;
  RunReport report;
};

/// Samples begin … end - 1 of a batch.
struct BatchRange {
  std::size_t begin = 0, end = 0;
};

class Program {
 public:
  /// Runs on a batch. `inputs` has one array for each input of the Function that is not a Parameter, in order: kSample
  /// [batch, …shape], kShared […shape]. Parameters are read from their current values. Dtypes are converted.
  /// Throws InvalidArgument if their number is wrong, ShapeError if one does not have its input's shape or batch
  /// length.
  RunResult run(std::span<const HostArray> inputs) const;
  RunResult run(std::initializer_list<HostArray> inputs) const { return run(std::span(inputs.begin(), inputs.size())); }

  /// The samples of a batch of so many that run() reads here: those of this rank, where ranks share it
  /// (base/communicator.h), or all. The others' rows of the inputs may hold anything.
  BatchRange read_by_run(std::size_t batch) const;

  const Function& function() const;

  struct Implementation;
  explicit Program(std::shared_ptr<const Implementation> implementation) : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

/// Makes a Program of a function. It is lowered on the first run of each kind of batch, so that this run takes longer.
/// A Program may run from many threads at once.
/// Throws: NotSupported, on that run, if the function asks for the cotangent of an argument that all samples share,
///         and not as a kSum output (Extension::is_sum_only); on another device than the CPU at once, for what its
///         kernels do not have, for a function without a solve, and where there is no such device.
Program compile(const Function& function, const CompileOptions& options = {});

}  // namespace costate
