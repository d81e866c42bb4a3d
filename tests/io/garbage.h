// Damaged files: whatever the bytes, a reader answers with a value or a Costate error, never otherwise.
#pragma once

#include <gtest/gtest.h>

#include <functional>
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

/// Reads `bytes` cut short after every byte; each must be an error.
inline void expect_truncation_is_an_error(const std::function<void(std::string_view)>& read, const std::string& bytes) {
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(read(bytes.substr(0, length)), DataError) << "cut to " << length << " bytes";
}

}  // namespace costate::test
