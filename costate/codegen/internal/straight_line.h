// A Function as a list of statements on named values: what every kind of generated source is written from.
//
// It is the Plan for one lane, in which a value of a sample is a row of numbers. What Parameters and constants alone
// make (transposed weights, folded numbers) is computed here, as the library would, and stands as numbers. A target
// that has memory (C) goes by the plan's places; one that has only values (NumPy, ONNX) by the pieces of earlier values
// that a statement reads.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/plan/plan.h"

namespace costate::internal {

/// Some rows of a value.
struct Piece {
  std::size_t value = 0;  // position in StraightLine::values
  std::size_t first = 0, rows = 0;
};

/// What a statement reads: pieces after each other, or one number for all rows of the result.
struct Reading {
  std::vector<Piece> pieces;
  bool is_scalar = false;
};

struct LineValue {
  enum class Kind { kInput, kNumbers, kComputed };
  Kind kind = Kind::kComputed;
  std::string name;  // an input's, or whose numbers they are; "" of what is computed
  std::size_t rows = 1;
  std::size_t input = 0;        // kInput: position among StraightLine::inputs
  std::vector<double> numbers;  // kNumbers; those of f32 are rounded
  Slot place;                   // kComputed: in scratch or an output
};

struct LineStatement {
  Instruction instruction;  // its slots are the plan's
  std::vector<Reading> readings;
  std::size_t value = 0;  // what it computes
};

struct NamedRows {
  std::string name;
  Shape shape;
};

struct StraightLine {
  Function function;  // simplified, of one sample
  std::vector<LineValue> values;
  std::vector<LineStatement> statements;
  std::vector<NamedRows> inputs, outputs;  // Parameters are no inputs
  std::vector<Reading> results;            // one an output
  std::size_t scratch_size = 0;
};

/// Parameters stand with the numbers that they have now; inputs that samples share are inputs like others, and outputs
/// that are summed over a batch are the one sample's. Throws as lower().
StraightLine straight_line(const Function& function, Dtype dtype);

}  // namespace costate::internal
