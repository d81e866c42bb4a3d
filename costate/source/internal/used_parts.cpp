#include "costate/source/internal/used_parts.h"

#include <algorithm>

namespace costate::internal {

bool UsedParts::use(const std::string& name) {
  if (used_.contains(name)) return true;
  const auto found = known_.find(name);
  if (found == known_.end()) return false;
  if (!std::ranges::all_of(found->second.needs, [&](const std::string& need) { return use(need); })) return false;
  used_.insert(name);
  text_ += found->second.text;
  return true;
}

}  // namespace costate::internal
