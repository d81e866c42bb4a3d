// The solution of a batch between its output times: a polynomial a step.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "costate/solve/solve.h"

namespace costate {

/// z(t) of each sample, from its first time to its last. It is made of numbers alone, and needs no field.
class DenseSolution {
 public:
  /// Of step i: z(t) = Σ_p coefficients[i, p] theta^p, theta = (t - starts[i]) / sizes[i], from starts[i] to ends[i],
  /// which may be before starts[i] + sizes[i].
  struct Steps {
    std::vector<std::int64_t> first;          // [batch + 1]; those of sample i are first[i], … first[i + 1] - 1
    std::vector<double> starts, sizes, ends;  // [steps]
    HostArray coefficients;                   // [steps, degree + 1, …state], in the solve's dtype
    HostArray z0;                             // [batch, …state]
    std::vector<double> t0, t1;               // [batch] the first time and the last one, which a solve may not reach
  };

  /// InvalidArgument or ShapeError if the numbers of steps do not fit.
  explicit DenseSolution(Steps steps);

  const Steps& steps() const { return steps_; }
  std::int64_t batch() const { return static_cast<std::int64_t>(steps_.t0.size()); }
  /// The times at which a sample's steps begin, and the end of the last one.
  std::vector<double> step_times(std::int64_t sample) const;

  /// z, or dz/dt, at times [time] or [batch, time], in any order: [batch, time, …state]. NaN where a sample's solve did
  /// not come to; at an event that moves the state, before it. InvalidArgument for times outside of a sample's own.
  HostArray states(const HostArray& times) const { return evaluate(times, false); }
  HostArray slopes(const HostArray& times) const { return evaluate(times, true); }

  /// The numbers as arrays by name, and back, for files. InvalidArgument if one is missing.
  std::map<std::string, HostArray> arrays() const;
  static DenseSolution from_arrays(const std::map<std::string, HostArray>& arrays);

 private:
  HostArray evaluate(const HostArray& times, bool is_slope) const;
  void write(std::int64_t sample, double t, bool is_slope, std::span<double> out) const;

  Steps steps_;
};

/// What solve() gives, and z(t) between the times. The steps, and so all of the Solution, are the same to the bit, but
/// for the evaluations of f that the dense output takes.
struct DenseResult {
  Solution solution;
  DenseSolution dense;
};

/// Throws as solve() does, and NotSupported for fixed steps.
DenseResult solve_dense(const VectorField& field, const HostArray& z0, const HostArray& times,
                        const SolveOptions& options = {}, std::span<const HostArray> arguments = {},
                        std::span<const SolveEvent> events = {}, const SolveWatch& watch = {});

}  // namespace costate
