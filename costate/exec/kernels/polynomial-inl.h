// What elementary functions on vectors are made of: polynomials, limits that NaN passes, and the C library by element.
#if defined(COSTATE_POLYNOMIAL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_POLYNOMIAL_INL
#undef COSTATE_POLYNOMIAL_INL
#else
#define COSTATE_POLYNOMIAL_INL
#endif

#include <hwy/highway.h>

#include <type_traits>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

template <class T>
inline constexpr bool kIsFloat = std::is_same_v<T, float>;

template <class D>
HWY_INLINE VecOf<D> number(D d, double value) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(value));
}

/// c_0 + c_1 x + … + c_n x^n, by Horner.
template <class D, std::size_t count>
HWY_INLINE VecOf<D> polynomial(D d, VecOf<D> x, const double (&c)[count]) {
  VecOf<D> sum = number(d, c[count - 1]);
  for (std::size_t i = count - 1; i-- > 0;) sum = hn::MulAdd(sum, x, number(d, c[i]));
  return sum;
}

/// c_0 + c_1 x + … + c_n x^n by its even and odd part, given x²: half as long a chain.
template <class D, std::size_t count>
HWY_INLINE VecOf<D> split_polynomial(D d, VecOf<D> x, VecOf<D> square, const double (&c)[count]) {
  constexpr std::size_t kLastEven = (count - 1) / 2 * 2, kLastOdd = (count - 2) / 2 * 2 + 1;
  VecOf<D> even = number(d, c[kLastEven]), odd = number(d, c[kLastOdd]);
  for (std::size_t i = kLastEven; i >= 2; i -= 2) even = hn::MulAdd(even, square, number(d, c[i - 2]));
  for (std::size_t i = kLastOdd; i >= 3; i -= 2) odd = hn::MulAdd(odd, square, number(d, c[i - 2]));
  return hn::MulAdd(odd, x, even);
}

/// c_0 + c_1 x + … + x^n.
template <class D, std::size_t count>
HWY_INLINE VecOf<D> monic_polynomial(D d, VecOf<D> x, const double (&c)[count]) {
  VecOf<D> sum = hn::Add(x, number(d, c[count - 1]));
  for (std::size_t i = count - 1; i-- > 0;) sum = hn::MulAdd(sum, x, number(d, c[i]));
  return sum;
}

template <class D>
HWY_INLINE VecOf<D> keep_nan(VecOf<D> x, VecOf<D> result) {
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

// x86's minimum and maximum give their second operand where one is NaN, Arm's give NaN.
#if (HWY_ARCH_X86 || HWY_ARCH_ARM_A64) && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
constexpr bool kNanStaysInSecond = true;
#else
constexpr bool kNanStaysInSecond = false;
#endif

/// min(x, bound); NaN stays.
template <class D>
HWY_INLINE VecOf<D> at_most(D d, VecOf<D> x, double bound) {
  const VecOf<D> least = hn::Min(number(d, bound), x);
  if constexpr (kNanStaysInSecond) return least;
  return keep_nan<D>(x, least);
}

/// max(x, bound); NaN stays.
template <class D>
HWY_INLINE VecOf<D> at_least(D d, VecOf<D> x, double bound) {
  const VecOf<D> most = hn::Max(number(d, bound), x);
  if constexpr (kNanStaysInSecond) return most;
  return keep_nan<D>(x, most);
}

/// x within [low, high]; NaN stays.
template <class D>
HWY_INLINE VecOf<D> clamp(D d, VecOf<D> x, double low, double high) {
  return at_most(d, at_least(d, x, low), high);
}

/// Applies a function of the C library to each element, for what has no vector form.
template <class D, class F>
HWY_INLINE VecOf<D> by_element(D d, VecOf<D> x, F function) {
  HWY_ALIGN hn::TFromD<D> buffer[hn::MaxLanes(d)];
  hn::Store(x, d, buffer);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) buffer[i] = function(buffer[i]);
  return hn::Load(d, buffer);
}

template <class D, class F>
HWY_INLINE VecOf<D> by_element(D d, VecOf<D> x, VecOf<D> y, F function) {
  HWY_ALIGN hn::TFromD<D> left[hn::MaxLanes(d)];
  HWY_ALIGN hn::TFromD<D> right[hn::MaxLanes(d)];
  hn::Store(x, d, left);
  hn::Store(y, d, right);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) left[i] = function(left[i], right[i]);
  return hn::Load(d, left);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
