// Which Costate this is.
#pragma once

#include <string>

namespace costate {

/// "0.2.0".
std::string version();

}  // namespace costate
