// What to do about a solve that ended early: for messages and reports.
#pragma once

#include <cstdint>
#include <string>

#include "costate/exec/run_report.h"
#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/options.h"

namespace costate::internal {

/// A sample that began at `start` and ended early. The advice is one clause. Where nearly all steps were accepted at
/// one size it says "stiff": nothing in the solution asks for such steps then, but the method's stability.
SampleFailure failure_of(std::int64_t sample, const LaneOutcome& outcome, double start, const SolveOptions& options,
                         bool has_events);

/// The advice for the first sample of a batch that failed; empty if none did.
std::string advice_on_first_failure(const Solution& solution, const SolveOptions& options, const HostBatch& batch);

}  // namespace costate::internal
