// The rate of fused multiply-adds: as many independent chains as hide their latency, nothing from memory.
#include <cstddef>

#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/peak.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
T chains(std::size_t rounds, T factor, std::size_t* operations) {
  const hn::ScalableTag<T> d;
  const auto x = hn::Set(d, factor);
  // Different starts: the compiler would merge equal chains.
  const auto start = [&](int n) HWY_ATTR { return hn::Set(d, factor / static_cast<T>(n)); };
  auto a = start(1), b = start(2), c = start(3), e = start(4), f = start(5), g = start(6), h = start(7), i = start(8),
       j = start(9), k = start(10), l = start(11), m = start(12);
  for (std::size_t round = 0; round < rounds; ++round) {
    a = hn::MulAdd(a, x, x);
    b = hn::MulAdd(b, x, x);
    c = hn::MulAdd(c, x, x);
    e = hn::MulAdd(e, x, x);
    f = hn::MulAdd(f, x, x);
    g = hn::MulAdd(g, x, x);
    h = hn::MulAdd(h, x, x);
    i = hn::MulAdd(i, x, x);
    j = hn::MulAdd(j, x, x);
    k = hn::MulAdd(k, x, x);
    l = hn::MulAdd(l, x, x);
    m = hn::MulAdd(m, x, x);
  }
  *operations = rounds * 12 * 2 * hn::Lanes(d);
  const auto first = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
  return hn::GetLane(hn::Add(first, hn::Add(hn::Add(j, k), hn::Add(l, m))));
}

float chains_f32(std::size_t rounds, float factor, std::size_t* operations) {
  return chains(rounds, factor, operations);
}
double chains_f64(std::size_t rounds, double factor, std::size_t* operations) {
  return chains(rounds, factor, operations);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(chains_f32);
HWY_EXPORT(chains_f64);

template <>
float multiply_add_chains(std::size_t rounds, float factor, std::size_t* operations) {
  return HWY_DYNAMIC_DISPATCH(chains_f32)(rounds, factor, operations);
}

template <>
double multiply_add_chains(std::size_t rounds, double factor, std::size_t* operations) {
  return HWY_DYNAMIC_DISPATCH(chains_f64)(rounds, factor, operations);
}

}  // namespace costate::internal
#endif
