// The options of a solve. An option is a member of SolveOptions and a row of solve_options(), from which Python has its
// keyword.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/shape.h"
#include "costate/base/option_value.h"
#include "costate/graph/graph.h"
#include "costate/solve/control/controller.h"
#include "costate/solve/methods/tableau.h"

namespace costate {

/// Whose error decides whether a step is accepted: each sample's own, or the root mean square over the whole batch
/// (torchdiffeq's way).
enum class Control { kPerSample, kJoint };

/// How the errors of a state's numbers, each in units of its tolerance, make the error of a step: their root mean
/// square; the largest of the root mean squares of the state's parts; or the largest error of a number.
enum class ErrorNorm { kRms, kPartRms, kMax };

/// What becomes of a step of min_step whose error is above the tolerance: the sample ends with kStepTooSmall, or the
/// step is taken, whatever the error, and the status stays kOk.
enum class AtMinStep { kFail, kAccept };

/// How a traced solve is differentiated in reverse. By the steps themselves: the accepted ones exactly; or, of methods
/// that can (Tableau::is_reversible), with the states before them taken back from the last one, so that a solve keeps
/// no states and the gradient is that of the steps up to rounding. By the adjoint equation, of which the state is
/// solved backwards, too (Algorithm 2 of Chen et al. 2018), or is the dense output of the solve, with the cotangents of
/// arguments as part of the equation's state, or as integrals afterwards (Gauss-Kronrod). By forward sensitivities, a
/// tangent for each number that a gradient is asked for. Or, of 'bdf' and 'adams' alone, by CVODES' own adjoint, which
/// is off by 60 to 2,300 times the tolerance.
enum class Adjoint { kDiscrete, kBacksolve, kReversible, kInterpolating, kQuadrature, kForward, kCvodes };

/// Whether steps must also be fit to be differentiated (control/gradient_guard.h): kAuto where the discrete adjoint
/// will differentiate them, kOn always, so that a solve takes the same steps with and without its gradient, kOff never.
enum class GradientSteps { kAuto, kOn, kOff };

/// "per_sample", "joint"; "rms", "part_rms", "max"; "fail", "accept"; "discrete", "backsolve", "reversible",
/// "interpolating", "quadrature", "forward", "cvodes"; "auto", "on", "off"; "method", "hairer". The way back throws
/// InvalidArgument, with the nearest name, if there is none.
std::string name(Control control);
Control control_from_name(const std::string& name);
std::string name(ErrorNorm error_norm);
ErrorNorm error_norm_from_name(const std::string& name);
std::string name(AtMinStep at_min_step);
AtMinStep at_min_step_from_name(const std::string& name);
std::string name(Adjoint adjoint);
Adjoint adjoint_from_name(const std::string& name);
/// Whether it takes back the solve's own steps, and solves no equation.
bool takes_back_steps(Adjoint adjoint);
/// Whether it reads the solve's dense output, which the solve then keeps: (degree + 1) states a step.
bool reads_dense(Adjoint adjoint);
std::string name(GradientSteps gradient_steps);
GradientSteps gradient_steps_from_name(const std::string& name);
std::string name(FirstStep first_step_rule);
FirstStep first_step_from_name(const std::string& name);

/// SolveOptions::memory_budget, unless given.
inline constexpr std::size_t kMemoryBudget = std::size_t{256} << 20;

struct SolveOptions {
  Method method = Method::kDopri5;
  double rtol = 1e-6;  // a step is accepted if its error is at most atol + rtol |y|, as a root mean square
  double atol = 1e-8;  // (control/controller.h)
  // In place of them, one for each number of the state or each of its parts; infinite: of a number that is not
  // controlled and changes no step, such as an integral. Refused with fixed steps, which leave rtol and atol alone.
  std::vector<double> rtols = {}, atols = {};
  ErrorNorm error_norm = ErrorNorm::kRms;
  // In place of error_norm: a Function of the errors [state], each in units of its tolerance, that gives the error of
  // the step, a scalar. The same object in two options is the same norm.
  Function norm = {};
  double first_step = 0;  // size of the first attempt; 0: chosen (control/initial_step.h)
  double min_step = 0;    // no step is shorter, but those cut to end at a stop or the last time; 0: no limit
  AtMinStep at_min_step = AtMinStep::kFail;
  double max_step = 0;  // no step is longer; 0: no limit
  // Steps end at these times, in any order: where the field jumps or bends, and steps could pass over it without a
  // sign. Knots of inputs that the field reads by interpolate() at t, or at a t + b, are such times of themselves.
  std::vector<double> stop_at = {};
  // M of M y' = f(t, y), [n, n] row by row, which may be singular: a row of zeros is the equation 0 = f_i, which the
  // start must satisfy, and which must determine a number of the state (index 1). For methods that allow it
  // (allows_mass_matrix); empty: the identity.
  std::vector<double> mass_matrix = {};
  // Numbers of the state, by their index, that no step may take below 0: one that would is rejected, and tried again
  // with half its size. Refused with fixed steps.
  std::vector<double> nonnegative = {};
  // Fixed steps instead of control by error: so many between output times, or at most so long; 0: not asked for. At
  // most one of the two. A method without an error estimate takes one step an interval if neither is set.
  int steps_per_interval = 0;
  double step_size = 0;
  std::int64_t max_steps = 100'000;  // attempted steps of a sample, accepted and rejected
  Control control = Control::kPerSample;
  StepControl step_control = {};
  Adjoint adjoint = Adjoint::kDiscrete;
  double adjoint_rtol = 0, adjoint_atol = 0;  // of the adjoint equation, or of tangents; 0: those of the solve
  GradientSteps gradient_steps = GradientSteps::kAuto;
  // Bytes for each thread that a solve keeps for its reverse sweep: half for states of accepted steps, a quarter for
  // evaluations, a quarter for states that the sweep computes again. The tiles of a run that waits for its pull-back
  // (exec/pullback.h) share what its threads may keep. It changes the time taken, and no bit of a result.
  std::size_t memory_budget = kMemoryBudget;
  Dtype dtype = Dtype::kF64;  // of solves of a batch of numbers; a traced solve has its program's

  bool operator==(const SolveOptions&) const = default;
};

/// A row of the table: an option by its name.
struct SolveOption {
  std::string name;
  OptionKind kind;
  OptionAccess<SolveOptions> access;
};

/// All of SolveOptions but the dtype and the norm, which is a Function; those of step_control by their own names.
const std::vector<SolveOption>& solve_options();

/// Whether a method solves M y' = f: rodas5p, radau5, radauIIA3 and radauIIA5, whose steps end where an algebraic
/// equation holds.
bool allows_mass_matrix(Method method);

/// Whether steps follow from the times and not from the error: they were asked for, or the method has no estimate.
bool has_fixed_steps(const SolveOptions& options);

namespace internal {

/// The method of Costate's own to take where one of SUNDIALS' does not serve.
std::string_view own_instead_of(Method multistep);

}  // namespace internal

/// InvalidArgument, naming the option and its value, for what no solve can do.
void check_options(const SolveOptions& options);

/// InvalidArgument for times of one sample that are not finite or turn back; they may repeat.
void check_times(std::span<const double> times);
/// The same of times [time] or [batch, time].
void check_times(const HostArray& times);

}  // namespace costate
