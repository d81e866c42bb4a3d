#include "costate/solve/internal/flat_state.h"

namespace costate::internal {

std::vector<Array> split_state(const Array& flat, std::span<const StatePart> parts) {
  std::vector<Array> values;
  std::int64_t offset = 0;
  for (const StatePart& part : parts) {
    values.push_back(reshape(flat.slice(offset, offset + part.shape.size()), part.shape));
    offset += part.shape.size();
  }
  return values;
}

Array join_state(std::span<const Array> parts) {
  std::vector<Array> flat;
  for (const Array& part : parts) flat.push_back(reshape(part, {part.shape().size()}));
  return concat(flat);
}

}  // namespace costate::internal
