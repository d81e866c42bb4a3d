#include "costate/exec/kernels/step_cotangents.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/step_cotangents.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/dense-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// sum(row, lane) = fma(scale[lane], x(row, lane), sum(row, lane)) in the lanes that load and store take.
template <class Scale, class T, class Load, class Store>
HWY_INLINE void add_rows(const StepCotangents<T>& step, Scale scale, Load load, Store store, T* sum) {
  for (std::size_t row = 0; row < step.rows * step.lanes; row += step.lanes)
    store(hn::MulAdd(scale, load(step.x + row), load(sum + row)), sum + row);
}

/// The same of the one lane, whose state is a long row.
template <class T>
void add_long_row(const StepCotangents<T>& step, T scale, T* sum) {
  const hn::ScalableTag<T> d;
  for_vectors(d, step.rows, [&](std::size_t, auto load, auto store) HWY_ATTR {
    store(hn::MulAdd(hn::Set(d, scale), load(step.x), load(sum)), sum);
  });
}

template <class T>
void run_slopes(const StepCotangents<T>& step, const T* coefficients) {
  const hn::ScalableTag<T> d;
  if (step.lanes == 1) {
    for (std::size_t j = 0; j < step.count; ++j) add_long_row(step, coefficients[j] * *step.h, step.k_bars[j]);
    return;
  }
  for_vectors(d, step.lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
    const auto h = load(step.h);
    for (std::size_t j = 0; j < step.count; ++j)
      add_rows(step, hn::Mul(hn::Set(d, coefficients[j]), h), load, store, step.k_bars[j]);
  });
}

template <std::size_t kDegree, class T>
HWY_INLINE void dense_lanes(const DenseCotangents<T>& dense) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> narrow;
  const std::size_t degree = kDegree == 0 ? dense.degree : kDegree;
  // As many lanes as a vector of f64 holds, whatever T.
  for_vectors(narrow, dense.step.lanes, [&](std::size_t first, auto load, auto store) HWY_ATTR {
    const auto mask = load(dense.mask);
    if (hn::AllTrue(narrow, hn::Eq(mask, hn::Zero(narrow)))) return;
    add_rows(dense.step, mask, load, store, dense.y_bar);
    const std::size_t count = HWY_MIN(hn::Lanes(d), dense.step.lanes - first);
    const auto theta =
        count == hn::Lanes(d) ? hn::LoadU(d, dense.theta + first) : load_first(d, dense.theta + first, count);
    const auto h = load(dense.step.h);
    for (std::size_t j = 0; j < dense.step.count; ++j) {
      const auto weight = demoted<T>(d, powers(d, dense.coefficients.data() + j * degree, degree, theta));
      add_rows(dense.step, hn::Mul(hn::Mul(mask, weight), h), load, store, dense.step.k_bars[j]);
    }
  });
}

/// Of the one lane.
template <class T>
void dense_row(const DenseCotangents<T>& dense) {
  const hn::CappedTag<double, 1> one;
  const auto theta = hn::Set(one, *dense.theta);
  add_long_row(dense.step, *dense.mask, dense.y_bar);
  for (std::size_t j = 0; j < dense.step.count; ++j) {
    const double* c = dense.coefficients.data() + j * dense.degree;
    const auto weight = static_cast<T>(hn::GetLane(powers(one, c, dense.degree, theta)));
    add_long_row(dense.step, *dense.mask * weight * *dense.step.h, dense.step.k_bars[j]);
  }
}

template <class T>
void run_dense(const DenseCotangents<T>& dense) {
  if (dense.step.lanes == 1) return dense_row(dense);
  switch (dense.degree) {
    case 3:
      return dense_lanes<3>(dense);
    case 4:
      return dense_lanes<4>(dense);
    default:
      return dense_lanes<0>(dense);
  }
}

void slopes_f32(const StepCotangents<float>& step, const float* coefficients) { run_slopes(step, coefficients); }
void slopes_f64(const StepCotangents<double>& step, const double* coefficients) { run_slopes(step, coefficients); }
void dense_f32(const DenseCotangents<float>& dense) { run_dense(dense); }
void dense_f64(const DenseCotangents<double>& dense) { run_dense(dense); }

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(slopes_f32);
HWY_EXPORT(slopes_f64);
HWY_EXPORT(dense_f32);
HWY_EXPORT(dense_f64);

template <>
void add_to_slopes<float>(const StepCotangents<float>& step, const float* coefficients) {
  HWY_DYNAMIC_DISPATCH(slopes_f32)(step, coefficients);
}
template <>
void add_to_slopes<double>(const StepCotangents<double>& step, const double* coefficients) {
  HWY_DYNAMIC_DISPATCH(slopes_f64)(step, coefficients);
}
template <>
void add_dense_cotangents<float>(const DenseCotangents<float>& dense) {
  HWY_DYNAMIC_DISPATCH(dense_f32)(dense);
}
template <>
void add_dense_cotangents<double>(const DenseCotangents<double>& dense) {
  HWY_DYNAMIC_DISPATCH(dense_f64)(dense);
}

}  // namespace costate::internal
#endif
