#include "costate/solve/internal/lane_clock.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/solve/internal/lane_clock.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// Bit i is set where lane i of the mask is.
template <class D>
HWY_INLINE std::uint64_t bits_of(D d, hn::Mask<D> mask) {
  static_assert(hn::MaxLanes(D()) <= 64);
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

std::size_t count_active(const LaneClock& clock) {
  const hn::ScalableTag<double> d;
  std::size_t count = 0;
  for_vectors(d, clock.t.size(), [&](std::size_t, auto load, auto) HWY_ATTR {
    count += hn::CountTrue(d, hn::Ne(load(clock.is_active.data()), hn::Zero(d)));
  });
  return count;
}

bool lacks_slopes(const LaneClock& clock) {
  const hn::ScalableTag<double> d;
  bool lacks = false;
  for_vectors(d, clock.t.size(), [&](std::size_t, auto load, auto) HWY_ATTR {
    lacks |= !hn::AllFalse(d, hn::Gt(load(clock.is_active.data()), load(clock.knows_first.data())));
  });
  return lacks;
}

bool plan_all(LaneClock& clock, double max_steps) {
  const hn::ScalableTag<double> d;
  bool must_end = false;
  for_vectors(d, clock.t.size(), [&](std::size_t, auto load, auto store) HWY_ATTR {
    const auto t = load(clock.t.data()), h = load(clock.h.data()), end = load(clock.end.data());
    const auto left = hn::Sub(end, t);
    const auto is_last = hn::Le(hn::Abs(left), hn::Mul(hn::Set(d, kNearEnd), hn::Abs(h)));
    const auto stuck = hn::AndNot(is_last, hn::Le(hn::Abs(h), hn::Mul(hn::Set(d, kSmallestStep), hn::Abs(t))));
    const auto attempts = hn::Add(load(clock.num_accepted.data()), load(clock.num_rejected.data()));
    const auto spent =
        hn::And(hn::Ge(attempts, hn::Set(d, max_steps)), hn::Ne(load(clock.is_active.data()), hn::Zero(d)));
    must_end |= !hn::AllFalse(d, hn::Or(stuck, spent));
    store(hn::IfThenElse(is_last, left, h), clock.h.data());
    store(hn::IfThenElse(is_last, end, hn::Add(t, h)), clock.t_next.data());
  });
  return must_end;
}

Judgement judge_all(double evaluations, LaneClock& clock, std::uint32_t* reached) {
  const hn::ScalableTag<double> d;
  const auto zero = hn::Zero(d);
  Judgement judgement;
  for_vectors(d, clock.t.size(), [&](std::size_t first, auto load, auto store) HWY_ATTR {
    const auto active = load(clock.is_active.data()), error = load(clock.error.data());
    const auto accepted = hn::Mul(load(clock.accepted.data()), active);
    const auto is_accepted = hn::Ne(accepted, zero);
    store(accepted, clock.accepted.data());
    store(hn::Add(load(clock.num_accepted.data()), accepted), clock.num_accepted.data());
    store(hn::Add(load(clock.num_rejected.data()), hn::Sub(active, accepted)), clock.num_rejected.data());
    store(hn::MulAdd(hn::Set(d, evaluations), active, load(clock.nfe.data())), clock.nfe.data());
    store(hn::IfThenZeroElse(is_accepted, load(clock.knows_first.data())), clock.knows_first.data());
    judgement.any_accepted |= !hn::AllFalse(d, is_accepted);
    judgement.all_finite &= hn::AllFalse(d, hn::And(hn::Ne(active, zero), hn::Not(hn::IsFinite(error))));
    // In the direction of time, which is h's sign.
    const auto left = hn::Sub(load(clock.next_time.data()), load(clock.t_next.data()));
    const auto is_there = hn::And(is_accepted, hn::Le(hn::CopySign(left, hn::Xor(left, load(clock.h.data()))), zero));
    if (HWY_LIKELY(hn::AllFalse(d, is_there))) return;
    for (std::uint64_t bits = bits_of(d, is_there); bits != 0; bits &= bits - 1)
      reached[judgement.num_reached++] = static_cast<std::uint32_t>(first + hwy::Num0BitsBelowLS1Bit_Nonzero64(bits));
  });
  return judgement;
}

void advance_all(LaneClock& clock) {
  const hn::ScalableTag<double> d;
  for_vectors(d, clock.t.size(), [&](std::size_t, auto load, auto store) HWY_ATTR {
    const auto accepted = hn::Ne(load(clock.accepted.data()), hn::Zero(d));
    store(hn::IfThenElse(accepted, load(clock.t_next.data()), load(clock.t.data())), clock.t.data());
    store(hn::Mul(load(clock.h.data()), load(clock.factor.data())), clock.h.data());
  });
}

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(count_active);
HWY_EXPORT(lacks_slopes);
HWY_EXPORT(plan_all);
HWY_EXPORT(judge_all);
HWY_EXPORT(advance_all);

LaneClock::LaneClock(std::size_t lanes) {
  for (const auto array : kClockArrays) (this->*array).resize(lanes);
}

void LaneClock::copy(std::size_t lane, const LaneClock& from, std::size_t from_lane) {
  for (const auto array : kClockArrays) (this->*array)[lane] = (from.*array)[from_lane];
}

std::size_t num_active(const LaneClock& clock) { return HWY_DYNAMIC_DISPATCH(count_active)(clock); }

bool lacks_first_slopes(const LaneClock& clock) { return HWY_DYNAMIC_DISPATCH(lacks_slopes)(clock); }

bool plan_adaptive(LaneClock& clock, double max_steps) { return HWY_DYNAMIC_DISPATCH(plan_all)(clock, max_steps); }

Judgement judge_adaptive(const JudgingRule& rule, double evaluations, LaneClock& clock, std::uint32_t* reached) {
  decide_steps(rule.control, rule.error_order,
               {.error = clock.error.data(),
                .previous_log = clock.previous_log.data(),
                .before_log = clock.before_log.data(),
                .after_reject = clock.after_reject.data(),
                .accepted = clock.accepted.data(),
                .factor = clock.factor.data()},
               clock.t.size());
  for (std::size_t lane = 0; rule.takes_shortest && lane < clock.t.size(); ++lane)
    if (is_shortest(clock.h[lane], rule.shortest) && std::isfinite(clock.error[lane])) clock.accepted[lane] = 1;
  return HWY_DYNAMIC_DISPATCH(judge_all)(evaluations, clock, reached);
}

void advance(LaneClock& clock) { HWY_DYNAMIC_DISPATCH(advance_all)(clock); }

}  // namespace costate::internal
#endif
