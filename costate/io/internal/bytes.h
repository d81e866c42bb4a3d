// Numbers in binary files, which are little-endian unless the format says otherwise. Costate runs on little-endian
// machines only, so arrays are copied as they are.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace costate::internal {

static_assert(std::endian::native == std::endian::little, "binary files are read and written as little-endian");

/// The number stored at `offset`; the caller has checked that it lies within `bytes`.
template <class T>
T load(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// The same, stored most significant byte first.
template <class T>
T load_big_endian(std::string_view bytes, std::size_t offset) {
  char reversed[sizeof(T)] = {};
  std::reverse_copy(bytes.data() + offset, bytes.data() + offset + sizeof(T), reversed);
  T value;
  std::memcpy(&value, reversed, sizeof value);
  return value;
}

template <class T>
void append(std::string& bytes, T value) {
  char buffer[sizeof value];
  std::memcpy(buffer, &value, sizeof value);
  bytes.append(buffer, sizeof value);
}

/// The product of axis lengths read from a file, or nothing if one is negative or the product exceeds 2^48: more than
/// any file holds, and small enough that a multiplication by an element's size cannot overflow.
inline std::optional<std::uint64_t> checked_size(const std::vector<std::int64_t>& axes) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 48;
  std::uint64_t size = 1;
  bool is_empty = false;
  for (const std::int64_t axis : axes) {
    if (axis < 0 || static_cast<std::uint64_t>(axis) > kMost) return std::nullopt;
    if (axis == 0) is_empty = true;
    if (axis != 0 && size > kMost / static_cast<std::uint64_t>(axis)) return std::nullopt;
    if (axis != 0) size *= static_cast<std::uint64_t>(axis);
  }
  return is_empty ? 0 : size;
}

}  // namespace costate::internal
