// What a solve measures its errors by: a tolerance for each number of the state, and which numbers are judged together.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "costate/solve/options.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// Whether a number with this tolerance, atol or what the gradient guard follows it to, is controlled. An infinite one
/// leaves it out of all errors and undisturbed.
inline bool is_controlled(double tolerance) { return tolerance < std::numeric_limits<double>::infinity(); }

/// Numbers of the state that are judged together: [begin, end), of which `count` are controlled.
struct ErrorGroup {
  std::size_t begin = 0, end = 0, count = 0;
};

/// A step's error is the largest among the groups; of a group it is the root mean square over the numbers that are
/// controlled, or the largest one, of err_i / (atol_i + rtol_i |y_i|).
struct ErrorMeasure {
  std::vector<double> rtol, atol;  ///< [state]; of a number that is not controlled 0 and infinity
  std::vector<ErrorGroup> groups;  ///< those that hold a controlled number
  bool is_largest = false;         ///< of a group: the largest number
  bool is_uniform = true;          ///< one rtol, one atol, the root mean square of the whole state

  std::size_t num_controlled() const;
  /// Of the numbers that are controlled.
  double smallest_rtol() const { return smallest(rtol); }
  double smallest_atol() const { return smallest(atol); }

 private:
  double smallest(const std::vector<double>& tolerances) const;
};

/// The measure of a state of so many numbers, whose parts begin at these. InvalidArgument for lists of tolerances that
/// fit neither the parts nor the numbers, or that no solve can go by.
ErrorMeasure error_measure(const SolveOptions& options, std::span<const std::size_t> part_offsets,
                           std::size_t state_size);

/// What the gradient guard follows a disturbance of each number to: guard::disturbance_rtol, infinite where the number
/// is not controlled.
std::vector<double> disturbance_rtols(const ErrorMeasure& measure, double rounding);

/// Where each part of a field's state begins.
std::vector<std::size_t> part_offsets(const VectorField& field);
/// One past the last number of a part of a state of so many numbers, whose parts begin at these.
std::size_t end_of_part(std::span<const std::size_t> part_offsets, std::size_t part, std::size_t state_size);

/// InvalidArgument for tolerances or a mass matrix that do not fit the field.
void check_tolerances(const SolveOptions& options, const VectorField& field);

/// Options for a system of so many copies of the field's state, such as its tangent beside it, and of `more` numbers:
/// lists of tolerances and the mass matrix for each copy, and `rtol`, `atol` and 1 for the rest.
SolveOptions with_copies(SolveOptions options, const VectorField& field, std::size_t copies, std::size_t more);

}  // namespace costate::internal
