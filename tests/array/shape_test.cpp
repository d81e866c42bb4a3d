#include "costate/array/shape.h"

#include <gtest/gtest.h>

#include "costate/base/error.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using Axes = std::vector<std::int64_t>;

TEST(Dtype, NamesGoBothWays) {
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) EXPECT_EQ(dtype_from_name(name(dtype)), dtype);
  EXPECT_EQ(dtype_from_name("float32"), Dtype::kF32);  // NumPy's spelling
  EXPECT_EQ(dtype_from_name("float64"), Dtype::kF64);
  EXPECT_ERROR(dtype_from_name("f65"), InvalidArgument, "unknown precision 'f65'; did you mean 'f64'?");
}

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape().size(), 1);
  EXPECT_EQ(Shape().rank(), 0);
  EXPECT_EQ((Shape{2, 3, 4}.size()), 24);
  EXPECT_EQ((Shape{2, 0, 4}.size()), 0);
}

TEST(Shape, AxesCountFromBothEnds) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape.normalize_axis(-3), 0);
  EXPECT_ERROR(shape.normalize_axis(std::int64_t{1} << 32), ShapeError, "got 4294967296.");
  EXPECT_ERROR(shape[3], ShapeError, "axis must lie in [-3, 3) for shape [2, 3, 4]; got 3.");
  EXPECT_ERROR(shape[-4], ShapeError, "got -4.");
}

TEST(Shape, StridesAreRowMajor) {
  EXPECT_EQ((Shape{2, 3, 4}.strides()), (Axes{12, 4, 1}));
  EXPECT_EQ(Shape().strides(), Axes{});
}

TEST(Shape, TakesAndDropsAFirstAxis) {
  EXPECT_EQ((Shape{2, 3}.without_first()), (Shape{3}));
  EXPECT_EQ((Shape{2, 3}.with_first(4)), (Shape{4, 2, 3}));
  EXPECT_EQ(Shape().with_first(4), (Shape{4}));
  EXPECT_ERROR(Shape().without_first(), ShapeError, "a scalar has no axes");
}

TEST(Shape, NegativeAxesAreRefused) {
  EXPECT_ERROR((Shape{2, -3}), ShapeError, "axis lengths must be 0 or more; got [2, -3].");
}

TEST(Shape, MoreNumbersThanCanBeCountedAreRefused) {
  const std::int64_t many = std::int64_t{1} << 40;
  EXPECT_ERROR((Shape{many, many}), ShapeError, "more numbers than can be counted");
  EXPECT_EQ((Shape{many, 0}).size(), 0);
}

TEST(Shape, Prints) {
  EXPECT_EQ(to_string(Shape{2, 3}), "[2, 3]");
  EXPECT_EQ(to_string(Shape()), "[]");
}

TEST(BroadcastShapes, FollowsNumPy) {
  EXPECT_EQ(broadcast_shapes({2, 3}, {3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({}, {4}), (Shape{4}));
  EXPECT_EQ(broadcast_shapes({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes({0}, {1}), (Shape{0}));
  EXPECT_ERROR(broadcast_shapes({2, 3}, {2}), ShapeError, "got [2, 3] and [2].");
}

}  // namespace
}  // namespace costate
