// The reverse of a Runge-Kutta step's vector arithmetic: what a cotangent of a state adds to those of the step's
// slopes.
#pragma once

#include <cstddef>
#include <span>

namespace costate::internal {

/// A cotangent of the state at a stage or an output, and the cotangents k_bar_j to which it adds. [row, lane] all.
template <class T>
struct StepCotangents {
  const T* x = nullptr;
  const T* h = nullptr;        // [lane]
  T* const* k_bars = nullptr;  // [count]
  std::size_t count = 0;
  std::size_t rows = 0, lanes = 0;
};

/// Of stage_combine: k_bar_j = fma(coefficients[j] h, x, k_bar_j).
template <class T>
void add_to_slopes(const StepCotangents<T>& step, const T* coefficients);

/// An output within each lane's step whose mask is 1, and none where it is 0.
template <class T>
struct DenseCotangents {
  StepCotangents<T> step = {};
  const T* mask = nullptr;               // [lane]
  const double* theta = nullptr;         // [lane]
  std::span<const double> coefficients;  // [count, degree], as of dense_combine
  std::size_t degree = 0;
  T* y_bar = nullptr;
};
/// Of dense_combine: y_bar = fma(mask, x, y_bar), k_bar_j = fma(mask w_j(theta) h, x, k_bar_j).
template <class T>
void add_dense_cotangents(const DenseCotangents<T>& dense);

}  // namespace costate::internal
