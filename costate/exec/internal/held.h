// What the handles of this stage hold.
#pragma once

#include <memory>
#include <string_view>

#include "costate/base/error.h"

namespace costate::internal {

/// InvalidArgument, from `who`, for a handle that was moved from.
template <class Held>
const Held& held(const std::shared_ptr<const Held>& pointer, std::string_view who) {
  if (!pointer) throw InvalidArgument("[", who, "] was moved from; use what it was moved to.");
  return *pointer;
}

}  // namespace costate::internal
