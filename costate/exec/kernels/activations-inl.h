// What products apply to their results: activations, and their slopes told from z. Included once per instruction set.
#if defined(COSTATE_ACTIVATIONS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_ACTIVATIONS_INL
#undef COSTATE_ACTIVATIONS_INL
#else
#define COSTATE_ACTIVATIONS_INL
#endif

#include <hwy/highway.h>

#include "costate/exec/kernels/exponential-inl.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Calls each(f) with the activation as f(d, x); not for kNone and for slopes.
template <class Each>
HWY_INLINE void with_activation(Activation activation, Each each) {
  switch (activation) {
    case Activation::kTanh:
      return each([](auto d, auto x) HWY_ATTR { return tanh_vector(d, x); });
    case Activation::kRelu:
      return each([](auto d, auto x) HWY_ATTR { return keep_nan<decltype(d)>(x, hn::Max(x, hn::Zero(d))); });
    case Activation::kSigmoid:
      return each([](auto d, auto x) HWY_ATTR { return sigmoid_vector(d, x); });
    case Activation::kSoftplus:
      return each([](auto d, auto x) HWY_ATTR { return softplus_vector(d, x); });
    default:
      return;
  }
}

/// x times a slope, told from z.
template <Activation kSlope, class D>
HWY_INLINE VecOf<D> times_slope(D d, VecOf<D> x, VecOf<D> z) {
  if constexpr (kSlope == Activation::kTanhSlope) return hn::Mul(x, hn::NegMulAdd(z, z, number(d, 1)));
  if constexpr (kSlope == Activation::kReluSlope) return hn::IfThenElseZero(hn::Gt(z, hn::Zero(d)), x);
  if constexpr (kSlope == Activation::kSigmoidSlope) return hn::Mul(x, hn::NegMulAdd(z, z, z));
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
