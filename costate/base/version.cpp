#include "costate/base/version.h"

namespace costate {

std::string version() { return COSTATE_VERSION; }

}  // namespace costate
