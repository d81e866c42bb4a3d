// check_gradient: is the gradient of a program right, and which input is off where it is not?
//
// Each input moves alone along random directions v, numbers of either sign and of sizes from 0.5 to 1.5. Three numbers
// must agree, each found in another way:
//
//   gradient     the reverse derivative of the loss as it is, times v
//   tangent      the forward derivative of tighten(loss) along v: solves of state and tangent together, whose steps the
//                tangent's own error decides
//   difference   (loss(x + h v) - loss(x - h v)) / 2h of tighten(loss), extrapolated from two h
//
// All in f64, whatever the program will be compiled for.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/graph.h"

namespace costate {

struct GradientCheckOptions {
  std::vector<std::size_t> wrt = {};  // positions in loss.inputs(); empty: all
  // A gradient may differ from the tangent by this share of itself, and by atol at most where the tangent is no more
  // exact at the loss's own tolerances.
  double rtol = 1e-3;
  double atol = 1e-6;
  int directions = 2;
  std::uint64_t seed = 0;  // of the directions
};

enum class GradientVerdict {
  kRight,
  kOff,
  kUnclear,       // there is nothing finite to compare with
  kNoDerivative,  // refused, or the input reaches the loss through comparisons and the like only
};

/// "right", "off", "unclear", "no derivative".
std::string name(GradientVerdict verdict);

/// What was found of an input, along the direction and for the sample that agree least. NaN: not to be had.
struct InputCheck {
  std::string input;
  std::int64_t sample = -1;  // row of the batch; -1 for what all samples share
  double gradient = std::numeric_limits<double>::quiet_NaN();
  double tangent = std::numeric_limits<double>::quiet_NaN();
  double difference = std::numeric_limits<double>::quiet_NaN();
  double error =
      std::numeric_limits<double>::quiet_NaN();  // |gradient - tangent|, or the differences' where that says more
  double allowed = 0;
  GradientVerdict verdict = GradientVerdict::kUnclear;
  std::string note = {};  // what is the matter, in a sentence; empty if nothing is
};

struct GradientCheck {
  std::vector<InputCheck> inputs;
  std::string worst;  // the input whose error is the largest, in units of what is allowed; empty if none has an error
  bool ok = true;     // no input is off or unclear

  /// A table of all numbers, and the notes below it.
  std::string text() const;
};

/// Checks the gradient of a loss, whose first output is a scalar, at `at`: one array for each input that is not a
/// Parameter, as Program::run takes them; Parameters have their current values. Costs some ten evaluations and a
/// gradient for each input and direction, at tight tolerances.
/// Throws: ShapeError if the loss is not a scalar or an array does not fit; InvalidArgument for options out of range;
///         SolveFailed if the loss itself is not finite at `at`.
GradientCheck check_gradient(const Function& loss, std::span<const HostArray> at,
                             const GradientCheckOptions& options = {});

}  // namespace costate
