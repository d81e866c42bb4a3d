// Where the inputs of a field bend in time, found in its Function: knots of the tables that it reads at t or at a t +
// b.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "costate/solve/internal/stop_rule.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

struct FieldStops {
  std::vector<double> constants;  // those that the trace knows, ascending
  double offset = 0;              // the largest |b / a| of their tables (StopRule)
  /// The others, from the field's inputs, of which it reads arguments and Parameters alone. Its outputs, two a table:
  /// stops [n], ascending or descending, and |b / a|. Empty if there are none.
  Function of_arguments;
  bool reads_lines = false;          // some table is read at a t + b, not at t
  std::vector<std::string> unknown;  // tables whose knots cannot be found, in words
};

/// A table whose values can carry a derivative has a stop at every knot; one of constants where something changes.
FieldStops find_stops(const VectorField& field);

/// All stops of one sample, ascending, given the field's arguments and Parameters; in f64.
struct SampleStops {
  std::vector<double> times;
  double offset = 0;
  StopRule rule;
};
SampleStops stops_of_sample(const VectorField& field, const FieldStops& stops,
                            std::span<const std::vector<double>> arguments);

}  // namespace costate::internal
