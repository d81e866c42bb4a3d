#include "costate/io/internal/shown.h"

#include <gtest/gtest.h>

namespace costate::internal {
namespace {

TEST(Shown, KeepsPlainTextAndEscapesTheRest) {
  EXPECT_EQ(shown("µ = 3 °C"), "µ = 3 °C");
  EXPECT_EQ(shown("a\nb\t\x1B[31m\x7F"), "a\\nb\\x09\\x1B[31m\\x7F");
  EXPECT_EQ(shown("\xB5"), "\\xB5");                    // Latin-1
  EXPECT_EQ(shown("\xC0\xAF"), "\\xC0\\xAF");           // overlong
  EXPECT_EQ(shown("\xED\xA0\x80"), "\\xED\\xA0\\x80");  // surrogate
  EXPECT_EQ(shown("\xE2\x82"), "\\xE2\\x82");           // cut short
}

TEST(Shown, IsCutWhereItWouldFillTheScreen) {
  EXPECT_EQ(shown(std::string(60, 'x')), std::string(60, 'x'));
  EXPECT_EQ(shown(std::string(100'000, 'x')), std::string(60, 'x') + "…");
}

TEST(Shown, ANameIsUtf8OnOneLine) {
  EXPECT_TRUE(is_name("hare"));
  EXPECT_TRUE(is_name("\xF0\x9F\x90\x87 µ, \"x\""));
  EXPECT_FALSE(is_name("a\nb"));
  EXPECT_FALSE(is_name("a\rb"));
  EXPECT_FALSE(is_name("\xB5m"));
  EXPECT_FALSE(is_name("\xF4\x90\x80\x80"));
}

}  // namespace
}  // namespace costate::internal
