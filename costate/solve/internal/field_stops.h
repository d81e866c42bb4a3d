// Where a field bends or jumps in time, found in its Function: knots of the tables that it reads at t or at a t + b,
// and times at which its comparisons of such lines change, its maxima, absolute values and so on.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "costate/solve/internal/stop_rule.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// The stops of one table, or switch, that the trace knows, ascending.
struct KnownStops {
  std::vector<double> times;
  StopKind kind;
};

/// `kind.read` says what is so in a solve in f32.
struct FieldStops {
  std::vector<KnownStops> known;
  /// The others, from the field's inputs, of which it reads arguments and Parameters alone. Its outputs, two each:
  /// stops [n], ascending or descending, and b / a. Empty if there are none.
  Function of_arguments;
  std::vector<StopKind> argument_kinds;  // one a pair of outputs of `of_arguments`, without their offsets
  std::vector<std::string> unknown;      // tables whose knots cannot be found, in words
};

/// A table whose values can carry a derivative has a stop at every knot; one of constants where something changes.
FieldStops find_stops(const VectorField& field);

/// A stop of a solve in f64, and how far its sides are.
struct Stop {
  double time = 0, inside = 0;
};

/// All stops of one sample, ascending, given the field's arguments and Parameters.
struct SampleStops {
  std::vector<Stop> stops;
  double scale = 0;  // stop_tolerance's
};
SampleStops stops_of_sample(const VectorField& field, std::span<const double> stop_at,
                            std::span<const std::vector<double>> arguments);

}  // namespace costate::internal
