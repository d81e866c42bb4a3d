#include "costate/solve/internal/error_measure.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/trace.h"
#include "costate/solve/control/gradient_guard.h"

namespace costate::internal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A tolerance for each number of the state, of a list that has one for each part or each number.
std::vector<double> for_each_number(std::string_view name, const std::vector<double>& given, double otherwise,
                                    std::span<const std::size_t> part_offsets, std::size_t state_size) {
  if (given.empty()) return std::vector<double>(state_size, otherwise);
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!(given[i] >= 0))
      throw InvalidArgument("[solve] ", name, " must be at least 0, or inf for what is not controlled; ", name, "[", i,
                            "] is ", given[i], ".");
  if (given.size() == state_size) return given;
  if (given.size() != part_offsets.size())
    throw InvalidArgument("[solve] ", name, " must hold one tolerance for each of the state's ", state_size,
                          " numbers or ", part_offsets.size(), " parts; got ", given.size(), ".");
  std::vector<double> all(state_size);
  for (std::size_t part = 0; part < part_offsets.size(); ++part)
    std::fill(all.begin() + static_cast<std::ptrdiff_t>(part_offsets[part]),
              all.begin() + static_cast<std::ptrdiff_t>(end_of_part(part_offsets, part, state_size)), given[part]);
  return all;
}

}  // namespace

std::size_t ErrorMeasure::num_controlled() const {
  std::size_t count = 0;
  for (const ErrorGroup& group : groups) count += group.count;
  return count;
}

double ErrorMeasure::smallest(const std::vector<double>& tolerances) const {
  double least = kInfinity;
  for (std::size_t i = 0; i < tolerances.size(); ++i)
    if (is_controlled(atol[i])) least = std::min(least, tolerances[i]);
  return least;
}

ErrorMeasure error_measure(const SolveOptions& options, std::span<const std::size_t> part_offsets,
                           std::size_t state_size) {
  ErrorMeasure measure{
      .rtol = for_each_number("rtols", options.rtols, options.rtol, part_offsets, state_size),
      .atol = for_each_number("atols", options.atols, options.atol, part_offsets, state_size),
      .groups = {},
      .is_largest = options.error_norm == ErrorNorm::kMax,
      .is_uniform = options.rtols.empty() && options.atols.empty() && options.error_norm == ErrorNorm::kRms};
  for (std::size_t i = 0; i < state_size; ++i) {
    if (std::max(measure.rtol[i], measure.atol[i]) == kInfinity) {
      measure.rtol[i] = 0;
      measure.atol[i] = kInfinity;
    }
    if (!(measure.rtol[i] + measure.atol[i] > 0))
      throw InvalidArgument("[solve] rtol and atol of number ", i, " of the state are both 0; raise one.");
  }
  measure.is_uniform = measure.is_uniform && options.norm.is_empty();
  const bool by_parts = options.error_norm == ErrorNorm::kPartRms;
  const std::size_t num_groups = by_parts ? part_offsets.size() : 1;
  for (std::size_t k = 0; k < num_groups; ++k) {
    ErrorGroup group{by_parts ? part_offsets[k] : 0, by_parts ? end_of_part(part_offsets, k, state_size) : state_size};
    for (std::size_t i = group.begin; i < group.end; ++i) group.count += is_controlled(measure.atol[i]) ? 1 : 0;
    if (group.count > 0) measure.groups.push_back(group);
  }
  if (measure.groups.empty())
    throw InvalidArgument(
        "[solve] at least one number of the state must be controlled; all tolerances are inf. Make one finite.");
  return measure;
}

std::vector<double> disturbance_rtols(const ErrorMeasure& measure, double rounding) {
  std::vector<double> rtols(measure.rtol.size(), kInfinity);
  for (std::size_t i = 0; i < rtols.size(); ++i)
    if (is_controlled(measure.atol[i])) rtols[i] = guard::disturbance_rtol(measure.rtol[i], measure.atol[i], rounding);
  return rtols;
}

std::vector<std::size_t> part_offsets(const VectorField& field) {
  std::vector<std::size_t> offsets;
  std::size_t offset = 0;
  for (const StatePart& part : field.parts()) {
    offsets.push_back(offset);
    offset += static_cast<std::size_t>(part.shape.size());
  }
  return offsets;
}

std::size_t end_of_part(std::span<const std::size_t> part_offsets, std::size_t part, std::size_t state_size) {
  return part + 1 < part_offsets.size() ? part_offsets[part + 1] : state_size;
}

namespace {

void check_norm(const Function& norm, std::int64_t state_size) {
  if (norm.is_empty()) return;
  const bool fits = norm.inputs().size() == 1 && norm.inputs()[0].shape == Shape{state_size} &&
                    norm.outputs().size() == 1 && norm.output_shape(0).rank() == 0;
  if (!fits)
    throw InvalidArgument("[solve] norm must be a Function of the ", state_size,
                          " errors of the state's numbers alone, a vector, that gives one number.");
}

}  // namespace

void check_tolerances(const SolveOptions& options, const VectorField& field) {
  check_norm(options.norm, field.state_size());
  const auto n = static_cast<std::size_t>(field.state_size());
  if (!options.mass_matrix.empty() && options.mass_matrix.size() != n * n)
    throw InvalidArgument("[solve] mass_matrix must have ", n, " x ", n, " numbers, row by row, for a state of ", n,
                          "; got ", options.mass_matrix.size(), ".");
  for (const double index : options.nonnegative)
    if (!(index >= 0 && index < static_cast<double>(n)) || index != std::floor(index))
      throw InvalidArgument("[solve] nonnegative must hold indices of the state, 0 to ", n - 1, "; got ", index, ".");
  error_measure(options, part_offsets(field), static_cast<std::size_t>(field.state_size()));
}

namespace {

/// The largest of a norm's values for so many copies of a state; what comes behind them counts nothing.
Function norm_of_copies(const Function& norm, std::int64_t size, std::size_t copies, std::int64_t more) {
  const auto count = static_cast<std::int64_t>(copies);
  return trace(
      [&](Array errors) {
        Array largest;
        for (std::int64_t copy = 0; copy < count; ++copy) {
          const Array one = errors.slice(copy * size, (copy + 1) * size);
          const Array value = inline_function(norm, std::span(&one, 1))[0];
          largest = largest.is_empty() ? value : max(largest, value);
        }
        return largest;
      },
      {{"errors", {count * size + more}}});
}

}  // namespace

SolveOptions with_copies(SolveOptions options, const VectorField& field, std::size_t copies, std::size_t more) {
  const auto offsets = part_offsets(field);
  const auto size = static_cast<std::size_t>(field.state_size());
  const auto extended = [&](std::string_view name, std::vector<double>& list, double otherwise) {
    if (list.empty()) return;
    const std::vector<double> once = for_each_number(name, list, otherwise, offsets, size);
    list.clear();
    for (std::size_t copy = 0; copy < copies; ++copy) list.insert(list.end(), once.begin(), once.end());
    list.insert(list.end(), more, otherwise);
  };
  if (!options.norm.is_empty())
    options.norm =
        norm_of_copies(options.norm, static_cast<std::int64_t>(size), copies, static_cast<std::int64_t>(more));
  extended("rtols", options.rtols, options.rtol);
  extended("atols", options.atols, options.atol);
  if (const std::vector<double> once = std::exchange(options.mass_matrix, {}); !once.empty()) {
    const std::size_t n = copies * size + more;
    options.mass_matrix.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; i < copies * size && j < size; ++j)
        options.mass_matrix[i * n + i / size * size + j] = once[i % size * size + j];
      if (i >= copies * size) options.mass_matrix[i * n + i] = 1;
    }
  }
  return options;
}

}  // namespace costate::internal
