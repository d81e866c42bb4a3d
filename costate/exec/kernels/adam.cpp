// Adam's moments and values in one pass, bound by its square root and division: one of each an element.
#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/adam.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

void run_adam(const AdamUpdate& update, const double* gradient, double* first, double* second, double* x,
              std::size_t count) {
  const hn::ScalableTag<double> d;
  const auto beta1 = hn::Set(d, update.beta1), beta2 = hn::Set(d, update.beta2);
  const auto rest1 = hn::Set(d, 1 - update.beta1), rest2 = hn::Set(d, 1 - update.beta2);
  const auto decay = hn::Set(d, update.decay), rate = hn::Set(d, update.rate), epsilon = hn::Set(d, update.epsilon);
  for_vectors(d, count, [&](std::size_t, auto load, auto store) HWY_ATTR {
    const auto g = load(gradient);
    const auto m = hn::MulAdd(beta1, load(first), hn::Mul(rest1, g));
    const auto v = hn::MulAdd(beta2, load(second), hn::Mul(hn::Mul(rest2, g), g));
    store(m, first);
    store(v, second);
    const auto direction = hn::Div(m, hn::Add(hn::Sqrt(v), epsilon));
    store(hn::NegMulAdd(rate, direction, hn::Mul(decay, load(x))), x);
  });
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(run_adam);

void adam_update(const AdamUpdate& update, const double* gradient, double* first, double* second, double* x,
                 std::size_t count) {
  HWY_DYNAMIC_DISPATCH(run_adam)(update, gradient, first, second, x, count);
}

}  // namespace costate::internal
#endif
