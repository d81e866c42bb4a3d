// What to do about a solve that ended early: for messages and reports.
#pragma once

#include <cstdint>
#include <string>

#include "costate/solve/status.h"

namespace costate::internal {

struct FailedSolve {
  Status status = Status::kOk;
  double start = 0, reached = 0, last_step = 0;
  std::int64_t accepted = 0, rejected = 0;
  bool has_fixed_steps = false, is_implicit = false, has_mass_matrix = false, has_events = false,
       has_nonnegative = false;
  double min_step = 0;  // of the options
};

/// One clause. Where nearly all steps were accepted at one size it says "stiff": nothing in the solution asks for such
/// steps then, but the method's stability.
std::string failure_advice(const FailedSolve& failed);

}  // namespace costate::internal
