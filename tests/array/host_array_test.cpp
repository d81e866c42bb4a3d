#include "costate/array/host_array.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/error.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

TEST(HostArray, StartsAsZerosOfItsDtype) {
  const HostArray array({2, 2}, Dtype::kF32);
  EXPECT_EQ(array.dtype(), Dtype::kF32);
  for (const float value : array.data<float>()) EXPECT_EQ(value, 0);
}

TEST(HostArray, DefaultHoldsNothing) { EXPECT_EQ(HostArray().size(), 0); }

TEST(HostArray, AListIsAVectorOfF64) {
  const HostArray times = HostArray::vector({0.0, 0.5, 1.0});
  EXPECT_EQ(times.shape(), Shape{3});
  EXPECT_EQ(times.dtype(), Dtype::kF64);
  EXPECT_EQ(times.at(1), 0.5);
}

TEST(HostArray, RowsOfOneLengthAreAMatrix) {
  const HostArray rows = HostArray::from_rows({{1, 2}, {3, 4}, {5, 6}}, 2);
  EXPECT_TRUE(rows.shape() == (Shape{3, 2}));
  EXPECT_EQ(rows.row(2), (std::vector<double>{5, 6}));
  EXPECT_TRUE(HostArray::from_rows({}, 2).shape() == (Shape{0, 2}));
  EXPECT_THROW(HostArray::from_rows({{1, 2}, {3}}, 2), ShapeError);
}

TEST(HostArray, CopiesAreIndependent) {
  HostArray array = HostArray::vector({1.0, 2.0});
  const HostArray copy = array;
  array.set(0, 9.0);
  EXPECT_EQ(copy.at(0), 1.0);
  EXPECT_EQ(array.at(0), 9.0);
}

TEST(HostArray, IsReadAndWrittenByAnIndexForEachAxis) {
  HostArray array = HostArray::linspace(0, 5, 6).reshape(Shape{2, 3});
  EXPECT_EQ(array(1, 2), 5);
  EXPECT_EQ(array(0, 1), 1);
  array.set({1, 0}, 7);
  EXPECT_EQ(array.row(1), (std::vector<double>{7, 4, 5}));
  EXPECT_EQ(array.astype(Dtype::kF32).numbers(), (std::vector<double>{0, 1, 2, 7, 4, 5}));
  EXPECT_ERROR(array(2, 0), ShapeError, "no element (2, 0) in shape [2, 3]");
  EXPECT_ERROR(array(-1, 0), ShapeError, "no element (-1, 0)");
  EXPECT_ERROR(array(1), ShapeError, "no element (1) in shape [2, 3]");
  EXPECT_ERROR(array.row(2), ShapeError, "no row 2 in shape [2, 3]");
}

TEST(HostArray, LinspaceEndsWhereItSays) {
  const HostArray ten = HostArray::linspace(0, 0.7, 11);
  EXPECT_EQ(ten.at(0), 0);
  EXPECT_EQ(ten.at(10), 0.7);
  EXPECT_NEAR(ten.at(5), 0.35, 1e-16);
  EXPECT_EQ(HostArray::linspace(3, 4, 1).numbers(), std::vector<double>{3});
  EXPECT_EQ(HostArray::linspace(3, 4, 0).size(), 0);
}

TEST(HostArray, TheCountMustFitTheShape) {
  EXPECT_ERROR(HostArray({2, 3}, std::vector<double>(5)), ShapeError, "shape [2, 3] needs 6 numbers; got 5.");
  EXPECT_ERROR(HostArray({2}, std::vector<float>(3)), ShapeError, "needs 2 numbers; got 3.");
}

TEST(HostArray, DataAsksForTheDtypeThatIsThere) {
  HostArray array({1}, Dtype::kF64);
  EXPECT_ERROR(array.data<float>(), DtypeError, "the array holds f64");
  array.data<double>()[0] = 2.5;
  EXPECT_EQ(array.at(0), 2.5);
}

TEST(HostArray, AstypeRoundsAndWidens) {
  const HostArray third = HostArray::vector({1.0 / 3});
  const HostArray rounded = third.astype(Dtype::kF32);
  EXPECT_EQ(rounded.data<float>()[0], 1.0f / 3);
  EXPECT_EQ(rounded.astype(Dtype::kF64).at(0), static_cast<double>(1.0f / 3));
  EXPECT_TRUE(third.astype(Dtype::kF64).same_bits(third));
}

TEST(HostArray, CopyToConverts) {
  const HostArray thirds = HostArray::vector({1.0 / 3, 2.0 / 3});
  std::vector<float> rounded(2);
  thirds.copy_to(std::span(rounded));
  EXPECT_EQ(rounded, (std::vector<float>{1.0F / 3, 2.0F / 3}));
  EXPECT_ERROR(thirds.copy_to(std::span(rounded).first(1)), ShapeError, "must hold 2 numbers; got 1.");
}

TEST(HostArray, ReshapeKeepsTheNumbersInOrder) {
  const HostArray matrix = HostArray::vector({1, 2, 3, 4, 5, 6}).reshape({2, 3});
  EXPECT_EQ(matrix.shape(), (Shape{2, 3}));
  EXPECT_EQ(matrix.at(3), 4);
  EXPECT_ERROR(matrix.reshape({4}), ShapeError, "the new shape must hold 6 numbers; got [4].");
}

TEST(HostArray, ElementsSlicesAndColumns) {
  const HostArray cube = HostArray::linspace(0, 11, 12).reshape({3, 2, 2});
  EXPECT_TRUE(cube[1].same_bits(HostArray::vector({4, 5, 6, 7}).reshape({2, 2})));
  EXPECT_TRUE(cube.slice(1, 3).same_bits(HostArray::linspace(4, 11, 8).reshape({2, 2, 2})));
  EXPECT_EQ(cube.slice(0, 3, 2).numbers(), (std::vector<double>{0, 1, 2, 3, 8, 9, 10, 11}));
  EXPECT_EQ(cube.slice(2, 2).shape(), (Shape{0, 2, 2}));
  EXPECT_EQ(cube[2].column(1), (std::vector<double>{9, 11}));
  EXPECT_EQ(cube.column(0), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(cube.astype(Dtype::kF32)[0].dtype(), Dtype::kF32);
  EXPECT_ERROR(cube[3], ShapeError, "no elements 3 to 4 in steps of 1 in shape [3, 2, 2]");
  EXPECT_ERROR(cube.slice(-1, 2), ShapeError, "no elements -1 to 2");
  EXPECT_ERROR(cube.slice(0, 2, 0), ShapeError, "in steps of 0");
  EXPECT_ERROR(cube.column(2), ShapeError, "no column 2 in shape [3, 2, 2]");
}

TEST(HostArray, EvenlySpacedCountsExactly) {
  EXPECT_EQ(HostArray::evenly_spaced(-1, 0.5, 4).numbers(), (std::vector<double>{-1, -0.5, 0, 0.5}));
  const HostArray whole = HostArray::evenly_spaced(0, 2, 100'000);
  for (std::int64_t i = 0; i < whole.size(); ++i) ASSERT_EQ(whole.at(i), static_cast<double>(2 * i));
}

TEST(HostArray, MeanIsOfAllNumbers) {
  EXPECT_EQ(HostArray::vector({1, 2, 6}).reshape({3, 1}).mean(), 3);
  EXPECT_TRUE(std::isnan(HostArray().mean()));
}

TEST(HostArray, SameBitsSeesDtypeShapeAndSigns) {
  const HostArray zero = HostArray::vector({0.0});
  EXPECT_TRUE(zero.same_bits(HostArray::vector({0.0})));
  EXPECT_FALSE(zero.same_bits(HostArray::vector({-0.0})));
  EXPECT_FALSE(zero.same_bits(zero.astype(Dtype::kF32)));
  EXPECT_FALSE(zero.same_bits(zero.reshape({1, 1})));
  EXPECT_TRUE(HostArray::vector({NAN}).same_bits(HostArray::vector({NAN})));
  EXPECT_TRUE(HostArray().same_bits(HostArray()));
}

}  // namespace
}  // namespace costate
