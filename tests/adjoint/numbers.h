// Lists of numbers, as the tests of gradients take derivatives by them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

using Numbers = std::vector<double>;

/// A batch of one sample.
inline HostArray row(Numbers values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return HostArray(Shape{1, size}, std::move(values));
}

/// A batch of samples of one number each.
inline HostArray column(Numbers values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return HostArray(Shape{size, 1}, std::move(values));
}

inline Numbers part(const Numbers& x, std::size_t first, std::size_t count) {
  return {x.begin() + static_cast<std::ptrdiff_t>(first), x.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

/// Fourth-order central differences with steps of h.
inline Numbers differences(const std::function<double(const Numbers&)>& f, const Numbers& x, double h) {
  Numbers gradient;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto at = [&](double step) {
      Numbers moved = x;
      moved[i] += step;
      return f(moved);
    };
    gradient.push_back((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h));
  }
  return gradient;
}

inline void expect_near(std::span<const double> value, std::span<const double> truth, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(value.size(), truth.size()) << what;
  for (std::size_t i = 0; i < value.size(); ++i)
    EXPECT_NEAR(value[i], truth[i], tolerance * (1 + std::abs(truth[i]))) << what << ", number " << i;
}

}  // namespace costate
