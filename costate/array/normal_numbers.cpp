#include "costate/array/normal_numbers.h"

namespace costate {

HostArray normal_numbers(const Shape& shape, const Random& random, std::uint64_t stream) {
  HostArray values(shape);
  std::uint64_t index = 0;
  for (double& value : values.data<double>()) value = random.normal(stream, index++);
  return values;
}

}  // namespace costate
