// The lists that systems() joins, one file each.
#pragma once

#include <vector>

#include "costate/data/systems.h"

namespace costate::internal {

std::vector<System> mechanical_systems();
std::vector<System> oscillators();
std::vector<System> population_systems();

}  // namespace costate::internal
