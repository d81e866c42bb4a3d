#include "costate/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

void expect_row(const Error& error, ErrorKind kind, const ErrorInfo& row) {
  EXPECT_STREQ(error.what(), "[f] got 3.");
  EXPECT_EQ(error.kind(), kind);
  EXPECT_EQ(error.info().name, row.name);
  EXPECT_EQ(error.info().python_base, row.python_base);
  EXPECT_EQ(error.info().exit_code, row.exit_code);
  EXPECT_EQ(error.info().sentence.back(), '.') << row.name;
  EXPECT_EQ(error.info().cure.back(), '.') << row.name;
}

TEST(Error, EveryRowHasItsExceptionAndItsText) {
#define COSTATE_ERROR(Kind, sentence, cure, python, code) \
  expect_row(Kind("[f] got ", 3, "."), ErrorKind::k##Kind, {#Kind, sentence, cure, #python, code});
#include "costate/base/errors.def"
#undef COSTATE_ERROR
}

TEST(Error, CallersMistakesExitWithTwoAndFailedWorkWithOne) {
  EXPECT_EQ(error_info(ErrorKind::kInvalidArgument).exit_code, 2);
  EXPECT_EQ(error_info(ErrorKind::kSolveFailed).exit_code, 1);
  EXPECT_EQ(error_info(ErrorKind::kInternalError).exit_code, 1);
}

TEST(Error, AllAreCaughtAsError) {
  EXPECT_THROW(throw ShapeError("x"), Error);
  EXPECT_THROW(throw IoError("x"), std::runtime_error);
}

TEST(Check, PassesInSilence) { EXPECT_NO_THROW(COSTATE_CHECK(1 + 1 == 2)); }

TEST(Check, NamesPlaceConditionAndValues) {
  const int lanes = 3;
  EXPECT_ERROR(COSTATE_CHECK(lanes == 4, "lanes ", lanes), InternalError, "error_test.cpp:");
  EXPECT_ERROR(COSTATE_CHECK(lanes == 4, "lanes ", lanes), InternalError,
               "internal check 'lanes == 4' failed: lanes 3; this is a bug in Costate, please report it.");
}

}  // namespace
}  // namespace costate
