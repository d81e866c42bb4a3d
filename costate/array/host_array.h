// A dense row-major array of numbers in host memory: what goes into and comes out of Costate.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <variant>
#include <vector>

#include "costate/array/shape.h"

namespace costate {

/// Owns `shape().size()` numbers of one dtype, row-major. A plain value: copies copy the numbers.
class HostArray {
 public:
  HostArray() : HostArray(Shape{0}) {}
  /// Zeros.
  explicit HostArray(Shape shape, Dtype dtype = Dtype::kF64);
  /// Takes the numbers; ShapeError if their count is not shape.size().
  HostArray(Shape shape, std::vector<double> values);
  HostArray(Shape shape, std::vector<float> values);
  /// A vector, e.g. `HostArray::vector({0.0, 0.5, 1.0})` for times.
  static HostArray vector(std::vector<double> values);
  /// [row, width]; ShapeError if a row has not so many numbers.
  static HostArray from_rows(const std::vector<std::vector<double>>& rows, std::int64_t width);
  /// `count` numbers from `first` to `last`, evenly spaced; `first` alone if count is 1.
  static HostArray linspace(double first, double last, std::int64_t count);
  /// `count` numbers first + spacing i, i = 0, 1, …: whole numbers where both are.
  static HostArray evenly_spaced(double first, double spacing, std::int64_t count);

  const Shape& shape() const { return shape_; }
  Dtype dtype() const { return std::holds_alternative<std::vector<float>>(data_) ? Dtype::kF32 : Dtype::kF64; }
  std::int64_t size() const { return shape_.size(); }

  /// The numbers. T is float or double; DtypeError if the array holds the other one.
  template <class T>
  std::span<T> data();
  template <class T>
  std::span<const T> data() const;

  /// One number as double, by flat index, whatever the dtype.
  double at(std::int64_t index) const;
  void set(std::int64_t index, double value);
  /// The same by an index for each axis: array(i, j), array.set({i, j}, value). ShapeError if it is outside.
  template <class... Index>
  double operator()(Index... index) const {
    return at(flat_index({static_cast<std::int64_t>(index)...}));
  }
  void set(std::initializer_list<std::int64_t> index, double value) { set(flat_index(index), value); }
  /// All numbers, and those of the element `index` along the first axis, as doubles.
  std::vector<double> numbers() const;
  std::vector<double> row(std::int64_t index) const;
  /// The number `index` along the last axis of each element along the others: a column of [row, column].
  std::vector<double> column(std::int64_t index) const;
  /// The element `index` along the first axis, and those from `begin` to before `end`, every step-th of them.
  /// ShapeError if they are outside.
  HostArray operator[](std::int64_t index) const;
  HostArray slice(std::int64_t begin, std::int64_t end, std::int64_t step = 1) const;
  /// Of all numbers; NaN if there are none.
  double mean() const;
  /// Writes all numbers as T, whatever the dtype; ShapeError if `out` has not size() of them.
  template <class T>
  void copy_to(std::span<T> out) const;

  /// The same numbers in another dtype, or seen under another shape of equal size.
  HostArray astype(Dtype dtype) const;
  HostArray reshape(Shape shape) const;

  /// Bitwise equality of dtype, shape and numbers (so NaN equals itself, 0 differs from -0).
  bool same_bits(const HostArray& other) const;

 private:
  std::int64_t flat_index(std::initializer_list<std::int64_t> index) const;

  Shape shape_;
  std::variant<std::vector<double>, std::vector<float>> data_;
};

}  // namespace costate
