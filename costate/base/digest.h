// A digest of bytes, by which damage is found and files are named: not against those who mean to deceive.
#pragma once

#include <cstdint>
#include <string_view>

namespace costate {

/// FNV-1a of 64 bits.
constexpr std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  return hash;
}

}  // namespace costate
