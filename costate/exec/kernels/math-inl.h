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

/// x - y floor(x / y) without its rounding: the C library's remainder, which has the sign of x, moved to the sign of y.
template <class D>
HWY_INLINE VecOf<D> mod_vector(D d, VecOf<D> x, VecOf<D> y) {
  const VecOf<D> rest = by_element(d, x, y, [](auto left, auto right) { return std::fmod(left, right); });
  const auto signs_differ = hn::Lt(hn::CopySign(number(d, 1), hn::Xor(rest, y)), hn::Zero(d));
  const VecOf<D> moved = hn::IfThenElse(signs_differ, hn::Add(rest, y), rest);
  return hn::IfThenElse(hn::Eq(rest, hn::Zero(d)), hn::CopySign(rest, y), moved);
}

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
  constexpr I kBias = kF32 ? 127 : 1023;
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
  static_cast<void>(kBias);
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
