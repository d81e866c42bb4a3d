// What a run did besides its numbers: evaluations, steps, and which samples failed where.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace costate {

/// A sample whose solve ended early. What depends on the states from there on is NaN; sums over the batch leave the
/// sample out.
struct SampleFailure {
  std::int64_t sample = 0;  // row of the batch
  std::string reason;       // the spelling of a Status (solve/status.h)
  double t = 0;             // where the solve stood; of invalid times, the one at fault
  double h = 0;             // the step it tried last
  std::string advice = {};  // what to do about it
};

/// Sums over all solves of all samples of a run.
struct RunReport {
  std::int64_t nfe_forward = 0;
  std::int64_t nfe_backward = 0;
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
  std::int64_t factorizations = 0;           // by linear_solve and sparse roots, outside of a solve's field
  std::vector<SampleFailure> failures = {};  // in the order of the batch

  /// Adds the counts and appends the failures of a run of later samples.
  void merge(const RunReport& other) {
    nfe_forward += other.nfe_forward;
    nfe_backward += other.nfe_backward;
    accepted += other.accepted;
    rejected += other.rejected;
    factorizations += other.factorizations;
    failures.insert(failures.end(), other.failures.begin(), other.failures.end());
  }
};

}  // namespace costate
