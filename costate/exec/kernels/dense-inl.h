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

#include "costate/exec/kernels/kernels.h"
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

/// w_j(theta) of each slope, in lanes or at times side by side; kDegree is 0 where it isn't told.
template <std::size_t kDegree, class D, class T, class Weight>
HWY_INLINE void dense_weights(D d, const DenseOutput<T>& dense, VecOf<D> theta, Weight* weights) {
  const std::size_t degree = kDegree == 0 ? dense.degree : kDegree;
  for (std::size_t j = 0; j < dense.count; ++j)
    weights[j] = demoted<T>(d, powers(d, dense.coefficients + j * degree, degree, theta));
}

/// y + h Σ_j w_j k_j of a row, whose numbers load(x) reads.
template <class Narrow, class T, class Load>
HWY_INLINE VecOf<Narrow> dense_value(Narrow, const DenseOutput<T>& dense, const VecOf<Narrow>* weights, VecOf<Narrow> h,
                                     Load load) {
  auto sum = hn::Mul(weights[0], load(dense.k[0]));
  for (std::size_t j = 1; j < dense.count; ++j) sum = hn::MulAdd(weights[j], load(dense.k[j]), sum);
  return hn::MulAdd(h, sum, load(dense.y));
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
