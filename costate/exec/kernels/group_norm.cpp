#include "costate/exec/kernels/group_norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/group_norm.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// (sum over i < n) / n, where plus(sum, i) adds number i: four chains, whose links do not wait for each other.
template <class D, class Plus>
HWY_INLINE VecOf<D> mean_of(D d, std::size_t n, Plus plus) {
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    sum0 = plus(sum0, i);
    sum1 = plus(sum1, i + 1);
    sum2 = plus(sum2, i + 2);
    sum3 = plus(sum3, i + 3);
  }
  if (i < n) sum0 = plus(sum0, i);
  if (i + 1 < n) sum1 = plus(sum1, i + 1);
  if (i + 2 < n) sum2 = plus(sum2, i + 2);
  const auto count = hn::Set(d, static_cast<hn::TFromD<D>>(n));
  return hn::Div(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)), count);
}

/// One vector of lanes of one group, whose rows are `lanes` apart.
template <class D, class Load, class Store, class T>
HWY_INLINE void run_vector(D d, Load load, Store store, const GroupNormWork<T>& work, std::size_t first) {
  using V = VecOf<D>;
  const std::size_t n = work.n, lanes = work.lanes;
  const T *x = work.x + first, *a = work.a + (work.a == nullptr ? 0 : first);
  const V mean = mean_of(d, n, [&](V sum, std::size_t i) HWY_ATTR { return hn::Add(sum, load(x + i * lanes)); });
  const auto centered = [&](std::size_t i) HWY_ATTR { return hn::Sub(load(x + i * lanes), mean); };
  const V variance = mean_of(d, n, [&](V sum, std::size_t i) HWY_ATTR {
    const V distance = centered(i);
    return hn::MulAdd(distance, distance, sum);
  });
  const V r = hn::Div(hn::Set(d, T{1}), hn::Sqrt(hn::Add(variance, hn::Set(d, work.eps))));
  T* out = work.out + first;
  if (work.a == nullptr) {
    for (std::size_t i = 0; i < n; ++i) store(hn::Mul(centered(i), r), out + i * lanes);
    return;
  }
  const V mean_a = mean_of(d, n, [&](V sum, std::size_t i) HWY_ATTR { return hn::Add(sum, load(a + i * lanes)); });
  const V mean_ya = mean_of(d, n, [&](V sum, std::size_t i) HWY_ATTR {
    return hn::MulAdd(hn::Mul(centered(i), r), load(a + i * lanes), sum);
  });
  for (std::size_t i = 0; i < n; ++i) {
    const V rest = hn::NegMulAdd(hn::Mul(centered(i), r), mean_ya, hn::Sub(load(a + i * lanes), mean_a));
    store(hn::Mul(r, rest), out + i * lanes);
  }
}

template <class T>
void run_groups(const GroupNormWork<T>& work) {
  const hn::ScalableTag<T> d;
  for (std::size_t group = 0; group < work.groups; ++group)
    for_vectors(d, work.lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
      run_vector(d, load, store, work, group * work.n * work.lanes);
    });
}

void run_groups_f32(const GroupNormWork<float>& work) { run_groups(work); }
void run_groups_f64(const GroupNormWork<double>& work) { run_groups(work); }

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(run_groups_f32);
HWY_EXPORT(run_groups_f64);

template <>
void group_norm(const GroupNormWork<float>& work) {
  HWY_DYNAMIC_DISPATCH(run_groups_f32)(work);
}
template <>
void group_norm(const GroupNormWork<double>& work) {
  HWY_DYNAMIC_DISPATCH(run_groups_f64)(work);
}

}  // namespace costate::internal
#endif
