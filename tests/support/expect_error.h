// Expecting an error by its message.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "costate/base/error.h"

namespace costate::test {

/// The message of the Expected error that `action` throws; fails and gives "" if it throws none.
template <class Expected>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Expected& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another error: " << error.what();
    return "";
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace costate::test

/// Expects `statement` to throw `Expected` with `part` in its message.
#define EXPECT_ERROR(statement, Expected, part)                                                          \
  do {                                                                                                   \
    const std::string message_ = ::costate::test::message_of<Expected>([&] { statement; });              \
    EXPECT_NE(message_.find(part), std::string::npos) << "message: " << message_ << "\nlacks: " << part; \
  } while (false)
