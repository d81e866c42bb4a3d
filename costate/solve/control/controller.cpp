#include "costate/solve/control/controller.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/solve/control/controller.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/exponential-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::HWY_NAMESPACE {
namespace {

using namespace internal::HWY_NAMESPACE;

void decide_all(const StepControl& control, int error_order, const StepDecisions& samples, std::size_t count) {
  const hn::ScalableTag<double> d;
  using V = VecOf<decltype(d)>;
  const V zero = hn::Zero(d), one = number(d, 1);
  const V log_floor = log_vector(d, number(d, control.previous_floor));
  for_vectors(d, count, [&](std::size_t, auto load, auto store) HWY_ATTR {
    const V error = load(samples.error), previous = load(samples.previous_log);
    const auto accepted = hn::Le(error, one);
    const auto after_reject = hn::Ne(load(samples.after_reject), zero);
    const V largest =
        hn::IfThenElse(after_reject, number(d, control.factor_max_after_reject), number(d, control.factor_max));
    const V retry =
        hn::IfThenElse(after_reject, number(d, control.factor_rejected_again), number(d, control.factor_rejected));
    const V upper = hn::IfThenElse(accepted, largest, retry);
    const V lower = hn::IfThenElse(accepted, hn::Min(number(d, control.factor_min_accepted), largest),
                                   number(d, control.factor_min));
    // safety * exp(-exponent / error_order): one logarithm and one exponential cost less than two powers.
    const V log = log_vector(d, error);
    V damped = hn::MulAdd(number(d, control.beta1), log, hn::Mul(number(d, control.beta2), previous));
    if (control.beta3 != 0) {
      const V before = load(samples.before_log);
      damped = hn::MulAdd(number(d, control.beta3), before, damped);
      store(hn::IfThenElse(accepted, previous, before), samples.before_log);
    }
    const V exponent = hn::IfThenElse(accepted, damped, log);
    const V wanted =
        hn::Mul(exp_vector(d, hn::Mul(number(d, -1.0 / error_order), exponent)), number(d, control.safety));
    V factor = hn::Min(hn::Max(wanted, lower), upper);
    factor = hn::IfThenElse(hn::Eq(error, zero), largest, factor);
    factor = hn::IfThenElse(hn::IsFinite(error), factor, number(d, control.factor_min));
    store(hn::IfThenElse(accepted, hn::Max(log, log_floor), previous), samples.previous_log);
    store(hn::IfThenElse(accepted, zero, one), samples.after_reject);
    store(hn::IfThenElse(accepted, one, zero), samples.accepted);
    store(factor, samples.factor);
  });
}

}  // namespace
}  // namespace costate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate {

HWY_EXPORT(decide_all);

void decide_steps(const StepControl& control, int error_order, const StepDecisions& samples, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(decide_all)(control, error_order, samples, count);
}

StepDecision decide_step(const StepControl& control, const ControlState& state, double error, int error_order) {
  StepDecision decision{.accepted = false, .factor = 0, .next = state};
  double after_reject = state.after_reject ? 1 : 0, accepted = 0;
  decide_steps(control, error_order,
               {.error = &error,
                .previous_log = &decision.next.previous_log,
                .before_log = &decision.next.before_log,
                .after_reject = &after_reject,
                .accepted = &accepted,
                .factor = &decision.factor},
               1);
  decision.accepted = accepted != 0;
  decision.next.after_reject = after_reject != 0;
  return decision;
}

}  // namespace costate
#endif
