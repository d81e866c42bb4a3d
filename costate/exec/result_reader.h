// Who takes the result of an operation, and may read what that keeps beside it.
#pragma once

#include <cstddef>

namespace costate {

class Extension;

/// An operation that takes a result, and as which of its operands: that tells whether it reads the state of what made
/// it, or takes the result for numbers.
struct ResultReader {
  const Extension* extension = nullptr;
  std::size_t operand = 0;
};

}  // namespace costate
