// What normalizations, as functions and as layers, ask of the number that they add to variances.
#pragma once

#include "costate/base/error.h"

namespace costate::internal {

/// InvalidArgument "[who] …" unless eps > 0.
inline void check_eps(const char* who, double eps) {
  if (!(eps > 0)) throw InvalidArgument("[", who, "] eps must be positive; got ", eps, ".");
}

}  // namespace costate::internal
