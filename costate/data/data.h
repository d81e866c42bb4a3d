// Made-up data with known truth: the front door of costate/data.
#pragma once

#include "costate/data/augmentation.h"    // IWYU pragma: export
#include "costate/data/densities.h"       // IWYU pragma: export
#include "costate/data/karman_trefftz.h"  // IWYU pragma: export
#include "costate/data/labelled.h"        // IWYU pragma: export
#include "costate/data/simulate.h"        // IWYU pragma: export
#include "costate/data/spirals.h"         // IWYU pragma: export
#include "costate/data/systems.h"         // IWYU pragma: export
