#include "costate/graph/softmax.h"

#include <numeric>
#include <utility>
#include <vector>

#include "costate/base/error.h"

namespace costate {
namespace {

/// What was reduced along an axis of `shape`, with that axis of length 1, so that it broadcasts to `shape`.
Array kept(const Array& reduced, const Shape& shape, int axis) {
  std::vector<std::int64_t> lengths = shape.axes();
  lengths[static_cast<std::size_t>(shape.normalize_axis(axis))] = 1;
  return reshape(reduced, Shape(std::move(lengths)));
}

/// ShapeError "[function] …" unless x has numbers along the axis.
void check_axis(const char* function, const Shape& shape, int axis) {
  const int rank = shape.rank();
  if (axis >= -rank && axis < rank && shape[axis] > 0) return;
  throw ShapeError("[", function, "] x must have numbers along the axis; got axis ", axis, " of shape ", shape, ".");
}

/// x minus its largest number along the axis, so that no exponential overflows. Softmax does not depend on what is
/// subtracted, hence no derivative does.
Array shifted(const char* function, const Operand& x, int axis) {
  check_axis(function, x.array.shape(), axis);
  const Array largest = stop_gradient(reduce_max(x, {axis}));
  return x.array - kept(largest, x.array.shape(), axis);
}

}  // namespace

Array softmax(Operand x, int axis) {
  const Array powers = exp(shifted("softmax", x, axis));
  return powers / kept(sum(powers, {axis}), x.array.shape(), axis);
}

Array log_softmax(Operand x, int axis) {
  const Array logs = shifted("log_softmax", x, axis);
  return logs - kept(log(sum(exp(logs), {axis})), x.array.shape(), axis);
}

Array cross_entropy(Operand logits, Operand target) {
  const Shape shape = logits.array.shape(), wanted = target.array.shape();
  if (shape.rank() != 1 || (wanted.rank() != 0 && !(wanted == shape)))
    throw ShapeError("[cross_entropy] logits must have shape [class], and the class be a label [] or a unit vector ",
                     "[class]; got ", shape, " and ", wanted, ".");
  check_axis("cross_entropy", shape, 0);
  const Array logs = log_softmax(logits);
  if (wanted.rank() == 1) return -sum(logs * target);
  std::vector<double> classes(static_cast<std::size_t>(shape.size()));
  std::iota(classes.begin(), classes.end(), 0.0);
  const Array is_label = equal(target, constant(HostArray::vector(std::move(classes))));
  const Array count = sum(is_label);
  // A label that is none has all classes times 0/0: neither the loss nor a gradient is a number.
  return -sum(where(max(is_label, 1.0 - count), logs, 0.0)) * (count / count);
}

}  // namespace costate
