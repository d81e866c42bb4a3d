// Damaged files: whatever the bytes, a reader answers with a value or a Costate error, never otherwise.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <string_view>

#include "costate/base/error.h"

namespace costate::test {

/// Fails unless `read` returns or throws an Error that is not our own bug.
inline void expect_value_or_typed_error(const std::function<void(std::string_view)>& read, const std::string& bytes,
                                        const std::string& what) {
  try {
    read(bytes);
  } catch (const InternalError& error) {
    ADD_FAILURE() << what << ": " << error.what();
  } catch (const Error&) {
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
}

/// Reads `bytes` cut short after every byte, and with every byte replaced in turn by a few values.
inline void expect_garbage_safe(const std::function<void(std::string_view)>& read, const std::string& bytes) {
  // An exact-size copy on the heap lets the address sanitizer see any read beyond the end.
  for (std::size_t length = 0; length < bytes.size(); ++length)
    expect_value_or_typed_error(read, bytes.substr(0, length), "cut to " + std::to_string(length) + " bytes");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const char mask : {'\x01', '\x10', '\x80', '\xFF'}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      expect_value_or_typed_error(read, damaged, "byte " + std::to_string(i) + " damaged");
    }
}

/// Reads random bytes, alone and in place of a part of `bytes`. The same ones in every run.
inline void expect_random_bytes_safe(const std::function<void(std::string_view)>& read, const std::string& bytes) {
  constexpr int kTrials = 3000;
  std::mt19937 random(1);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  for (int trial = 0; trial < kTrials; ++trial) {
    std::string noise(below(24), '\0');
    // Half of them from the text's own bytes, which pass more of a reader's checks.
    for (char& c : noise) c = trial % 2 == 0 ? static_cast<char>(below(256)) : bytes[below(bytes.size())];
    std::string damaged = trial % 8 == 0 ? "" : bytes;
    const std::size_t begin = below(damaged.size() + 1);
    damaged.replace(begin, below(8), noise);
    expect_value_or_typed_error(read, damaged, "random bytes, trial " + std::to_string(trial));
  }
}

/// Reads `bytes` cut short after every byte; each must be an error.
inline void expect_truncation_is_an_error(const std::function<void(std::string_view)>& read, const std::string& bytes) {
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(read(bytes.substr(0, length)), DataError) << "cut to " << length << " bytes";
}

}  // namespace costate::test
