// The workloads of `costate bench` and of bench/run.py, which runs them beside Costate's peers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/graph/trace.h"
#include "costate/solve/options.h"
#include "costate/solve/vector_field.h"

namespace costate::cli {

struct WorkloadInfo {
  std::string name;
  std::string description;
  std::vector<std::int64_t> widths;  // of the tanh network
  std::int64_t batch, state;
  double end;  // times: num_times even ones in [0, end]
  std::int64_t num_times;
  SolveOptions solve;
  bool is_cubed = false;  // the network reads z^3
  bool is_flow = false;   // of (z, log density), by the exact trace
};

const std::vector<WorkloadInfo>& workload_infos();

/// A workload with its numbers: z0 [batch, state], target [batch, time, state], times [time] and the Parameters.
struct Workload {
  WorkloadInfo info;
  HostArray z0, target, times;
  std::vector<Parameter> parameters;  // w0, b0, w1, b1, …

  VectorField field() const;
  /// The loss of one sample: mean absolute error of all states, or for the flow the negative log density.
  Function loss() const;
};

/// Weights and data drawn here. InvalidArgument, with the nearest name, if there is no such workload.
Workload make_workload(const std::string& name);

/// Weights and data from `name`.npz in a folder. Throws as make_workload and read_npz.
Workload read_workload(const std::string& name, const std::string& folder);

}  // namespace costate::cli
