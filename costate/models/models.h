// Models beside the fit of a time series (costate/series), to train with train() or fit_trajectories().
#pragma once

#include "costate/models/airfoil_shape.h"      // IWYU pragma: export
#include "costate/models/cnf.h"                // IWYU pragma: export
#include "costate/models/deep_net.h"           // IWYU pragma: export
#include "costate/models/driven_delays.h"      // IWYU pragma: export
#include "costate/models/latent_ode.h"         // IWYU pragma: export
#include "costate/models/latent_ode_fit.h"     // IWYU pragma: export
#include "costate/models/mechanical_fields.h"  // IWYU pragma: export
#include "costate/models/panel_flow.h"         // IWYU pragma: export
#include "costate/models/planar_flow.h"        // IWYU pragma: export
