#include "costate/models/image_norm.h"

#include <algorithm>

namespace costate {

GroupNorm image_norm(std::int64_t channels, const std::string& name) {
  return GroupNorm({.groups = std::min<std::int64_t>(32, channels), .channels = channels, .name = name});
}

}  // namespace costate
