// Models of the mission: the front door of costate/models.
#pragma once

#include "costate/models/cnf.h"                // IWYU pragma: export
#include "costate/models/deep_net.h"           // IWYU pragma: export
#include "costate/models/delay_choice.h"       // IWYU pragma: export
#include "costate/models/delay_embedding.h"    // IWYU pragma: export
#include "costate/models/driven_delays.h"      // IWYU pragma: export
#include "costate/models/fit.h"                // IWYU pragma: export
#include "costate/models/fit_config.h"         // IWYU pragma: export
#include "costate/models/fit_run.h"            // IWYU pragma: export
#include "costate/models/forecast.h"           // IWYU pragma: export
#include "costate/models/latent_ode.h"         // IWYU pragma: export
#include "costate/models/mechanical_fields.h"  // IWYU pragma: export
#include "costate/models/planar_flow.h"        // IWYU pragma: export
#include "costate/models/series_model.h"       // IWYU pragma: export
#include "costate/models/trajectory_fit.h"     // IWYU pragma: export
