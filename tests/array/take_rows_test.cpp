#include "costate/array/take_rows.h"

#include <gtest/gtest.h>

#include "../support/expect_error.h"

namespace costate {
namespace {

TEST(TakeRows, GivesRowsInTheOrderAskedForInTheArraysDtype) {
  const HostArray array(Shape{3, 2}, std::vector<float>{0, 1, 10, 11, 20, 21});
  const std::vector<std::size_t> rows = {2, 0, 2};
  const HostArray taken = take_rows(array, rows);
  EXPECT_TRUE(taken.same_bits(HostArray(Shape{3, 2}, std::vector<float>{20, 21, 0, 1, 20, 21})));
}

TEST(TakeRows, WorksForVectorsAndForNoRows) {
  const std::vector<std::size_t> rows = {1};
  EXPECT_TRUE(take_rows(HostArray::vector({4, 5}), rows).same_bits(HostArray::vector({5})));
  EXPECT_EQ(take_rows(HostArray(Shape{2, 3}), {}).shape(), (Shape{0, 3}));
}

TEST(TakeRows, RefusesScalarsAndRowsThatAreNotThere) {
  const std::vector<std::size_t> rows = {2};
  EXPECT_ERROR(take_rows(HostArray(Shape{}), rows), ShapeError, "at least one axis");
  EXPECT_ERROR(take_rows(HostArray(Shape{2, 3}), rows), InvalidArgument, "rows must be below 2");
}

}  // namespace
}  // namespace costate
