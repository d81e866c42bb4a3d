#include "costate/array/host_array.h"

#include <gtest/gtest.h>

#include <limits>

#include "costate/base/error.h"

namespace costate {
namespace {

TEST(Shape, SizeStridesAndAxes) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.size(), 24);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape.strides(), (std::vector<std::int64_t>{12, 4, 1}));
  EXPECT_EQ(to_string(shape), "[2, 3, 4]");
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_THROW(shape[3], ShapeError);
  EXPECT_THROW(Shape({-1}), ShapeError);
}

TEST(Shape, BroadcastsByNumPysRule) {
  EXPECT_EQ(broadcast_shapes({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes({}, {5}), (Shape{5}));
  EXPECT_THROW(broadcast_shapes({2}, {3}), ShapeError);
}

TEST(HostArray, HoldsAndConverts) {
  HostArray array({2, 2}, std::vector<double>{1, 2, 3, 4});
  array.set(3, 0.5);
  EXPECT_EQ(array.at(3), 0.5);
  EXPECT_EQ(array.astype(Dtype::kF32).data<float>()[3], 0.5f);
  EXPECT_THROW(array.data<float>(), DtypeError);
  EXPECT_EQ(array.reshape({4}).shape(), (Shape{4}));
  EXPECT_THROW(array.reshape({3}), ShapeError);
  EXPECT_THROW(HostArray({3}, std::vector<double>{1}), ShapeError);
}

TEST(HostArray, SameBitsTellsZerosApartAndNanEqual) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE((HostArray{nan, 1.0}).same_bits(HostArray{nan, 1.0}));
  EXPECT_FALSE(HostArray{0.0}.same_bits(HostArray{-0.0}));
  EXPECT_FALSE(HostArray{1.0}.same_bits(HostArray{1.0}.astype(Dtype::kF32)));
}

TEST(Dtype, NamesAreReadBack) {
  EXPECT_EQ(dtype_from_name("f32"), Dtype::kF32);
  EXPECT_THROW(dtype_from_name("f16"), InvalidArgument);
}

}  // namespace
}  // namespace costate
