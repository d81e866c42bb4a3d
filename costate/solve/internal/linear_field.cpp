#include "costate/solve/internal/linear_field.h"

#include "costate/diff/diff.h"

namespace costate::internal {

LinearField linearize(const VectorField& field, const WantedGradients& wanted) {
  const std::size_t num_parts = field.parts().size();
  std::vector<std::size_t> positions, late;
  for (std::size_t i = wanted.times ? 0 : 1; i < 1 + num_parts; ++i) positions.push_back(i);
  for (std::size_t i = 0; i < wanted.arguments.size(); ++i)
    if (wanted.arguments[i]) positions.push_back(1 + num_parts + i);
  for (std::size_t part = 0; part < num_parts; ++part) late.push_back(field.function().inputs().size() + part);
  return {vjp(field.function(), positions), late};
}

}  // namespace costate::internal
