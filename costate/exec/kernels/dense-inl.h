// The weights of dense outputs, for the kernels of many lanes and of many times. Included once per instruction set
// (Highway's foreach_target).
#if defined(COSTATE_DENSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_DENSE_INL
#undef COSTATE_DENSE_INL
#else
#define COSTATE_DENSE_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <type_traits>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Σ_p c_p x^(p + 1), by Horner's rule.
template <class D>
HWY_INLINE VecOf<D> powers(D d, const double* c, std::size_t degree, VecOf<D> x) {
  VecOf<D> sum = hn::Set(d, c[degree - 1]);
  for (std::size_t p = degree - 1; p-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, c[p]));
  return hn::Mul(sum, x);
}

/// A vector of f64 as one of T.
template <class T, class D>
HWY_INLINE auto demoted(D, VecOf<D> x) {
  if constexpr (std::is_same_v<T, double>)
    return x;
  else
    return hn::DemoteTo(hn::Rebind<T, D>(), x);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
