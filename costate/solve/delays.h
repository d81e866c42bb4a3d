// Delay differential equations with constant lags, by the method of steps:
//
//     z'(t) = f(t, z(t), z(t - lag_1), …, z(t - lag_L)),   z(t) = history(t) for t < t0
//
// The time is cut where derivatives of z may jump, at t0 and sums of lags behind it, as far as the method's order sees
// such jumps, and into pieces no longer than the shortest lag: so what a step reads of the past is known before it, and
// no step is limited or iterated. Each piece is a solve() of the program, whose dense output is read at Chebyshev's
// points; the polynomial through them is the past of later pieces, and the solution itself.
//
// So a delay equation is a composition of the graph: batches, lanes, threads and f32 are those of solve(), and
// gradients, by the lags too, are those of the computed solution, exact to rounding for the steps that were taken.
// (Bellen and Zennaro, Numerical Methods for Delay Differential Equations, 2003, chapters 2 and 3.)
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/exec/run_report.h"
#include "costate/solve/solve.h"

namespace costate {

/// A lag, a positive number: a constant, a Parameter, or whatever a trace computes. Where pieces end goes by its size
/// when the program is traced: that of the constant or of the Parameter then, or `known`, which others must be given.
/// Another value serves as long as sums of lags stay in order, among themselves and with the last time, and the lags do
/// not move by more than a part of the shortest; samples fail where it does not (kInvalidTimes).
struct Lag {
  Lag(Operand given, std::optional<double> known = std::nullopt);  // NOLINT(google-explicit-constructor)
  Lag(double given) : Lag(Operand(given)) {}                       // NOLINT(google-explicit-constructor)
  Array value;
  double size;
};

struct DelayOptions {
  SolveOptions solve = {};  // without fixed steps: the method and its tolerances, per piece
  int nodes = 24;           // of the polynomial of a piece, from 8 to 64
  double max_piece = 0;     // no piece is longer; 0: than the shortest lag. For solutions that bend too often in one
};

/// What a delay equation's solve gives inside a trace, of one sample.
struct DelaySolution {
  Array states;      // [time, …state]
  Array unresolved;  // [pieces] of each piece the last coefficients of its polynomial, in 100 tolerances: NaN follows 1
  std::vector<double> piece_starts;  // [pieces + 1], the last being the end
};

/// f(t, z, delayed), delayed being z at t - lag, one a lag; and z at times up to t0. Both may use Arrays of the trace.
using DelayRhs = std::function<Array(Array t, Array z, std::span<const Array> delayed)>;
using DelayHistory = std::function<Array(Array t)>;

/// Solves inside a trace. z0 is history(t0) unless it is given, and has the state's shape. `times` [time] are constants
/// that do not descend; a time that is repeated has the same state again. A sample fails as those of solve() do, and
/// where the polynomial of a piece does not follow the solution: its states are NaN from that piece on.
/// Derivatives: vjp and jvp, and both of each other, by all that f, history, z0 and the lags are made of.
/// Throws: InvalidArgument for lags, times and options that are not allowed, and for more than 4096 pieces; ShapeError.
DelaySolution solve_delays(const DelayRhs& rhs, const DelayHistory& history, std::span<const Lag> lags,
                           const Array& times, const DelayOptions& options = {}, const Array& z0 = {});

/// A delay equation for batches of numbers: code that takes its arguments, one a sample.
struct DelayEquation {
  std::function<Array(Array t, Array z, std::span<const Array> delayed, std::span<const Array> arguments)> rhs;
  std::function<Array(Array t, std::span<const Array> arguments)> history;
  std::vector<double> lags;
};

/// What a batch of numbers gives.
struct DelayResult {
  HostArray states;  // [batch, time, …state]; NaN from where a sample failed
  RunReport report;  // of all pieces

  /// SolveFailed if a sample failed, naming the first.
  void check() const;
};

/// Solves a batch. Shapes: z0 [batch, …state], or none: history(t0), of as many samples as the arguments have, or of
/// one; times [time]; arguments [batch, …]. The dtype is options.solve.dtype.
DelayResult solve_delays(const DelayEquation& equation, const std::optional<HostArray>& z0, const HostArray& times,
                         const DelayOptions& options = {}, std::span<const HostArray> arguments = {});

}  // namespace costate
