// Kernels that move numbers between lanes, or only of some lanes, against loops.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

template <class T>
std::vector<T> numbers(std::size_t count, T first) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = first + static_cast<T>(i);
  return values;
}

template <class T>
class Lanes : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Lanes, Types);

TYPED_TEST(Lanes, AreCopiedOneAfterTheOther) {
  for (const std::size_t rows : {1, 63, 64, 150})
    for (const std::size_t lanes : {1, 3, 16, 24}) {
      const std::vector<TypeParam> x = numbers<TypeParam>(rows * lanes, 1);
      std::vector<TypeParam> first(rows), last(rows);
      const std::vector<LaneCopy<TypeParam>> copies = {{lanes - 1, last.data()}, {0, first.data()}};
      copy_lanes<TypeParam>(x.data(), rows, lanes, copies);
      for (std::size_t row = 0; row < rows; ++row) {
        EXPECT_EQ(first[row], x[row * lanes]);
        EXPECT_EQ(last[row], x[row * lanes + lanes - 1]);
      }
    }
}

/// Lanes that the mask leaves out keep their numbers, a zero's sign among them, whatever stands beside them.
TYPED_TEST(Lanes, AreAddedAndMovedWhereTheMaskIsSet) {
  constexpr TypeParam kNan = std::numeric_limits<TypeParam>::quiet_NaN();
  const std::size_t rows = 5;
  for (const std::size_t lanes : {1, 2, 7, 16, 33}) {
    std::vector<TypeParam> mask(lanes), x = numbers<TypeParam>(rows * lanes, 1), y(rows * lanes, TypeParam{-0.0});
    for (std::size_t lane = 0; lane < lanes; ++lane) mask[lane] = lane % 3 == 0 ? 1 : 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (mask[i % lanes] == 0) x[i] = kNan;
    std::vector<TypeParam> moved = x, out(rows * lanes, 9);
    add_lanes(mask.data(), x.data(), y.data(), rows, lanes);
    move_lanes(mask.data(), moved.data(), out.data(), rows, lanes);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const bool is_set = mask[i % lanes] != 0;
      EXPECT_EQ(y[i], is_set ? x[i] : 0);
      EXPECT_EQ(std::signbit(y[i]), !is_set);
      EXPECT_EQ(out[i], is_set ? x[i] : 9);
      EXPECT_EQ(std::isnan(moved[i]), !is_set);
      if (is_set) {
        EXPECT_EQ(moved[i], 0);
      }
    }
  }
}

}  // namespace
}  // namespace costate::internal
