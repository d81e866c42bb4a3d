// Networks: the front door of costate/nn.
#pragma once

#include "costate/nn/activations.h"      // IWYU pragma: export
#include "costate/nn/convolution.h"      // IWYU pragma: export
#include "costate/nn/initializers.h"     // IWYU pragma: export
#include "costate/nn/join_parameters.h"  // IWYU pragma: export
#include "costate/nn/linear.h"           // IWYU pragma: export
#include "costate/nn/mlp.h"              // IWYU pragma: export
#include "costate/nn/normalization.h"    // IWYU pragma: export
#include "costate/nn/recurrent.h"        // IWYU pragma: export
#include "costate/nn/residual.h"         // IWYU pragma: export
