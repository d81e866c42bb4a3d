#include "costate/models/image_norm.h"

#include <algorithm>

namespace costate {

GroupNorm image_norm(std::int64_t channels, const std::string& name) {
  std::int64_t groups = std::min<std::int64_t>(32, channels);
  while (groups > 1 && channels % groups != 0) --groups;
  return GroupNorm({.groups = groups, .channels = channels, .name = name});
}

}  // namespace costate
