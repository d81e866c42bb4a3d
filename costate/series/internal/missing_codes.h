// Codes for "not measured" among numbers: -999, -200, 9999. A model would take each for a jump.
#pragma once

#include <cstddef>
#include <vector>

namespace costate {

/// A number that stands for "missing", and the others.
struct MissingCode {
  double value = 0;
  std::size_t count = 0;
  double low = 0, high = 0;  // of all other numbers
};

/// Codes among the cells of a column, NaN among them ignored: numbers, each repeated exactly, that lie outside the
/// range of all others by more than that range, where the others take at least ten values. A code looks like one:
/// nines, or three times the same of 7 and 8; the ends of integers of 8 to 32 bits; a power of ten from 1e5 on, or
/// beyond 1e30; or a negative whole number below all others. 0 is none: it is where pumps and lamps rest.
std::vector<MissingCode> find_missing_codes(std::vector<double> cells);

}  // namespace costate
