// Elementwise kernels: one loop shape, one vector expression an operation. Memory-bound on L1 except for the functions
// of math-inl.h.
#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/elementwise.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/math-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

template <class T, class F>
HWY_INLINE void map(const T* x, T* out, std::size_t count, F f) {
  const hn::ScalableTag<T> d;
  for_vectors(d, count, [&](std::size_t, auto load, auto store) HWY_ATTR { store(f(d, load(x)), out); });
}

#define COSTATE_UNARY(name, expression)                                     \
  template <class T>                                                        \
  void name##_kernel(const T* x, T* out, std::size_t count) {               \
    map(x, out, count, [](auto d, auto v) HWY_ATTR { return expression; }); \
  }
#define COSTATE_UNARY_LIBRARY(name)                                                                          \
  template <class T>                                                                                         \
  void name##_kernel(const T* x, T* out, std::size_t count) {                                                \
    map(x, out, count,                                                                                       \
        [](auto d, auto v) HWY_ATTR { return by_element(d, v, [](T value) { return std::name(value); }); }); \
  }

COSTATE_UNARY(neg, (static_cast<void>(d), hn::Neg(v)))
COSTATE_UNARY(abs, (static_cast<void>(d), hn::Abs(v)))
COSTATE_UNARY(sign, keep_nan<decltype(d)>(v, hn::IfThenElseZero(hn::Ne(v, hn::Zero(d)), hn::CopySign(number(d, 1), v))))
COSTATE_UNARY(relu, keep_nan<decltype(d)>(v, hn::Max(v, hn::Zero(d))))
COSTATE_UNARY(floor, (static_cast<void>(d), hn::Floor(v)))
COSTATE_UNARY(exp, exp_vector(d, v))
COSTATE_UNARY(expm1, expm1_vector(d, v))
COSTATE_UNARY(log, log_vector(d, v))
COSTATE_UNARY(log1p, log1p_vector(d, v))
COSTATE_UNARY(sqrt, (static_cast<void>(d), hn::Sqrt(v)))
COSTATE_UNARY(sin, sin_vector(d, v))
COSTATE_UNARY(cos, cos_vector(d, v))
COSTATE_UNARY(tanh, tanh_vector(d, v))
COSTATE_UNARY(sigmoid, sigmoid_vector(d, v))
COSTATE_UNARY(softplus, softplus_vector(d, v))
COSTATE_UNARY(erf, erf_vector(d, v))
COSTATE_UNARY_LIBRARY(tan)
COSTATE_UNARY_LIBRARY(asin)
COSTATE_UNARY_LIBRARY(acos)
COSTATE_UNARY_LIBRARY(atan)
COSTATE_UNARY_LIBRARY(sinh)
COSTATE_UNARY_LIBRARY(cosh)

/// An operand along one row: the vector at i, or the row's one number.
template <class T>
struct RowOf {
  const T* data;
  bool is_number;

  RowOf(const Operand<T>& x, std::size_t row, std::size_t lanes)
      : data(x.spread == Spread::kFull  ? x.data + row * lanes
             : x.spread == Spread::kRow ? x.data + row
                                        : x.data),
        is_number(x.spread == Spread::kRow || x.spread == Spread::kScalar) {}

  template <class D, class Load>
  HWY_INLINE VecOf<D> at(D d, Load load) const {
    return is_number ? hn::Set(d, *data) : load(data);
  }
};

/// Rows that follow each other in memory for every operand are one long row.
template <class T, std::size_t count>
void merge_rows(Operand<T> (&operands)[count], std::size_t& rows, std::size_t& lanes) {
  if (lanes == 1)
    for (Operand<T>& x : operands)
      x.spread = x.spread == Spread::kFull || x.spread == Spread::kRow ? Spread::kFull : Spread::kScalar;
  for (const Operand<T>& x : operands)
    if (x.spread != Spread::kFull && x.spread != Spread::kScalar) return;
  lanes *= rows;
  rows = 1;
}

template <class T, class F>
HWY_INLINE void map2(Operand<T> x, Operand<T> y, T* out, std::size_t rows, std::size_t lanes, F f) {
  const hn::ScalableTag<T> d;
  if (x.spread == Spread::kFull && y.spread == Spread::kFull) {  // most calls; for small fields, what they cost counts
    for_vectors(d, rows * lanes,
                [&](std::size_t, auto load, auto store) HWY_ATTR { store(f(d, load(x.data), load(y.data)), out); });
    return;
  }
  Operand<T> operands[] = {x, y};
  merge_rows(operands, rows, lanes);
  for (std::size_t row = 0; row < rows; ++row) {
    const RowOf<T> left(operands[0], row, lanes), right(operands[1], row, lanes);
    T* to = out + row * lanes;
    for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
      store(f(d, left.at(d, load), right.at(d, load)), to);
    });
  }
}

template <class T, class F>
HWY_INLINE void map3(Operand<T> x, Operand<T> y, Operand<T> z, T* out, std::size_t rows, std::size_t lanes, F f) {
  const hn::ScalableTag<T> d;
  if (x.spread == Spread::kFull && y.spread == Spread::kFull && z.spread == Spread::kFull) {
    for_vectors(d, rows * lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
      store(f(d, load(x.data), load(y.data), load(z.data)), out);
    });
    return;
  }
  Operand<T> operands[] = {x, y, z};
  merge_rows(operands, rows, lanes);
  for (std::size_t row = 0; row < rows; ++row) {
    const RowOf<T> first(operands[0], row, lanes), second(operands[1], row, lanes), third(operands[2], row, lanes);
    T* to = out + row * lanes;
    for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
      store(f(d, first.at(d, load), second.at(d, load), third.at(d, load)), to);
    });
  }
}

#define COSTATE_BINARY(name, expression)                                                                              \
  template <class T>                                                                                                  \
  void name##_kernel(Operand<T> x, Operand<T> y, T* out, std::size_t rows, std::size_t lanes) {                       \
    map2(x, y, out, rows, lanes, [](auto d, auto a, auto b) HWY_ATTR { return (static_cast<void>(d), expression); }); \
  }
#define COSTATE_BINARY_LIBRARY(name)                                                            \
  template <class T>                                                                            \
  void name##_kernel(Operand<T> x, Operand<T> y, T* out, std::size_t rows, std::size_t lanes) { \
    map2(x, y, out, rows, lanes, [](auto d, auto a, auto b) HWY_ATTR {                          \
      return by_element(d, a, b, [](T left, T right) { return std::name(left, right); });       \
    });                                                                                         \
  }

COSTATE_BINARY(add, hn::Add(a, b))
COSTATE_BINARY(sub, hn::Sub(a, b))
COSTATE_BINARY(mul, hn::Mul(a, b))
COSTATE_BINARY(div, hn::Div(a, b))
// min and max pass NaN on from either side; the machine's own do so from one.
COSTATE_BINARY(min, hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Min(a, b))))
COSTATE_BINARY(max, hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Max(a, b))))
COSTATE_BINARY(less, hn::IfThenElseZero(hn::Lt(a, b), number(d, 1)))
COSTATE_BINARY(less_equal, hn::IfThenElseZero(hn::Le(a, b), number(d, 1)))
COSTATE_BINARY(equal, hn::IfThenElseZero(hn::Eq(a, b), number(d, 1)))
COSTATE_BINARY(mod, mod_vector(d, a, b))
COSTATE_BINARY(atan2, atan2_vector(d, a, b))
COSTATE_BINARY_LIBRARY(pow)

template <Op kOp, class V>
HWY_INLINE V apply(V a, V b) {
  static_assert(kOp == Op::kAdd || kOp == Op::kSub || kOp == Op::kMul);
  if constexpr (kOp == Op::kAdd) return hn::Add(a, b);
  if constexpr (kOp == Op::kSub) return hn::Sub(a, b);
  if constexpr (kOp == Op::kMul) return hn::Mul(a, b);
}

template <class T, Op kOuter, Op kInner, bool kInnerIsRight>
void pair(Operand<T> x, Operand<T> y, Operand<T> z, T* out, std::size_t rows, std::size_t lanes) {
  map3(x, y, z, out, rows, lanes, [](auto, auto a, auto b, auto c) HWY_ATTR {
    const auto inner = apply<kInner>(a, b);
    return kInnerIsRight ? apply<kOuter>(c, inner) : apply<kOuter>(inner, c);
  });
}

template <class T, Op kOuter, bool kInnerIsRight = false>
PairKernel<T> find_inner(Op inner) {
  if (inner == Op::kAdd) return &pair<T, kOuter, Op::kAdd, kInnerIsRight>;
  return inner == Op::kSub ? &pair<T, kOuter, Op::kSub, kInnerIsRight> : &pair<T, kOuter, Op::kMul, kInnerIsRight>;
}

template <class T>
PairKernel<T> find_pair(Op inner, Op outer, bool inner_is_right) {
  if (outer == Op::kAdd) return find_inner<T, Op::kAdd>(inner);  // of either side: they commute
  if (outer == Op::kMul) return find_inner<T, Op::kMul>(inner);
  return inner_is_right ? find_inner<T, Op::kSub, true>(inner) : find_inner<T, Op::kSub>(inner);
}

template <class T>
void where_rows(Operand<T> condition, Operand<T> x, Operand<T> y, T* out, std::size_t rows, std::size_t lanes) {
  map3(condition, x, y, out, rows, lanes, [](auto d, auto test, auto left, auto right) HWY_ATTR {
    return hn::IfThenElse(hn::Eq(test, hn::Zero(d)), right, left);  // NaN is not 0, and hn::Ne of it is false
  });
}

#define COSTATE_KERNEL(Name, name, ...) \
  case Op::k##Name:                     \
    return &name##_kernel<T>;

template <class T>
UnaryKernel<T> find_unary(Op op) {
  switch (op) {
    COSTATE_KERNEL(Neg, neg)
#define COSTATE_UNARY_FUNCTION COSTATE_KERNEL
#include "costate/graph/ops.def"
    default:
      return nullptr;
  }
}

template <class T>
BinaryKernel<T> find_binary(Op op) {
  switch (op) {
    COSTATE_KERNEL(Add, add)
    COSTATE_KERNEL(Sub, sub)
    COSTATE_KERNEL(Mul, mul)
    COSTATE_KERNEL(Div, div)
    COSTATE_KERNEL(Pow, pow)
    COSTATE_KERNEL(Min, min)
    COSTATE_KERNEL(Max, max)
    COSTATE_KERNEL(Less, less)
    COSTATE_KERNEL(LessEqual, less_equal)
#define COSTATE_BINARY_FUNCTION COSTATE_KERNEL
#include "costate/graph/ops.def"
    default:
      return nullptr;
  }
}

#undef COSTATE_KERNEL

}  // namespace

UnaryKernel<float> unary_f32(Op op) { return find_unary<float>(op); }
UnaryKernel<double> unary_f64(Op op) { return find_unary<double>(op); }
BinaryKernel<float> binary_f32(Op op) { return find_binary<float>(op); }
BinaryKernel<double> binary_f64(Op op) { return find_binary<double>(op); }
PairKernel<float> pair_f32(Op inner, Op outer, bool inner_is_right) {
  return find_pair<float>(inner, outer, inner_is_right);
}
PairKernel<double> pair_f64(Op inner, Op outer, bool inner_is_right) {
  return find_pair<double>(inner, outer, inner_is_right);
}
void where_f32(Operand<float> condition, Operand<float> x, Operand<float> y, float* out, std::size_t rows,
               std::size_t lanes) {
  where_rows(condition, x, y, out, rows, lanes);
}
void where_f64(Operand<double> condition, Operand<double> x, Operand<double> y, double* out, std::size_t rows,
               std::size_t lanes) {
  where_rows(condition, x, y, out, rows, lanes);
}
std::size_t lanes_f32() { return hn::Lanes(hn::ScalableTag<float>()); }
std::size_t lanes_f64() { return hn::Lanes(hn::ScalableTag<double>()); }
const char* target() { return hwy::TargetName(HWY_TARGET); }

#undef COSTATE_UNARY
#undef COSTATE_UNARY_LIBRARY
#undef COSTATE_BINARY
#undef COSTATE_BINARY_LIBRARY

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(unary_f32);
HWY_EXPORT(unary_f64);
HWY_EXPORT(binary_f32);
HWY_EXPORT(binary_f64);
HWY_EXPORT(pair_f32);
HWY_EXPORT(pair_f64);
HWY_EXPORT(where_f32);
HWY_EXPORT(where_f64);
HWY_EXPORT(lanes_f32);
HWY_EXPORT(lanes_f64);
HWY_EXPORT(target);

template <>
UnaryKernel<float> unary_kernel<float>(Op op) {
  return HWY_DYNAMIC_DISPATCH(unary_f32)(op);
}
template <>
UnaryKernel<double> unary_kernel<double>(Op op) {
  return HWY_DYNAMIC_DISPATCH(unary_f64)(op);
}
template <>
BinaryKernel<float> binary_kernel<float>(Op op) {
  return HWY_DYNAMIC_DISPATCH(binary_f32)(op);
}
template <>
BinaryKernel<double> binary_kernel<double>(Op op) {
  return HWY_DYNAMIC_DISPATCH(binary_f64)(op);
}
template <>
PairKernel<float> pair_kernel<float>(Op inner, Op outer, bool inner_is_right) {
  return HWY_DYNAMIC_DISPATCH(pair_f32)(inner, outer, inner_is_right);
}
template <>
PairKernel<double> pair_kernel<double>(Op inner, Op outer, bool inner_is_right) {
  return HWY_DYNAMIC_DISPATCH(pair_f64)(inner, outer, inner_is_right);
}
template <>
void where<float>(Operand<float> condition, Operand<float> x, Operand<float> y, float* out, std::size_t rows,
                  std::size_t lanes) {
  HWY_DYNAMIC_DISPATCH(where_f32)(condition, x, y, out, rows, lanes);
}
template <>
void where<double>(Operand<double> condition, Operand<double> x, Operand<double> y, double* out, std::size_t rows,
                   std::size_t lanes) {
  HWY_DYNAMIC_DISPATCH(where_f64)(condition, x, y, out, rows, lanes);
}
template <>
std::size_t simd_lanes<float>() {
  return HWY_DYNAMIC_DISPATCH(lanes_f32)();
}
template <>
std::size_t simd_lanes<double>() {
  return HWY_DYNAMIC_DISPATCH(lanes_f64)();
}
std::string simd_target_name() { return HWY_DYNAMIC_DISPATCH(target)(); }

}  // namespace costate::internal
#endif
