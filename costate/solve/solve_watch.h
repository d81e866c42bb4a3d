// What a solve of numbers tells while it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace costate {

/// An attempted step of a sample: from `state` at t, of size h (negative backward in time).
struct StepView {
  std::int64_t sample = 0;
  double t = 0, h = 0;
  double error = 0;                    // in tolerances; 0 before the attempt, and of fixed steps
  std::span<const double> state = {};  // [state], flat; valid until the call returns
};

/// Code that hears of a solve's steps, on one thread: samples are then solved on that alone, some of them side by side
/// as ever, each with the bits that it has without. Without a watch the cost is one test a step. What a call throws
/// ends the solve.
struct SolveWatch {
  std::function<void(const StepView&)> on_step = {};                    // before an attempt
  std::function<void(const StepView&)> on_accept = {}, on_reject = {};  // after one
  /// The part of all samples' times that is behind, from 0 to 1: with each percent, and at the end.
  std::function<void(double part)> on_progress = {};

  bool is_empty() const { return !on_step && !on_accept && !on_reject && !on_progress; }
};

}  // namespace costate
