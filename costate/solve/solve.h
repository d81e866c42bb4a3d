// solve: z' = f(t, z), z(t0) = z0, at given times; on batches of numbers, or as one operation of a traced program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/solve/control/controller.h"
#include "costate/solve/methods/tableau.h"
#include "costate/solve/status.h"
#include "costate/solve/vector_field.h"

namespace costate {

/// Whose error decides whether a step is accepted: each sample's own, or the root mean square over the whole batch
/// (torchdiffeq's way).
enum class Control { kPerSample, kJoint };

/// How a traced solve is differentiated in reverse: the accepted steps exactly, or Algorithm 2 of Chen et al. 2018.
enum class Adjoint { kDiscrete, kBacksolve };

/// Whether steps must also be fit to be differentiated (control/gradient_guard.h): kAuto where the discrete adjoint
/// will differentiate them, kOn always, so that a solve takes the same steps with and without its gradient, kOff never.
enum class GradientSteps { kAuto, kOn, kOff };

/// "per_sample", "joint"; "discrete", "backsolve"; "auto", "on", "off". The way back throws InvalidArgument, with the
/// nearest name, if there is none.
std::string name(Control control);
Control control_from_name(const std::string& name);
std::string name(Adjoint adjoint);
Adjoint adjoint_from_name(const std::string& name);
std::string name(GradientSteps gradient_steps);
GradientSteps gradient_steps_from_name(const std::string& name);

struct SolveOptions {
  Method method = Method::kDopri5;
  double rtol = 1e-6;     // a step is accepted if its error is at most atol + rtol |y|, as a root mean square
  double atol = 1e-8;     // (control/controller.h)
  double first_step = 0;  // size of the first attempt; 0: chosen (control/initial_step.h)
  double max_step = 0;    // no step is longer; 0: no limit
  // Steps end at these times, in any order: where the field jumps or bends, and steps could pass over it without a
  // sign. Knots of inputs that the field reads by interpolate() at t, or at a t + b, are such times of themselves.
  std::vector<double> stop_at = {};
  // Fixed steps instead of control by error: so many between output times, or at most so long; 0: not asked for. At
  // most one of the two. A method without an error estimate takes one step an interval if neither is set.
  int steps_per_interval = 0;
  double step_size = 0;
  std::int64_t max_steps = 100'000;  // attempted steps of a sample, accepted and rejected
  Control control = Control::kPerSample;
  StepControl step_control = {};
  Adjoint adjoint = Adjoint::kDiscrete;
  GradientSteps gradient_steps = GradientSteps::kAuto;
  // Bytes for each thread that a solve keeps for its reverse sweep: half for states of accepted steps, a quarter for
  // evaluations, a quarter for states that the sweep computes again. It changes the time taken, and no bit of a result.
  std::size_t memory_budget = std::size_t{256} << 20;
  Dtype dtype = Dtype::kF64;  // of solves of a batch of numbers; a traced solve has its program's

  bool operator==(const SolveOptions&) const = default;
};

/// What a solve of a batch gives.
struct Solution {
  HostArray states;                              // [batch, time, …state]; NaN from where a sample failed
  std::vector<Status> status;                    // [batch], as all below
  std::vector<double> reached, last_step;        // the time reached, and the size of the step tried last
  std::vector<std::int64_t> nfe;                 // evaluations of the field
  std::vector<std::int64_t> accepted, rejected;  // steps
  std::string advice;                            // what to do about the first sample that failed

  /// SolveFailed if a sample failed, naming the first: which, how, at which t, with which step, and what to do.
  void check() const;
};

/// Solves a batch.
///
/// Shapes: z0 [batch, …state], or [batch, state] with the parts flattened one after the other if the field has several;
///         times [time] or [batch, time], ascending or descending, the first being z0's; a time that is repeated has
///         the same state again; arguments: one array for each argument of the field, [batch, …] or, if shared, […].
/// Status: a sample that fails has a status other than kOk and NaN from there on; the others are solved.
/// Throws: InvalidArgument if an option, a time or the number of arguments is not allowed; ShapeError if a shape is
/// not.
Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options = {},
               std::span<const HostArray> arguments = {});

/// An accepted step: from t to t + size.
struct AcceptedStep {
  double t = 0;
  double size = 0;
};

/// The steps that solve() takes for a batch of one sample, in f64; up to the failure if there is one. Throws as solve()
/// does, and ShapeError if the batch is larger.
std::vector<AcceptedStep> accepted_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                                         const SolveOptions& options = {}, std::span<const HostArray> arguments = {});

/// solve() inside a trace: the states [time, state] of one sample. z0 has as many numbers as the field's state, in any
/// shape; times [time]; one Array for each argument of the field. A sample that fails is NaN from there on, has
/// gradient 0, counts nothing in gradients of what all samples share, and is listed in the run's report
/// (RunReport::failures). So does one whose times, which a program may compute, are not finite or turn back.
/// Throws InvalidArgument and ShapeError as solve() does, for times that are constants, too.
///
/// Derivatives: vjp by z0, times, arguments and Parameters; jvp by all but times; both of each other, and vjp of the
/// vjp by z0 and the arguments of samples. NotSupported by what moves a time at which the field jumps, where(t <= T, …)
/// by T: solve to T and from there on, with T among the times of both. A jump that the state decides (y > level) is
/// not looked for, and derivatives lack what a moved crossing changes; as those by times do that move steps over a jump
/// in t (times[0]; with fixed steps, any).
Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options = {},
            std::span<const Array> arguments = {});

}  // namespace costate
