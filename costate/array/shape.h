// Element type and shape of an array. A shape is the list of its axis lengths, outermost first (row-major, as in C).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

namespace costate {

enum class Dtype { kF32, kF64 };

/// "f32" or "f64".
std::string name(Dtype dtype);

/// The dtype called `name` ("f32", "f64", or as NumPy spells them "float32", "float64"); InvalidArgument otherwise.
Dtype dtype_from_name(const std::string& name);

class Shape {
 public:
  Shape() = default;  // a scalar
  Shape(std::initializer_list<std::int64_t> axes) : Shape(std::vector<std::int64_t>(axes)) {}
  /// ShapeError if an axis is negative.
  explicit Shape(std::vector<std::int64_t> axes);

  int rank() const { return static_cast<int>(axes_.size()); }
  /// The number of elements; 1 for a scalar.
  std::int64_t size() const { return size_; }
  /// Length of one axis; negative indices count from the end. ShapeError if out of range.
  std::int64_t operator[](int axis) const;
  const std::vector<std::int64_t>& axes() const { return axes_; }
  /// Axis as an index in [0, rank); accepts negative ones. ShapeError if out of range.
  int normalize_axis(std::int64_t axis) const;
  /// Of one element along the first axis (ShapeError for a scalar), and of `length` elements of this shape.
  Shape without_first() const;
  Shape with_first(std::int64_t length) const;
  /// Elements between neighbours along each axis, row-major.
  std::vector<std::int64_t> strides() const;

  friend bool operator==(const Shape& left, const Shape& right) { return left.axes_ == right.axes_; }

 private:
  std::vector<std::int64_t> axes_;
  std::int64_t size_ = 1;
};

/// "[2, 3]"; "[]" for a scalar.
std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// The shape that both broadcast to under NumPy's rule, or ShapeError.
Shape broadcast_shapes(const Shape& left, const Shape& right);

}  // namespace costate
