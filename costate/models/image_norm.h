// The normalization that all models of images here have, `norm` of odenet_mnist.py of Chen et al. 2018.
#pragma once

#include <cstdint>
#include <string>

#include "costate/nn/normalization.h"

namespace costate {

/// GroupNorm of min(32, channels) groups, or of the next fewer that divide the channels, where the authors' code fails.
GroupNorm image_norm(std::int64_t channels, const std::string& name);

}  // namespace costate
