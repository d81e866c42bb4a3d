#include "costate/exec/kernels/dense_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/dense_rows.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/dense-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

template <class T>
void run_rows(const DenseRows<T>& all) {
  const DenseOutput<T>& dense = all.dense;
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> narrow;
  const std::size_t width = hn::Lanes(d), lanes = dense.lanes, lane = all.lane;
  const auto start = hn::Set(d, dense.start[lane]), size = hn::Set(d, dense.size[lane]);
  const auto h = hn::Set(narrow, dense.h[lane]);
  HWY_ALIGN T column[hn::MaxLanes(narrow)];
  for (std::size_t at = 0; at < all.count; at += width) {
    const std::size_t count = HWY_MIN(width, all.count - at);
    const auto times = count == width ? hn::LoadU(d, all.times + at) : load_first(d, all.times + at, count);
    const auto theta = hn::Div(hn::Sub(times, start), size);
    VecOf<decltype(narrow)> weights[kMaxDenseSlopes];
    for (std::size_t j = 0; j < dense.count; ++j)
      weights[j] = demoted<T>(d, powers(d, dense.coefficients + j * dense.degree, dense.degree, theta));
    for (std::size_t row = 0; row < dense.rows; ++row) {
      const std::size_t number = row * lanes + lane;
      auto sum = hn::Mul(weights[0], hn::Set(narrow, dense.k[0][number]));
      for (std::size_t j = 1; j < dense.count; ++j)
        sum = hn::MulAdd(weights[j], hn::Set(narrow, dense.k[j][number]), sum);
      hn::Store(hn::MulAdd(h, sum, hn::Set(narrow, dense.y[number])), narrow, column);
      for (std::size_t i = 0; i < count; ++i) all.out[(at + i) * dense.rows + row] = column[i];
    }
  }
}

void rows_f32(const DenseRows<float>& rows) { run_rows(rows); }
void rows_f64(const DenseRows<double>& rows) { run_rows(rows); }

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(rows_f32);
HWY_EXPORT(rows_f64);

template <>
void dense_rows<float>(const DenseRows<float>& rows) {
  HWY_DYNAMIC_DISPATCH(rows_f32)(rows);
}
template <>
void dense_rows<double>(const DenseRows<double>& rows) {
  HWY_DYNAMIC_DISPATCH(rows_f64)(rows);
}

}  // namespace costate::internal
#endif
