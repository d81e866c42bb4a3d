// What tests of events share.
#pragma once

#include <vector>

#include "costate/solve/solve.h"

namespace costate {

inline std::vector<Method> adaptive_methods() {
  std::vector<Method> methods;
  for (const Method method : one_step_methods())
    if (tableau(method).has_error_estimate()) methods.push_back(method);
  return methods;
}

inline HostArray row_of(const std::vector<double>& values) {
  return HostArray(Shape{1, static_cast<std::int64_t>(values.size())}, values);
}

inline std::vector<double> event_times_of(const Solution& solution, std::size_t sample) {
  const auto& first = solution.events.first;
  return {solution.events.times.begin() + first[sample], solution.events.times.begin() + first[sample + 1]};
}

}  // namespace costate
