#include "costate/operations/root.h"

#include <limits>
#include <vector>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/operations/linear_solve.h"

namespace costate {

Array root(const std::function<Array(Array)>& f, Operand guess, const RootOptions& options) {
  if (options.iterations < 1 || !(options.tolerance > 0))
    throw InvalidArgument("[root] iterations must be at least 1 and the tolerance positive; got ", options.iterations,
                          " and ", options.tolerance, ".");
  const Shape shape = guess.array.shape();
  if (shape.rank() != 1) throw ShapeError("[root] the guess must be a vector; got shape ", shape, ".");
  Array x = stop_gradient(guess), correction;
  for (int iteration = 0; iteration <= options.iterations; ++iteration) {
    const Array value = f(x);
    if (!(value.shape() == shape))
      throw ShapeError("[root] f must give what it takes, ", shape, "; got ", value.shape(), ".");
    // At the root, this step's derivative is the root's: its x is a given number, and f is 0 beside J's derivative.
    correction = linear_solve(stop_gradient(jacobian(value, x)), value);
    if (iteration < options.iterations) x = stop_gradient(x - correction);
  }
  const Array size = reduce_max(abs(correction) / (1.0 + abs(x)), {0});
  return where(broadcast_to(size <= options.tolerance, shape), x - correction,
               full(shape, std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace costate
