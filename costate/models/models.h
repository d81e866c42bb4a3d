// Models beside the fit of a time series (costate/series), to train with train() or fit_trajectories().
#pragma once

#include "costate/models/airfoil_shape.h"      // IWYU pragma: export
#include "costate/models/classifier_head.h"    // IWYU pragma: export
#include "costate/models/cnf.h"                // IWYU pragma: export
#include "costate/models/conv_field.h"         // IWYU pragma: export
#include "costate/models/deep_net.h"           // IWYU pragma: export
#include "costate/models/downsampling.h"       // IWYU pragma: export
#include "costate/models/driven_delays.h"      // IWYU pragma: export
#include "costate/models/image_classifier.h"   // IWYU pragma: export
#include "costate/models/image_norm.h"         // IWYU pragma: export
#include "costate/models/latent_ode.h"         // IWYU pragma: export
#include "costate/models/latent_ode_fit.h"     // IWYU pragma: export
#include "costate/models/laurent_map.h"        // IWYU pragma: export
#include "costate/models/mechanical_fields.h"  // IWYU pragma: export
#include "costate/models/ode_block.h"          // IWYU pragma: export
#include "costate/models/panel_flow.h"         // IWYU pragma: export
#include "costate/models/planar_flow.h"        // IWYU pragma: export
#include "costate/models/residual_conv.h"      // IWYU pragma: export
#include "costate/models/viscous_flow.h"       // IWYU pragma: export
