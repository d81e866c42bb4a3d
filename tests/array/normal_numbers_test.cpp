#include "costate/array/normal_numbers.h"

#include <gtest/gtest.h>

namespace costate {
namespace {

TEST(NormalNumbers, DependOnSeedStreamAndPlaceAlone) {
  const HostArray few = normal_numbers({3, 2}, Random(7), 4), many = normal_numbers({5, 2}, Random(7), 4);
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(few.at(i), Random(7).normal(4, static_cast<std::uint64_t>(i)));
    EXPECT_EQ(few.at(i), many.at(i));
  }
  EXPECT_FALSE(few.same_bits(normal_numbers({3, 2}, Random(7), 5)));
  EXPECT_FALSE(few.same_bits(normal_numbers({3, 2}, Random(8), 4)));
}

}  // namespace
}  // namespace costate
