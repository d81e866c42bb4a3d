// Where states are best kept on the way to one that is computed again, when `slots` of them can be kept, the one to
// start from among these, and each is asked for, last first. Griewank and Walther 2000, "Algorithm 799: revolve": with
// r the smallest number for which binomial(slots + r, slots) >= count, the states before `count` steps take
//
//     r count - binomial(slots + r, r - 1)
//
// steps, of which no schedule takes fewer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

namespace costate::internal {

/// binomial(slots + repeats, slots), as far as numbers go.
inline std::size_t binomial_reach(std::size_t slots, std::size_t repeats) {
  std::size_t reach = 1;
  for (std::size_t k = 1; k <= repeats; ++k) {  // each is a binomial number, too
    if (reach > std::numeric_limits<std::size_t>::max() / (slots + k)) return std::numeric_limits<std::size_t>::max();
    reach = reach * (slots + k) / k;
  }
  return reach;
}

/// After how many steps to keep the next state on the way to the last one of `count` states, of which the first is
/// known. With m steps in front and count - m behind, both parts may need as many repeats as the whole does, or one
/// fewer: then either grows by one for the same price.
inline std::size_t binomial_advance(std::size_t count, std::size_t slots) {
  std::size_t repeats = 1;
  while (binomial_reach(slots, repeats) < count) ++repeats;
  const std::size_t behind = binomial_reach(slots - 1, repeats - 1);
  return std::clamp<std::size_t>(std::min(binomial_reach(slots, repeats - 1), count - std::min(count - 1, behind)), 1,
                                 count - 1);
}

}  // namespace costate::internal
