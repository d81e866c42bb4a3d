// Buffers on cache-line boundaries, so that full vectors never straddle two lines.
#pragma once

#include <cstddef>
#include <new>
#include <numeric>
#include <vector>

namespace costate::internal {

inline constexpr std::size_t kCacheLine = 64;

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  explicit AlignedAllocator(const AlignedAllocator<U>&) {}

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kCacheLine}));
  }
  void deallocate(T* pointer, std::size_t) { ::operator delete (pointer, std::align_val_t{kCacheLine}); }

  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// Numbers that fill whole cache lines, vectors of any type and rows of `lanes` numbers.
inline std::size_t padded(std::size_t count, std::size_t lanes = 1) {
  const std::size_t unit = std::lcm(std::size_t{16}, lanes);
  return (count + unit - 1) / unit * unit;
}

}  // namespace costate::internal
