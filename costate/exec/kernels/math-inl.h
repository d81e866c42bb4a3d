// Elementary functions on vectors. Errors against the exact value, measured by tests/exec/math_test.cpp, in ulp:
//
// | function | f32 | f64 | method |
// |----------|-----|-----|--------|
// | exp      | 2   | 2   | Cody-Waite reduction by ln 2, Taylor to degree 7 / 13 |
// | expm1    | 3   | 3   | as exp, without its 1 |
// | log      | 2   | 2   | (f / (2 + f)) series of fdlibm's e_log |
// | log1p    | 3   | 3   | log(1 + x) with the rounding of 1 + x put back (Kahan) |
// | tanh     | 5   | 3   | f32: one rational; f64: e / (e + 2), e = exp(2x) - 1 |
// | erf      | 5   | 2   | f32: one rational; f64: the C library |
// | sigmoid  | 3   | 3   | 1 / (1 + exp(-x)) |
// | softplus | 4   | 4   | max(x, 0) + log(1 + exp(-abs(x))) |
// | sin, cos | 2   | 2   | three-part reduction by pi / 2, fdlibm's kernels; abs(x) > 1e5 goes to the C library |
// | atan2    | 2   | 2   | the smaller over the larger, reduced by pi / 4; zeros, infinities, extremes: the C library |
//
// An ulp more where multiply-adds are not fused (no vectors). NaN comes out of NaN, and infinities behave as in the C
// library.
#if defined(COSTATE_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_MATH_INL
#undef COSTATE_MATH_INL
#else
#define COSTATE_MATH_INL
#endif

#include <hwy/highway.h>

#include <cmath>

#include "costate/exec/kernels/angle-inl.h"
#include "costate/exec/kernels/exponential-inl.h"
#include "costate/exec/kernels/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// x - y floor(x / y) without its rounding: the C library's remainder, which has the sign of x, moved to the sign of y.
template <class D>
HWY_INLINE VecOf<D> mod_vector(D d, VecOf<D> x, VecOf<D> y) {
  const VecOf<D> rest = by_element(d, x, y, [](auto left, auto right) { return std::fmod(left, right); });
  const auto signs_differ = hn::Lt(hn::CopySign(number(d, 1), hn::Xor(rest, y)), hn::Zero(d));
  const VecOf<D> moved = hn::IfThenElse(signs_differ, hn::Add(rest, y), rest);
  return hn::IfThenElse(hn::Eq(rest, hn::Zero(d)), hn::CopySign(rest, y), moved);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
