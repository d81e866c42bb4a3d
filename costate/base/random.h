// Random numbers that depend on (seed, stream, index) alone: the same for any number of threads, any tile size, any
// order of calls. Philox 4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw, SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace costate {

/// Ten rounds of Philox 4x32 on a 128-bit counter under a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// Independent numbers of one seed. `stream` names a purpose or a sample, `index` counts within it.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}

  /// 64 random bits.
  std::uint64_t bits(std::uint64_t stream, std::uint64_t index) const;
  /// Uniform on (0, 1), never an end, in steps of 2^-52.
  double uniform(std::uint64_t stream, std::uint64_t index) const;
  double uniform(std::uint64_t stream, std::uint64_t index, double low, double high) const;
  /// Standard normal (Box and Muller). Independent of the uniform number at the same place.
  double normal(std::uint64_t stream, std::uint64_t index) const;
  /// One of 0 … count - 1; the bias is below count / 2^64.
  std::uint64_t below(std::uint64_t stream, std::uint64_t index, std::uint64_t count) const;

 private:
  std::uint64_t seed_;
};

}  // namespace costate
