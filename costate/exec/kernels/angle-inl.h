// sin, cos and atan2 on vectors. math-inl.h has their errors and methods.
#if defined(COSTATE_ANGLE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_ANGLE_INL
#undef COSTATE_ANGLE_INL
#else
#define COSTATE_ANGLE_INL
#endif

#include <hwy/highway.h>

#include <cmath>

#include "costate/exec/kernels/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

template <class D>
HWY_INLINE VecOf<D> sin_kernel(D d, VecOf<D> r, VecOf<D> z) {
  VecOf<D> series;
  if constexpr (kIsFloat<hn::TFromD<D>>)
    series = polynomial(d, z, {-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4});
  else
    series = polynomial(d, z,
                        {-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
                         2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10});
  return hn::MulAdd(hn::Mul(r, z), series, r);
}

template <class D>
HWY_INLINE VecOf<D> cos_kernel(D d, VecOf<D> z) {
  VecOf<D> series;
  if constexpr (kIsFloat<hn::TFromD<D>>)
    series = polynomial(d, z, {4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5});
  else
    series = polynomial(d, z,
                        {4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                         -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11});
  const VecOf<D> one = number(d, 1);
  const VecOf<D> half = hn::Mul(number(d, 0.5), z);
  const VecOf<D> head = hn::Sub(one, half);
  // What rounding took from 1 - z/2 goes back to the small terms.
  return hn::Add(head, hn::MulAdd(hn::Mul(z, z), series, hn::Sub(hn::Sub(one, head), half)));
}

/// sin(x + quarter pi / 2): quarter 0 is sin, 1 is cos.
template <class D>
HWY_INLINE VecOf<D> sin_shifted(D d, VecOf<D> x, int quarter) {
  using T = hn::TFromD<D>;
  constexpr bool kF32 = kIsFloat<T>;
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  const VecOf<D> large = number(d, kF32 ? 0x1.8p23 : 0x1.8p52);  // as in reduce_exponent
  const VecOf<D> sum = hn::MulAdd(x, number(d, 0.63661977236758134308), large);
  const VecOf<D> n = hn::Sub(sum, large);
  VecOf<D> r = hn::NegMulAdd(n, number(d, kF32 ? 1.57079637050628662109375 : 1.57079632679489655800e+00), x);
  r = hn::NegMulAdd(n, number(d, kF32 ? -4.37113882867379e-8 : 6.12323399573676603587e-17), r);
  r = hn::NegMulAdd(n, number(d, kF32 ? -1.71512489098e-15 : -1.49738490485919e-33), r);
  const VecOf<D> z = hn::Mul(r, r);
  const auto turns = hn::Add(hn::BitCast(di, sum), hn::Set(di, static_cast<I>(quarter)));
  const auto odd = hn::RebindMask(d, hn::TestBit(turns, hn::Set(di, I{1})));
  const auto sign = hn::ShiftLeft<8 * sizeof(T) - 2>(hn::And(turns, hn::Set(di, I{2})));
  return hn::Xor(hn::IfThenElse(odd, cos_kernel(d, z), sin_kernel(d, r, z)), hn::BitCast(d, sign));
}

template <class D>
HWY_INLINE VecOf<D> sin_vector(D d, VecOf<D> x) {
  using T = hn::TFromD<D>;
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
  if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), number(d, 1e5))))) return sin_shifted(d, x, 0);
  const VecOf<D> exact = by_element(d, x, [](T value) { return std::sin(value); });
  return hn::IfThenElse(hn::Le(hn::Abs(x), number(d, 1e5)), sin_shifted(d, x, 0), exact);
#else
  return by_element(d, x, [](T value) { return std::sin(value); });
#endif
}

template <class D>
HWY_INLINE VecOf<D> cos_vector(D d, VecOf<D> x) {
  using T = hn::TFromD<D>;
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
  if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), number(d, 1e5))))) return sin_shifted(d, x, 1);
  const VecOf<D> exact = by_element(d, x, [](T value) { return std::cos(value); });
  return hn::IfThenElse(hn::Le(hn::Abs(x), number(d, 1e5)), sin_shifted(d, x, 1), exact);
#else
  return by_element(d, x, [](T value) { return std::cos(value); });
#endif
}

#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
/// atan(p) for |p| up to tan(pi / 8): p + p z P(z), z = p^2, minimax in the relative error (7e-10 and 1.3e-18).
template <class D>
HWY_INLINE VecOf<D> small_atan(D d, VecOf<D> p) {
  const VecOf<D> z = hn::Mul(p, p);
  VecOf<D> series;
  if constexpr (kIsFloat<hn::TFromD<D>>)
    series = split_polynomial(
        d, z, hn::Mul(z, z),
        {-0.3333331517954199, 0.19998470930124226, -0.14243521739550635, 0.10593723909673927, -0.06077983902896929});
  else
    series = split_polynomial(d, z, hn::Mul(z, z),
                              {-0.333333333333332, 0.19999999999953205, -0.14285714280162218, 0.11111110781928824,
                               -0.0909089771850855, 0.07692059593525813, -0.06663097753461591, 0.058478484360750226,
                               -0.0503914039477026, 0.03806084008668512, -0.0179035864424393});
  return hn::MulAdd(hn::Mul(p, z), series, p);
}

/// atan2 where the larger of |x| and |y| is neither huge nor tiny.
template <class D>
HWY_INLINE VecOf<D> atan2_of_normal(D d, VecOf<D> y, VecOf<D> x) {
  constexpr bool kF32 = kIsFloat<hn::TFromD<D>>;
  const VecOf<D> abs_x = hn::Abs(x), abs_y = hn::Abs(y);
  // The angle of (large, small), in [0, pi / 4], is atan(small / large), or pi / 4 + atan((small - large) / (small +
  // large)) where it is wide: 0 or 1 quarters of pi and a rest. Mirrored at the diagonal and at the y axis it is
  // another number of quarters, and the same rest with one sign or the other.
  const auto is_steep = hn::Lt(abs_x, abs_y);
  const VecOf<D> small = hn::IfThenElse(is_steep, abs_x, abs_y), large = hn::IfThenElse(is_steep, abs_y, abs_x);
  const auto is_wide = hn::Gt(small, hn::Mul(large, number(d, 0.41421356237309503)));
  const VecOf<D> over = hn::IfThenElse(is_wide, hn::Sub(small, large), small);
  const VecOf<D> under = hn::IfThenElse(is_wide, hn::Add(small, large), large);
  const auto is_left = hn::Lt(hn::CopySign(number(d, 1), x), hn::Zero(d));
  VecOf<D> quarters = hn::IfThenElseZero(is_wide, number(d, 1));
  quarters = hn::IfThenElse(is_steep, hn::Sub(number(d, 2), quarters), quarters);
  quarters = hn::IfThenElse(is_left, hn::Sub(number(d, 4), quarters), quarters);
  VecOf<D> rest = small_atan(d, hn::Div(over, under));
  rest = hn::IfThenElse(hn::Xor(is_steep, is_left), hn::Neg(rest), rest);
  // pi / 4 in two parts; without a fused multiply-add three times the first would be rounded.
  rest = hn::MulAdd(quarters, number(d, kF32 ? -2.18556950009e-8 : 3.061616997868383e-17), rest);
  return hn::CopySign(hn::MulAdd(quarters, number(d, kF32 ? 0.7853981852531433 : 0.7853981633974483), rest), y);
}
#endif

template <class D>
HWY_INLINE VecOf<D> atan2_vector(D d, VecOf<D> y, VecOf<D> x) {
  using T = hn::TFromD<D>;
  const auto exact = [](T of_y, T of_x) { return std::atan2(of_y, of_x); };
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
  constexpr bool kF32 = kIsFloat<T>;
  const VecOf<D> abs_x = hn::Abs(x), abs_y = hn::Abs(y);
  const VecOf<D> large = hn::IfThenElse(hn::Lt(abs_x, abs_y), abs_y, abs_x);
  const auto is_normal =
      hn::And(hn::Ge(large, number(d, kF32 ? 0x1p-100 : 0x1p-960)), hn::Le(large, number(d, kF32 ? 0x1p100 : 0x1p960)));
  if (HWY_LIKELY(hn::AllTrue(d, is_normal))) return atan2_of_normal(d, y, x);
  return hn::IfThenElse(is_normal, atan2_of_normal(d, y, x), by_element(d, y, x, exact));
#else
  return by_element(d, y, x, exact);
#endif
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
