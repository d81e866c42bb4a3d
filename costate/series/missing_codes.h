// Codes for "not measured" among numbers: -999, -200, 9999. A model would take each for a jump.
#pragma once

#include <optional>
#include <vector>

namespace costate {

/// A number that stands for "missing", and the others.
struct MissingCode {
  double value = 0;
  std::size_t count = 0;
  double low = 0, high = 0;  // of all other numbers
};

/// The code among the cells of a column, NaN among them ignored: one number, repeated exactly, that lies outside the
/// range of all others by more than that range, where the others take at least ten values. It must look like a code:
/// nines, the ends of integers of 8 to 32 bits, a power of ten from 1e5 on; or a negative whole number below others. 0
/// is none: it is where pumps and lamps rest.
std::optional<MissingCode> find_missing_code(std::vector<double> cells);

}  // namespace costate
