// A StraightLine as a C function.
#pragma once

#include <string>

#include "costate/codegen/internal/straight_line.h"

namespace costate::internal {

class CSource;

/// `static inline void name(const T* input, …, T* output, …)`; constants and helpers go to `source`. NotSupported for a
/// statement that C source has no form for.
std::string c_function(CSource& source, const std::string& name, const StraightLine& line);

}  // namespace costate::internal
