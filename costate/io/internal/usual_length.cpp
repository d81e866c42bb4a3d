#include "costate/io/internal/usual_length.h"

#include <map>

namespace costate::internal {

std::size_t usual_length(std::span<const std::size_t> lengths) {
  std::map<std::size_t, std::size_t> counts;
  for (const std::size_t length : lengths) ++counts[length];
  std::size_t usual = 0, most = 0;
  for (const auto& [length, count] : counts)
    if (count >= most) {
      usual = length;
      most = count;
    }
  return usual;
}

}  // namespace costate::internal
