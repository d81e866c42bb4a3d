#include "costate/base/text.h"

#include <gtest/gtest.h>

#include "costate/base/error.h"

namespace costate {
namespace {

TEST(UnknownName, NamesTheNearestAndAll) {
  EXPECT_EQ(text::unknown_name("method", "dopri", {"euler", "dopri5"}),
            "unknown method 'dopri'; did you mean 'dopri5'? known: euler, dopri5.");
  EXPECT_EQ(text::unknown_name("method", "xyzzy", {"euler"}), "unknown method 'xyzzy'; known: euler.");
}

TEST(Error, KnowsItsRowOfTheTable) {
  const ShapeError error("[f] got ", 3, ".");
  EXPECT_STREQ(error.what(), "[f] got 3.");
  EXPECT_EQ(error.info().name, "ShapeError");
  EXPECT_EQ(error.info().exit_code, 2);
  EXPECT_EQ(error.info().python_base, "ValueError");
}

TEST(Check, NamesThePlaceAndAsksForAReport) {
  try {
    COSTATE_CHECK(1 == 2, "because ", 7);
    FAIL() << "no exception";
  } catch (const InternalError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("text_test.cpp"), std::string::npos);
    EXPECT_NE(message.find("because 7"), std::string::npos);
    EXPECT_NE(message.find("report"), std::string::npos);
  }
}

}  // namespace
}  // namespace costate
