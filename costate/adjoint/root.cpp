#include "costate/adjoint/root.h"

#include <limits>
#include <vector>

#include "costate/adjoint/linear_solve.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"

namespace costate {
namespace {

/// df/dx [n, n], a tangent a column.
Array jacobian(const Array& value, const Array& x) {
  const std::int64_t n = x.shape()[0];
  std::vector<Array> columns;
  for (std::int64_t j = 0; j < n; ++j) {
    HostArray unit(Shape{n});
    unit.set(j, 1.0);
    const Array direction = constant(unit);
    columns.push_back(push_forward(std::span(&value, 1), std::span(&x, 1), std::span(&direction, 1))[0]);
  }
  return transpose(stack(columns));
}

}  // namespace

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
