#include "costate/array/shape.h"

#include <algorithm>
#include <limits>

#include "costate/base/error.h"

namespace costate {

/// Whose bytes can be counted.
constexpr std::int64_t kMostNumbers = std::numeric_limits<std::int64_t>::max() / 8;

std::string name(Dtype dtype) { return dtype == Dtype::kF32 ? "f32" : "f64"; }

Dtype dtype_from_name(const std::string& name) {
  if (name == "f32" || name == "float32") return Dtype::kF32;
  if (name == "f64" || name == "float64") return Dtype::kF64;
  throw InvalidArgument("[dtype] ", text::unknown_name("precision", name, {"f32", "f64"}));
}

Shape::Shape(std::vector<std::int64_t> axes) : axes_(std::move(axes)) {
  for (const std::int64_t axis : axes_) {
    if (axis < 0) throw ShapeError("[Shape] axis lengths must be 0 or more; got [", text::join(axes_), "].");
    if (axis > 0 && size_ > kMostNumbers / axis)
      throw ShapeError("[Shape] an array of shape [", text::join(axes_), "] has more numbers than can be counted.");
    size_ *= axis;
  }
}

std::int64_t Shape::operator[](int axis) const { return axes_[static_cast<std::size_t>(normalize_axis(axis))]; }

int Shape::normalize_axis(std::int64_t axis) const {
  const std::int64_t normalized = axis < 0 ? axis + rank() : axis;
  if (normalized < 0 || normalized >= rank())
    throw ShapeError("[Shape] axis must lie in [", -rank(), ", ", rank(), ") for shape ", *this, "; got ", axis, ".");
  return static_cast<int>(normalized);
}

Shape Shape::without_first() const {
  if (axes_.empty()) throw ShapeError("[Shape.without_first] a scalar has no axes.");
  return Shape(std::vector<std::int64_t>(axes_.begin() + 1, axes_.end()));
}

Shape Shape::with_first(std::int64_t length) const {
  std::vector<std::int64_t> axes = {length};
  axes.insert(axes.end(), axes_.begin(), axes_.end());
  return Shape(std::move(axes));
}

std::vector<std::int64_t> Shape::strides() const {
  std::vector<std::int64_t> strides(axes_.size());
  std::int64_t step = 1;
  for (std::size_t axis = axes_.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= axes_[axis];
  }
  return strides;
}

std::string to_string(const Shape& shape) { return "[" + text::join(shape.axes()) + "]"; }

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

Shape broadcast_shapes(const Shape& left, const Shape& right) {
  const int rank = std::max(left.rank(), right.rank());
  std::vector<std::int64_t> axes(static_cast<std::size_t>(rank));
  for (int axis = 1; axis <= rank; ++axis) {
    const std::int64_t a = axis <= left.rank() ? left[-axis] : 1;
    const std::int64_t b = axis <= right.rank() ? right[-axis] : 1;
    if (a != b && a != 1 && b != 1)
      throw ShapeError("[broadcast] shapes must agree or be 1 along each axis, aligned at the end; got ", left, " and ",
                       right, ".");
    axes[static_cast<std::size_t>(rank - axis)] = a == 1 ? b : a;
  }
  return Shape(std::move(axes));
}

}  // namespace costate
