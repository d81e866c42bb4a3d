// What error messages call an Array, and the user's line.
#pragma once

#include <source_location>
#include <span>
#include <string>

#include "costate/graph/array.h"

namespace costate::internal {

/// "model.cpp:12".
std::string place(std::source_location where);

/// Where an Array comes from, and its shape: "input 'x' [2]", "sin [3]".
std::string describe(const Array& array);
/// "input 'x' [2] and constant [3]".
std::string describe_all(std::span<const Array> arrays);

}  // namespace costate::internal
