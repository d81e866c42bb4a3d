// Classes of images as unit vectors, and what is counted of them.
#include "experiments/images.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace costate::experiments {
namespace {

TEST(OneHot, MakesUnitVectorsOfClasses) {
  EXPECT_TRUE(
      one_hot(HostArray::vector({2, 0}), 3).same_bits(HostArray(Shape{2, 3}, std::vector<double>{0, 0, 1, 1, 0, 0})));
  EXPECT_ERROR(one_hot(HostArray::vector({0, 3}), 3), DataError, "from 0 to 2; number 1 is 3");
  EXPECT_ERROR(one_hot(HostArray::vector({0.5}), 3), DataError, "number 0 is 0.5");
}

TEST(Misclassified, CountsRowsWhoseLargestLogitIsOfAnotherClass) {
  const HostArray classes(Shape{3, 2}, std::vector<double>{1, 0, 0, 1, 0, 1});
  EXPECT_EQ(num_misclassified(HostArray(Shape{3, 2}, std::vector<double>{3, 2, 5, 1, -3, -1}), classes), 1);
  EXPECT_ERROR(num_misclassified(HostArray(Shape{2, 2}), classes), ShapeError, "got [2, 2] and [3, 2]");
}

}  // namespace
}  // namespace costate::experiments
