// Philox with one 32-bit word in each lane of 64 bits, where the product of two words has room; the logarithm, sine and
// cosine are those of the graph's operations.
#include "costate/exec/kernels/normal_pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/normal_pairs.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/angle-inl.h"
#include "costate/exec/kernels/exponential-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

constexpr std::uint64_t kLow = 0xFFFFFFFF;
// 2^52 as bits: a whole number below 2^32 is the last bits of 2^52 + number.
constexpr std::uint64_t kMagic = 0x4330000000000000;

/// A word for each lane, in its low half; the high half may hold anything.
template <class D>
using Words = hn::Vec<hn::RebindToUnsigned<D>>;

template <class D>
HWY_INLINE Words<D> words_of(D d, VecOf<D> whole) {
  return hn::BitCast(hn::RebindToUnsigned<D>(), hn::Add(whole, number(d, 0x1p52)));
}

template <class D>
HWY_INLINE VecOf<D> numbers_of(D d, Words<D> words) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::Or(hn::And(words, hn::Set(du, kLow)), hn::Set(du, kMagic));
  return hn::Sub(hn::BitCast(d, bits), number(d, 0x1p52));
}

/// Ten rounds on the counter c.
template <class D>
HWY_INLINE void philox_words(D, Words<D> (&c)[4], std::uint64_t seed) {
  const hn::RebindToUnsigned<D> du;
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  const auto times = [&](Words<D> words, std::uint32_t factor) HWY_ATTR {
#if HWY_TARGET == HWY_SCALAR  // which has no two words in a vector
    return hn::Set(du, (hn::GetLane(words) & kLow) * factor);
#else
    const hn::Repartition<std::uint32_t, decltype(du)> du32;
    return hn::MulEven(hn::BitCast(du32, words), hn::Set(du32, factor));
#endif
  };
  for (int round = 0; round < 10; ++round) {
    const Words<D> first = times(c[0], 0xD2511F53u), second = times(c[2], 0xCD9E8D57u);
    const Words<D> next0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(second), c[1]), hn::Set(du, std::uint64_t{key0}));
    const Words<D> next2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(first), c[3]), hn::Set(du, std::uint64_t{key1}));
    c[0] = next0;
    c[1] = second;
    c[2] = next2;
    c[3] = first;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

void run_places(const NormalPlaces& places, double* first, double* second) {
  const hn::ScalableTag<double> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  using D = decltype(d);
  for_vectors(d, places.count, [&](std::size_t, auto load, auto store) HWY_ATTR {
    Words<D> c[4] = {hn::Set(du, std::uint64_t{places.node}), words_of(d, load(places.channel)),
                     words_of(d, load(places.sample)), words_of(d, load(places.stream))};
    philox_words(d, c, places.seed);
    const VecOf<D> low = hn::Mul(hn::Add(numbers_of(d, c[0]), number(d, 0.5)), number(d, 0x1p-32));
    const VecOf<D> high = numbers_of(d, hn::ShiftRight<11>(hn::And(c[1], hn::Set(du, kLow))));
    const VecOf<D> uniform = hn::Mul(hn::Add(low, high), number(d, 0x1p-21));
    const VecOf<D> radius = hn::Sqrt(hn::Mul(number(d, -2), log_vector(d, uniform)));
    const VecOf<D> turn =
        hn::Mul(hn::Add(numbers_of(d, c[2]), hn::Mul(numbers_of(d, c[3]), number(d, 0x1p-32))), number(d, 0x1p-32));
    const VecOf<D> angle = hn::Mul(turn, number(d, 6.283185307179586477));
    store(hn::Mul(radius, cos_vector(d, angle)), first);
    store(hn::Mul(radius, sin_vector(d, angle)), second);
  });
}

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(run_places);

void normal_pairs(const NormalPlaces& places, double* first, double* second) {
  HWY_DYNAMIC_DISPATCH(run_places)(places, first, second);
}

}  // namespace costate::internal
#endif
