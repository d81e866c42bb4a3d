#include "costate/base/random.h"

#include <cmath>
#include <numbers>

namespace costate {
namespace {

// Flips bits of the seed, so that normal numbers come from other blocks than uniform ones.
constexpr std::uint64_t kNormalSeedMask = 0x6E6F726D616C2121;

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = 0xD2511F53ull * counter[0];
    const std::uint64_t second = 0xCD9E8D57ull * counter[2];
    counter = {high(second) ^ counter[1] ^ key[0], low(second), high(first) ^ counter[3] ^ key[1], low(first)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

std::uint64_t Random::bits(std::uint64_t stream, std::uint64_t index) const {
  const auto word = philox({low(index), high(index), low(stream), high(stream)}, {low(seed_), high(seed_)});
  return (static_cast<std::uint64_t>(word[1]) << 32) | word[0];
}

double Random::uniform(std::uint64_t stream, std::uint64_t index) const {
  return (static_cast<double>(bits(stream, index) >> 12) + 0.5) * 0x1p-52;
}

double Random::uniform(std::uint64_t stream, std::uint64_t index, double low, double high) const {
  return low + (high - low) * uniform(stream, index);
}

double Random::normal(std::uint64_t stream, std::uint64_t index) const {
  // Box and Muller, one of the pair: a draw costs one Philox block for both of its uniforms.
  const std::uint64_t seed = seed_ ^ kNormalSeedMask;
  const auto word = philox({low(index), high(index), low(stream), high(stream)}, {low(seed), high(seed)});
  const double radius = ((static_cast<double>(word[0]) + 0.5) * 0x1p-32 + static_cast<double>(word[1] >> 11)) * 0x1p-21;
  const double angle = (static_cast<double>(word[2]) + static_cast<double>(word[3]) * 0x1p-32) * 0x1p-32;
  return std::sqrt(-2.0 * std::log(radius)) * std::cos(2.0 * std::numbers::pi * angle);
}

std::uint64_t Random::below(std::uint64_t stream, std::uint64_t index, std::uint64_t count) const {
  return bits(stream, index) % count;
}

}  // namespace costate
