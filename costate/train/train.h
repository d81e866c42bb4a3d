// Training: the front door of costate/train.
#pragma once

#include "costate/train/checkpoint.h"      // IWYU pragma: export
#include "costate/train/classifier.h"      // IWYU pragma: export
#include "costate/train/constrained.h"     // IWYU pragma: export
#include "costate/train/evaluation.h"      // IWYU pragma: export
#include "costate/train/history.h"         // IWYU pragma: export
#include "costate/train/loop.h"            // IWYU pragma: export
#include "costate/train/losses.h"          // IWYU pragma: export
#include "costate/train/minimize.h"        // IWYU pragma: export
#include "costate/train/optimizers.h"      // IWYU pragma: export
#include "costate/train/schedules.h"       // IWYU pragma: export
#include "costate/train/trajectory_fit.h"  // IWYU pragma: export
