// The forward solve of a batch as one kernel: the field's Plan between the fixed text of lanes.inc and its
// neighbours.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "costate/cuda/internal/kernel.h"
#include "costate/graph/graph.h"
#include "costate/solve/internal/cuda/device_field.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/lane_stops.h"
#include "costate/solve/options.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

class CudaSource;
struct DeviceGuard;

/// What becomes of the steps of a solve: somebody may differentiate them, or read their dense output.
enum class StepsAre { kKept, kDifferentiated, kDense };

/// What a kernel computes, apart from its numbers.
struct DeviceProblem {
  /// NotSupported for what kernels do not do.
  DeviceProblem(const VectorField& field, const SolveOptions& options, StepsAre steps = StepsAre::kKept);

  SolveOptions options;
  const Tableau* tableau;
  std::size_t state_size;
  std::vector<std::size_t> part_offsets;
  ErrorMeasure measure;
  bool is_fixed, reads_time, keeps_dense;
  std::shared_ptr<const DeviceGuard> guard;  // null where steps are not held to derivatives (SolveOptions)
  DeviceField field;                         // of a guarded solve with its vjp
  std::shared_ptr<const StopTables> stops;   // of one lane; null where steps end at no stops
};

/// Adds the kernel, which is called NAME_solve. NotSupported for an operation of the field that kernels have no form
/// for.
KernelShape add_solve_kernel(CudaSource& source, const std::string& name, const DeviceProblem& problem,
                             std::size_t lanes, std::size_t shared_limit);

}  // namespace costate::internal
