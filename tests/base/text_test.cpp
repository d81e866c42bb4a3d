#include "costate/base/text.h"

#include <gtest/gtest.h>

namespace costate::text {
namespace {

const std::vector<std::string> kMethods = {"euler", "rk4", "dopri5", "dopri8", "tsit5"};

TEST(Text, NumberHasAsManyDigitsAsAsked) {
  EXPECT_EQ(text::number(0.0123456), "0.01235");
  EXPECT_EQ(text::number(1234567.0, 2), "1.2e+06");
}

TEST(Text, ConcatJoinsAndTellsNumbersApart) {
  EXPECT_EQ(concat("rtol ", 1e-6, " of ", 3, " rows"), "rtol 1e-06 of 3 rows");
  EXPECT_NE(concat(1.00000001), concat(1.00000002));
  EXPECT_EQ(concat(), "");
}

TEST(Text, JoinPutsSeparatorsBetween) {
  EXPECT_EQ(join(std::vector<int>{}), "");
  EXPECT_EQ(join(std::vector<int>{4}), "4");
  EXPECT_EQ(join(std::vector<int>{4, 5, 6}), "4, 5, 6");
  EXPECT_EQ(join(kMethods, "|"), "euler|rk4|dopri5|dopri8|tsit5");
}

TEST(Text, NearestFindsTypingErrors) {
  EXPECT_EQ(nearest("dopri", kMethods), "dopri5");
  EXPECT_EQ(nearest("eluer", kMethods), "euler");
  EXPECT_EQ(nearest("rk5", kMethods), "rk4");
  EXPECT_EQ(nearest("tsit", kMethods), "tsit5");
}

TEST(Text, NearestIsEmptyWhereNothingIsNear) {
  EXPECT_EQ(nearest("backward_differentiation", kMethods), "");
  EXPECT_EQ(nearest("", std::vector<std::string>{"euler"}), "");
  EXPECT_EQ(nearest("euler", {}), "");
}

TEST(Text, UnknownNameListsTheChoices) {
  EXPECT_EQ(unknown_name("method", "dopri", kMethods),
            "unknown method 'dopri'; did you mean 'dopri5'? known: euler, rk4, dopri5, dopri8, tsit5.");
  EXPECT_EQ(unknown_name("precision", "quadruple", {"f32", "f64"}), "unknown precision 'quadruple'; known: f32, f64.");
  const std::string many = unknown_name("column", "time", std::vector<std::string>(1000, "x"));
  EXPECT_NE(many.find("x, x, … (1000 in all)."), std::string::npos) << many;
  EXPECT_LT(many.size(), 200U);
}

}  // namespace
}  // namespace costate::text
