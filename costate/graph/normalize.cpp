#include "costate/graph/normalize.h"

#include <numeric>
#include <utility>

#include "costate/base/error.h"

namespace costate {
namespace {

/// What was reduced over `axes` of `shape`, with these axes of length 1, so that it broadcasts to `shape`.
Array kept(const Array& reduced, const Shape& shape, const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> lengths = shape.axes();
  for (const std::int64_t axis : axes)
    lengths[static_cast<std::size_t>(shape.normalize_axis(static_cast<int>(axis)))] = 1;
  return reshape(reduced, Shape(std::move(lengths)));
}

/// x minus its largest number along the axis, so that no exponential overflows. Softmax does not depend on what is
/// subtracted, hence no derivative does.
Array shifted(const Operand& x, int axis) {
  const Array largest = stop_gradient(reduce_max(x, {axis}));
  return x.array - kept(largest, x.array.shape(), {axis});
}

void check_eps(const char* function, double eps) {
  if (!(eps > 0)) throw InvalidArgument("[", function, "] eps must be positive; got ", eps, ".");
}

}  // namespace

Array softmax(Operand x, int axis) {
  const Array powers = exp(shifted(x, axis));
  return powers / kept(sum(powers, {axis}), x.array.shape(), {axis});
}

Array log_softmax(Operand x, int axis) {
  const Array logs = shifted(x, axis);
  return logs - kept(log(sum(exp(logs), {axis})), x.array.shape(), {axis});
}

Array cross_entropy(Operand logits, Operand label) {
  const Shape& shape = logits.array.shape();
  if (shape.rank() != 1 || label.array.shape().rank() != 0)
    throw ShapeError("[cross_entropy] logits must have shape [class] and the label []; got ", shape, " and ",
                     label.array.shape(), ".");
  std::vector<double> classes(static_cast<std::size_t>(shape.size()));
  std::iota(classes.begin(), classes.end(), 0.0);
  const Array is_label = equal(label, constant(HostArray::vector(std::move(classes))));
  const Array log_likelihood = sum(where(is_label, log_softmax(logits), 0.0));
  return -log_likelihood / sum(is_label);  // divided by 1, or by 0 where the label is none
}

Array layer_norm(Operand x, std::vector<std::int64_t> axes, double eps) {
  check_eps("layer_norm", eps);
  if (axes.empty()) throw InvalidArgument("[layer_norm] needs at least one axis to normalize over; got none.");
  const Shape shape = x.array.shape();
  const Array centered = x.array - kept(mean(x, axes), shape, axes);
  const Array scale = 1.0 / sqrt(mean(square(centered), axes) + eps);
  return centered * kept(scale, shape, axes);
}

Array group_norm(Operand x, std::int64_t groups, double eps) {
  check_eps("group_norm", eps);
  const Shape shape = x.array.shape();
  if (shape.rank() < 1) throw ShapeError("[group_norm] x must have shape [channel, …]; got ", shape, ".");
  if (groups < 1 || shape[0] % groups != 0)
    throw InvalidArgument("[group_norm] groups must divide the channels; got ", groups, " groups of ", shape[0],
                          " channels.");
  return reshape(layer_norm(reshape(x, {groups, shape.size() / groups}), {1}, eps), shape);
}

}  // namespace costate
