// exp, log and what is made of them, on vectors. math-inl.h has their errors and methods.
#if defined(COSTATE_EXPONENTIAL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_EXPONENTIAL_INL
#undef COSTATE_EXPONENTIAL_INL
#else
#define COSTATE_EXPONENTIAL_INL
#endif

#include <hwy/highway.h>

#include <cmath>

#include "costate/exec/kernels/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Whole numbers of the width of D's.
template <class D>
using Whole = hn::Vec<hn::RebindToSigned<D>>;

/// 2^n for n in the range of normal exponents.
template <class D>
HWY_INLINE VecOf<D> power_of_two(D d, Whole<D> n) {
  const hn::RebindToSigned<D> di;
  constexpr bool kF32 = kIsFloat<hn::TFromD<D>>;
  return hn::BitCast(d, hn::ShiftLeft < kF32 ? 23 : 52 > (hn::Add(n, hn::Set(di, kF32 ? 127 : 1023))));
}

/// x = n ln 2 + r: exp(x) = 2^n (1 + p), p = exp(r) - 1.
template <class D>
struct Reduced {
  Whole<D> n;
  VecOf<D> p;
};

/// NaN gives any n, and a p that is NaN.
template <class D>
HWY_INLINE Reduced<D> reduce_exponent(D d, VecOf<D> x) {
  constexpr bool kF32 = kIsFloat<hn::TFromD<D>>;
  const hn::RebindToSigned<D> di;
  // Numbers of this size have no bits below 1: the sum is rounded to a whole n, which stands in its last bits.
  const VecOf<D> large = number(d, kF32 ? 0x1.8p23 : 0x1.8p52);
  const VecOf<D> sum = hn::MulAdd(x, number(d, 1.44269504088896340736), large);
  const VecOf<D> n = hn::Sub(sum, large);
  VecOf<D> r = hn::NegMulAdd(n, number(d, kF32 ? 0.693359375 : 6.93147180369123816490e-01), x);
  r = hn::NegMulAdd(n, number(d, kF32 ? -2.12194440054690583e-4 : 1.90821492927058770002e-10), r);
  // (exp(r) - 1 - r) / r², minimax in the relative error of p: 1.3e-8 and 1.8e-17.
  const VecOf<D> square = hn::Mul(r, r);
  VecOf<D> series;
  if constexpr (kF32)
    series = split_polynomial(
        d, r, square,
        {0.49999998155154846, 0.16666543669705644, 0.04166719964410247, 0.008366514002703133, 0.0013882523016246176});
  else
    series = split_polynomial(d, r, square,
                              {0.5000000000000006, 0.16666666666666588, 0.041666666666576826, 0.008333333333389507,
                               0.001388888893153959, 0.00019841269719078015, 2.4801505306226087e-05,
                               2.7557407509934616e-06, 2.762602429088192e-07, 2.5053773693884504e-08});
  return {hn::Sub(hn::BitCast(di, sum), hn::BitCast(di, large)), hn::MulAdd(square, series, r)};
}

template <class D>
HWY_INLINE VecOf<D> exp_vector(D d, VecOf<D> x) {
  constexpr bool kF32 = kIsFloat<hn::TFromD<D>>;
  const auto [n, p] = reduce_exponent(d, clamp(d, x, kF32 ? -104 : -746, kF32 ? 89 : 710));
  const Whole<D> half = hn::ShiftRight<1>(n);  // in two factors: 2^n itself may overflow or vanish
  return hn::Mul(hn::Mul(hn::Add(p, number(d, 1)), power_of_two(d, half)), power_of_two(d, hn::Sub(n, half)));
}

/// exp(-|x|), and 0 where that is no normal number.
template <class D>
HWY_INLINE VecOf<D> decaying_exp(D d, VecOf<D> x) {
  constexpr double kLeast = kIsFloat<hn::TFromD<D>> ? -87 : -708;
  const VecOf<D> negative = hn::Neg(hn::Abs(x));
  const auto [n, p] = reduce_exponent(d, at_least(d, negative, kLeast));
  const VecOf<D> power = power_of_two(d, n);
  return hn::IfThenZeroElse(hn::Lt(negative, number(d, kLeast)), hn::MulAdd(power, p, power));
}

template <class D>
HWY_INLINE VecOf<D> expm1_vector(D d, VecOf<D> x) {
  constexpr bool kF32 = kIsFloat<hn::TFromD<D>>;
  const auto [n, p] = reduce_exponent(d, clamp(d, x, kF32 ? -20 : -40, kF32 ? 89 : 710));
  // 2^n (exp(r) - 1) + (2^n - 1): no cancellation for small x. Half of it first, since 2^n may overflow.
  const VecOf<D> half = power_of_two(d, hn::Sub(n, hn::Set(hn::RebindToSigned<D>(), 1)));
  const VecOf<D> result = hn::MulAdd(half, p, hn::Sub(half, number(d, 0.5)));
  return hn::Add(result, result);
}

template <class D>
HWY_INLINE VecOf<D> log_vector(D d, VecOf<D> x) {
  using T = hn::TFromD<D>;
  constexpr bool kF32 = kIsFloat<T>;
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  constexpr int kMantissa = kF32 ? 23 : 52;
  // sqrt(1/2) as bits: a mantissa from there to sqrt(2) keeps log small.
  const I kRootHalf = kF32 ? static_cast<I>(0x3f3504f3) : static_cast<I>(0x3fe6a09e667f3bcdLL);
  const auto tiny = hn::Lt(x, number(d, kF32 ? 1.17549435e-38 : 2.2250738585072014e-308));
  const VecOf<D> scaled = hn::IfThenElse(tiny, hn::Mul(x, number(d, kF32 ? 33554432.0 : 18014398509481984.0)), x);
  const auto shifted = hn::Sub(hn::BitCast(di, scaled), hn::Set(di, kRootHalf));
  const auto exponent = hn::ShiftRight<kMantissa>(shifted);
  const VecOf<D> m = hn::BitCast(d, hn::Sub(hn::BitCast(di, scaled), hn::ShiftLeft<kMantissa>(exponent)));
  VecOf<D> e = hn::ConvertTo(d, exponent);
  e = hn::IfThenElse(tiny, hn::Sub(e, number(d, kF32 ? 25.0 : 54.0)), e);
  const VecOf<D> f = hn::Sub(m, number(d, 1));
  const VecOf<D> s = hn::Div(f, hn::Add(number(d, 2), f));
  const VecOf<D> z = hn::Mul(s, s);
  VecOf<D> series;
  if constexpr (kF32) {
    series = polynomial(d, z, {0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841});
  } else {
    series = polynomial(
        d, z,
        {6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
         1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01});
  }
  series = hn::Mul(z, series);
  const VecOf<D> half_square = hn::Mul(number(d, 0.5), hn::Mul(f, f));
  const VecOf<D> low = hn::MulAdd(e, number(d, kF32 ? 9.0580006145e-6 : 1.90821492927058770002e-10),
                                  hn::Mul(s, hn::Add(half_square, series)));
  const VecOf<D> rest = hn::Sub(f, hn::Sub(half_square, low));
  VecOf<D> result = hn::MulAdd(e, number(d, kF32 ? 6.9313812256e-01 : 6.93147180369123816490e-01), rest);
  const VecOf<D> infinity = hn::Inf(d);
  result = hn::IfThenElse(hn::Eq(x, infinity), infinity, result);
  result = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), result);
  result = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::NaN(d), result);
  return keep_nan<D>(x, result);
}

template <class D>
HWY_INLINE VecOf<D> log1p_vector(D d, VecOf<D> x) {
  const VecOf<D> u = hn::Add(x, number(d, 1));
  const VecOf<D> lost = hn::Div(hn::Sub(x, hn::Sub(u, number(d, 1))), u);
  VecOf<D> result = hn::Add(log_vector(d, u), lost);
  result = hn::IfThenElse(hn::Eq(u, number(d, 1)), x, result);
  result = hn::IfThenElse(hn::Eq(u, hn::Zero(d)), hn::Neg(hn::Inf(d)), result);
  return hn::IfThenElse(hn::Eq(x, hn::Inf(d)), x, result);
}

template <class D>
HWY_INLINE VecOf<D> tanh_vector(D d, VecOf<D> x) {
  if constexpr (kIsFloat<hn::TFromD<D>>) {
    // Odd rational x P(x^2) / Q(x^2), minimax in the relative error (6e-9) up to the clamp, beyond which f32 is 4 ulp
    // from 1. Q begins with an addition, which has a unit of its own where multiply-adds are what it waits for. P(0) =
    // Q(0): small x come back within 3 ulp.
    const VecOf<D> c = clamp(d, x, -7.93986845, 7.93986845);
    const VecOf<D> z = hn::Mul(c, c);
    const VecOf<D> p = polynomial(d, z, {1173377.38, 157754.719, 4190.82764, 25.6906223, 0.0178708602});
    const VecOf<D> q = monic_polynomial(d, z, {1173377.38, 548880.5, 30700.7559, 400.272461});
    return hn::Div(hn::Mul(c, p), q);
  } else {
    // e / (e + 2) with e = exp(2 |x|) - 1 = 2^n (exp(r) - 1) + (2^n - 1): no cancellation for small x, and one
    // division.
    const auto [n, p] = reduce_exponent(d, at_most(d, hn::Abs(hn::Add(x, x)), 40));
    const VecOf<D> power = power_of_two(d, n);
    const VecOf<D> e = hn::MulAdd(power, p, hn::Sub(power, number(d, 1)));
    return hn::CopySign(hn::Div(e, hn::Add(e, number(d, 2))), x);
  }
}

template <class D>
HWY_INLINE VecOf<D> sigmoid_vector(D d, VecOf<D> x) {
  // 2^n is infinite, and the result 0, where it would be no normal number.
  constexpr double kMost = kIsFloat<hn::TFromD<D>> ? 89 : 710;
  const auto [n, p] = reduce_exponent(d, hn::Neg(clamp(d, x, -kMost, kMost - 2)));
  const VecOf<D> power = power_of_two(d, n), one = number(d, 1);
  return hn::Div(one, hn::Add(one, hn::MulAdd(power, p, power)));
}

template <class D>
HWY_INLINE VecOf<D> softplus_vector(D d, VecOf<D> x) {
  // log(1 + e) of 0 <= e <= 1 as 2 artanh(s), s = e / (2 + e) up to 1/3: a minimax polynomial in s^2 and one division.
  const VecOf<D> e = decaying_exp(d, x);
  const VecOf<D> s = hn::Div(e, hn::Add(e, number(d, 2)));
  const VecOf<D> z = hn::Mul(s, s);
  VecOf<D> series;
  if constexpr (kIsFloat<hn::TFromD<D>>)
    series = split_polynomial(
        d, z, hn::Mul(z, z),
        {1.0, 0.33333339513216986, 0.19999355623431167, 0.14310103704218619, 0.10699280253339272, 0.12196954042011512});
  else
    series = split_polynomial(d, z, hn::Mul(z, z),
                              {1.0, 0.3333333333333334, 0.19999999999996435, 0.14285714286311463, 0.11111111059551837,
                               0.09090911711247626, 0.07692223530229984, 0.06668438407871918, 0.05857637334055213,
                               0.05488308318973747, 0.03490195249166216, 0.08244142965694784});
  return hn::MulAdd(hn::Add(s, s), series, hn::Max(x, hn::Zero(d)));
}

template <class D>
HWY_INLINE VecOf<D> erf_vector(D d, VecOf<D> x) {
  if constexpr (kIsFloat<hn::TFromD<D>>) {
    // Odd rational, minimax in the relative error (1.3e-8) up to the clamp, beyond which f32 is an ulp from 1.
    const VecOf<D> c = clamp(d, x, -3.83, 3.83);
    const VecOf<D> z = hn::Mul(c, c);
    const VecOf<D> p = polynomial(d, z,
                                  {1.1283791522244042, 0.18722503644783897, 0.05240995778486478, 0.0036497740981121006,
                                   0.0002859840480321798, 2.1252724667459274e-06});
    const VecOf<D> q = polynomial(d, z,
                                  {1.0, 0.49925677643743394, 0.11286827775897759, 0.014736538420244475,
                                   0.0011411784634592279, 3.892234961298309e-05});
    return hn::Div(hn::Mul(c, p), q);
  } else {
    return by_element(d, x, [](double value) { return std::erf(value); });
  }
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
