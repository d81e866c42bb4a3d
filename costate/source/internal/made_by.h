// What all generated source begins with; an earlier export is known by it.
#pragma once

#include <string>
#include <string_view>

#include "costate/base/version.h"

namespace costate::internal {

inline constexpr std::string_view kMadeBy = "Made by Costate ";

/// "Made by Costate 0.2.0"
inline std::string made_by() { return std::string(kMadeBy) + version(); }

}  // namespace costate::internal
