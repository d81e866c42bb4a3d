#include "costate/solve/internal/table_bends.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace costate::internal {
namespace {

struct Table {
  std::span<const double> times, values;
  std::size_t knots, columns;

  double value(std::size_t i, std::size_t k) const { return values[i * columns + k]; }
};

bool jumps(const Table& table, std::size_t i) {
  for (std::size_t k = 0; i > 0 && k < table.columns; ++k)
    if (table.value(i, k) != table.value(i - 1, k)) return true;
  return false;
}

struct Secant {
  double slope = 0, rounding = 0;
};

/// Between knots i and i + 1; 0 outside, where the end values are held.
Secant secant(const Table& table, std::size_t i, std::size_t k) {
  if (i + 1 >= table.knots) return {};
  const double h = table.times[i + 1] - table.times[i];
  const double slope = (table.value(i + 1, k) - table.value(i, k)) / h;
  const double size = std::abs(table.value(i, k)) + std::abs(table.value(i + 1, k));
  const double shift = (std::abs(table.times[i]) + std::abs(table.times[i + 1])) / h;
  return {slope, 4 * std::numeric_limits<double>::epsilon() * (size / h + shift * std::abs(slope))};
}

/// Points of one straight line are none.
bool bends(const Table& table, std::size_t i) {
  for (std::size_t k = 0; k < table.columns; ++k) {
    const Secant before = i == 0 ? Secant{} : secant(table, i - 1, k), after = secant(table, i, k);
    if (!(std::abs(after.slope - before.slope) <= before.rounding + after.rounding)) return true;
  }
  return false;
}

/// The pieces beside a knot are made of two more knots on each side.
bool is_flat_around(const Table& table, std::size_t i) {
  const std::size_t first = i < 2 ? 0 : i - 2, last = std::min(i + 2, table.knots - 1);
  for (std::size_t j = first + 1; j <= last; ++j)
    if (jumps(table, j)) return false;
  return true;
}

}  // namespace

std::vector<bool> find_bends(Interpolation interpolation, int order, std::span<const double> times,
                             std::span<const double> values) {
  std::size_t knots = times.size();
  while (knots > 1 && times[knots - 1] <= times[knots - 2]) --knots;  // padding
  const Table table{times, values, knots, values.size() / times.size()};
  std::vector<bool> found(times.size(), false);
  for (std::size_t i = 0; i < knots; ++i) {
    if (interpolation == Interpolation::kHold) found[i] = order == 0 && jumps(table, i);
    if (interpolation == Interpolation::kLinear) found[i] = order <= 1 && bends(table, i);
    if (interpolation == Interpolation::kCubic) found[i] = order <= 3 && !is_flat_around(table, i);
  }
  return found;
}

}  // namespace costate::internal
