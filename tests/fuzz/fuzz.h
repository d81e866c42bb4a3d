// What every fuzz target checks: whatever the bytes, a reader answers with a value or a Costate error that is not our
// own bug. All else ends the process, which is what libFuzzer looks for.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "costate/base/error.h"

namespace costate::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Calls `read`; false if it threw an Error that is not our own bug. Anything else that it throws ends the process.
template <class Read>
bool reads(Read read) {
  try {
    read();
    return true;
  } catch (const InternalError&) {
    throw;
  } catch (const Error&) {
    return false;
  }
}

/// Ends the process with the sentence unless `is_true`.
inline void require(bool is_true, const char* sentence) {
  if (is_true) return;
  std::fprintf(stderr, "fuzz: expected that %s\n", sentence);
  std::abort();
}

}  // namespace costate::fuzz
