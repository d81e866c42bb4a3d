// solve: z' = f(t, z), z(t0) = z0, at given times; on batches of numbers, or as one operation of a traced program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/solve/control/controller.h"
#include "costate/solve/methods/tableau.h"
#include "costate/solve/status.h"
#include "costate/solve/vector_field.h"

namespace costate {

/// Whose error decides on a step: each sample's own, or one root mean square over the whole batch (torchdiffeq's way).
enum class Control { kPerSample, kJoint };

/// How a traced solve is differentiated in reverse: the accepted steps exactly, or Algorithm 2 of Chen et al. 2018.
enum class Adjoint { kDiscrete, kBacksolve };

std::string name(Control control);
Control control_from_name(const std::string& name);
std::string name(Adjoint adjoint);
Adjoint adjoint_from_name(const std::string& name);

struct SolveOptions {
  Method method = Method::kDopri5;
  double rtol = 1e-6;
  double atol = 1e-8;
  double first_step = 0;             // size of the first attempt; 0: chosen (control/initial_step.h)
  int steps_per_interval = 0;        // fixed steps, this many between output times; 0: not asked for
  double step_size = 0;              // fixed steps, at most this long; 0: not asked for
  std::int64_t max_steps = 100'000;  // attempted steps of a sample
  Control control = Control::kPerSample;
  StepControl step_control = {};
  Adjoint adjoint = Adjoint::kDiscrete;
  std::size_t memory_budget = std::size_t{256} << 20;  // bytes a thread for the states of accepted steps
  Dtype dtype = Dtype::kF64;                           // of host solves; a traced solve has its program's

  bool operator==(const SolveOptions&) const = default;
};

/// What a solve of a batch gives.
struct Solution {
  HostArray states;                        // [batch, time, …state]; NaN from where a sample failed
  std::vector<Status> status;              // one a sample, like all below
  std::vector<double> reached, last_step;  // the time reached and the step tried last
  std::vector<std::int64_t> nfe, accepted, rejected;

  /// SolveFailed if a sample failed, naming the first: which, how, at which t, with which step.
  void check() const;
};

/// Solves a batch. z0 [batch, …state] (parts flattened one after the other if there are several), times [time] or
/// [batch, time], strictly ascending or descending; one array an argument of the field: [batch, …] or, if shared, […].
/// InvalidArgument or ShapeError for bad input; numerical failure is a status. `check_interrupt` is called some ten
/// times a second, on any of the threads; what it throws ends the solve.
Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options = {},
               std::span<const HostArray> arguments = {}, const std::function<void()>& check_interrupt = {});

/// An accepted step: from t to t + size.
struct AcceptedStep {
  double t = 0;
  double size = 0;
};

/// The steps that solve() takes for a single sample (batch 1); the same checks, and the steps up to a failure if there
/// is one.
std::vector<AcceptedStep> accepted_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                                         const SolveOptions& options = {}, std::span<const HostArray> arguments = {});

/// solve() inside a trace: the states [time, state] of one sample. z0 [state] or of any shape of that size, times
/// [time]. A sample that fails gives NaN and is listed in the run's report.
Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options = {},
            std::span<const Array> arguments = {});

}  // namespace costate
