// The forward solve of a batch as one kernel: the field's Plan between the fixed text of solve.inc.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "costate/cuda/internal/kernel.h"
#include "costate/graph/graph.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/options.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

class CudaSource;

/// A field as kernels take it.
struct DeviceField {
  DeviceField(LinearField linear, bool reads_time, Dtype dtype);

  /// Inputs: what it reads of time, one a part, then the arguments and Parameters, then those that are late.
  Function function;
  std::vector<std::size_t> late_inputs;
  std::size_t num_times = 1;        // of its inputs
  std::optional<Function> of_time;  // in f32: time in f64 -> what it reads of it
  bool rounds_time = false;         // it reads t itself in f32
};

/// What a kernel computes, apart from its numbers.
struct DeviceProblem {
  /// NotSupported for what kernels do not do.
  DeviceProblem(const VectorField& field, const SolveOptions& options);

  SolveOptions options;
  const Tableau* tableau;
  std::size_t state_size;
  std::vector<std::size_t> part_offsets;
  ErrorMeasure measure;
  bool is_fixed, reads_time;
  DeviceField field;
};

/// Adds the kernel, which is called NAME_solve. NotSupported for an operation of the field that kernels have no form
/// for.
KernelShape add_solve_kernel(CudaSource& source, const std::string& name, const DeviceProblem& problem,
                             std::size_t lanes, std::size_t shared_limit);

}  // namespace costate::internal
