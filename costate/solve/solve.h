// solve: z' = f(t, z), z(t0) = z0, at given times; on batches of numbers, or as one operation of a traced program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/solve/events.h"
#include "costate/solve/options.h"
#include "costate/solve/solve_watch.h"
#include "costate/solve/status.h"
#include "costate/solve/vector_field.h"

namespace costate {

/// The events of a batch, sample by sample and each sample's in the order of time.
struct SolutionEvents {
  std::vector<std::int64_t> first;  // [batch + 1]; those of sample i are first[i], … first[i + 1] - 1
  std::vector<std::int64_t> event;  // [n] which of the list that was given
  std::vector<double> times;        // [n]
  HostArray states;                 // [n, …state] before the event moves it
};

/// Where a solve with steps chosen by the error ended, and with what it would go on.
struct SolveEnd {
  /// Of a solve that has none: of fixed steps, or by SUNDIALS'. That of an empty batch has the axis of the batch.
  bool is_empty() const { return states.shape().rank() == 0; }

  HostArray states = HostArray(Shape{});         // [batch, …state] at the last time; NaN where there is none
  std::vector<double> times;                     // [batch], as all below
  std::vector<double> steps;                     // the next step, < 0 back in time; 0 of a solve that took none
  std::vector<double> previous_log, before_log;  // ControlState
  std::vector<bool> knows_slope;                 // the slope there was evaluated
  std::vector<int> takes_implicit, streaks;      // StiffnessSwitch of "auto"; 0 of others
  HostArray slopes;                              // [batch, …state]
};

/// What a solve of a batch gives.
struct Solution {
  HostArray states;                              // [batch, time, …state]; NaN from where a sample failed
  std::vector<Status> status;                    // [batch], as all below
  std::vector<double> reached, last_step;        // the time reached, and the size of the step tried last
  std::vector<std::int64_t> nfe;                 // evaluations of the field, not of its Jacobian
  std::vector<std::int64_t> accepted, rejected;  // steps
  std::vector<std::int64_t> implicit_steps;      // of the accepted ones; all of an implicit method, some of "auto"
  std::vector<std::vector<double>> switches;  // [batch] when "auto" went to implicit steps, back, …; empty of others
  std::string advice;                         // what to do about the first sample that failed
  SolutionEvents events;                      // empty for a solve without
  SolveEnd end;                               // empty for fixed steps and SUNDIALS'

  /// SolveFailed if a sample failed, naming the first: which, how, at which t, with which step, and what to do.
  void check() const;
};

/// Solves a batch.
///
/// Shapes: z0 [batch, …state], or [batch, state] with the parts flattened one after the other if the field has several;
///         times [time] or [batch, time], ascending or descending, the first being z0's; a time that is repeated has
///         the same state again; arguments: one array for each argument of the field, [batch, …] or, if shared, […].
/// Events: each sample has its own. An output at the time of an event is the state before it. A sample whose solve an
///         event ends is NaN from there on, its status is kOk, and `reached` is the time of the event.
/// Status: a sample that fails has a status other than kOk and NaN from there on; the others are solved. One of whose
///         events g is NaN fails as kNonFinite.
/// Throws: InvalidArgument if an option, a time, an event or the number of arguments is not allowed; ShapeError if a
/// shape is not; NotSupported for events with fixed steps or joint control.
Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options = {},
               std::span<const HostArray> arguments = {}, std::span<const SolveEvent> events = {},
               const SolveWatch& watch = {});

/// Goes on where another solve of the field ended, with its step sizes, controllers and last slopes: the states, nfe
/// and steps are to the bit those of one solve over both spans with a stop (stop_at) where they meet, if the field does
/// not read t. (One that does has its slopes at a stop some ulps beside it.) Without such a stop, one solve takes a
/// step over that time. A sample whose time turns here, or that has taken no step yet, chooses a first step. Throws:
/// InvalidArgument if times do not begin where each sample ended, and for a sample that did not get to its end, by a
/// failure or an event; NotSupported for fixed steps; and as solve().
Solution continue_solve(const VectorField& field, const SolveEnd& end, const HostArray& times,
                        const SolveOptions& options = {}, std::span<const HostArray> arguments = {},
                        std::span<const SolveEvent> events = {}, const SolveWatch& watch = {});

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
/// Derivatives: vjp and jvp by z0, times, arguments and Parameters, each of the other, and vjp of the vjp; a
/// tangent by times is that of the solution, or of fixed steps. NotSupported by what moves a time at which the
/// field jumps, as T of where(t <= T, …): solve to T and from there on, with T among the times of both. A jump that
/// the state decides, by y > level, is not looked for, and derivatives lack what a moved crossing changes; as those
/// by times do that move steps over a jump in t (times[0]; with fixed steps, any).
Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options = {},
            std::span<const Array> arguments = {});

/// What a solve with events gives inside a trace, of one sample.
struct EventSolution {
  Array states;        // [time, state]; NaN after an event that ends the solve
  Array event_times;   // [max_events], in the order of time; NaN where there are no more, as the next two
  Array events;        // [max_events] which of the list that was given
  Array event_states;  // [max_events, state] before the event moves it
  Array count;         // [] how many there were, those beyond max_events among them
};

/// The same with events. All but `events` and `count` have the derivatives of solve(), with what the events' arguments
/// and Parameters do to their times among them; 0 where there is no event, or no state any more. At an event where g
/// only touches zero that of its time has no bound. NotSupported for jvp and the vjp of a vjp with a mass_matrix.
EventSolution solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options,
                    std::span<const Array> arguments, const EventList& events);

}  // namespace costate
