// The kernel of Adam's step against a plain loop.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/base/random.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

constexpr AdamUpdate kUpdate{.beta1 = 0.9, .beta2 = 0.999, .decay = 0.99, .rate = 0.02, .epsilon = 1e-8};

struct Elements {
  std::vector<double> gradient, first, second, x;

  explicit Elements(std::size_t count) {
    const Random random(5);
    for (std::size_t i = 0; i < count; ++i) {
      gradient.push_back(random.uniform(0, i, -1, 1));
      first.push_back(random.uniform(1, i, -1, 1));
      second.push_back(random.uniform(2, i, 0, 1));
      x.push_back(random.uniform(3, i, -1, 1));
    }
    gradient[0] = first[0] = second[0] = 0;  // a parameter that nothing depends on
  }

  void update(std::size_t begin, std::size_t count) {
    adam_update(kUpdate, &gradient[begin], &first[begin], &second[begin], &x[begin], count);
  }
};

TEST(Adam, AgreesWithAPlainLoop) {
  constexpr double kUlps = 4 * 2.3e-16;  // of numbers up to 1
  for (const std::size_t count : {1, 7, 8, 33}) {
    Elements plain(count), made(count);
    made.update(0, count);
    for (std::size_t i = 0; i < count; ++i) {
      const double g = plain.gradient[i];
      const double first = 0.9 * plain.first[i] + 0.1 * g, second = 0.999 * plain.second[i] + 0.001 * g * g;
      EXPECT_NEAR(made.first[i], first, kUlps);
      EXPECT_NEAR(made.second[i], second, kUlps);
      const double step = 0.02 * first / (std::sqrt(second) + 1e-8);
      EXPECT_NEAR(made.x[i], 0.99 * plain.x[i] - step, kUlps * std::max(1.0, std::abs(step)));
    }
  }
}

TEST(Adam, AnElementsBitsDoNotDependOnItsPlace) {
  constexpr std::size_t kCount = 33;
  Elements together(kCount), alone(kCount);
  together.update(0, kCount);
  for (std::size_t i = 0; i < kCount; ++i) alone.update(i, 1);
  EXPECT_EQ(together.first, alone.first);
  EXPECT_EQ(together.second, alone.second);
  EXPECT_EQ(together.x, alone.x);
}

}  // namespace
}  // namespace costate::internal
