// A small thing to train: linear regression, by a compiled gradient.
#pragma once

#include <cmath>
#include <vector>

#include "costate/array/take_rows.h"
#include "costate/graph/trace.h"
#include "costate/train/loop.h"

namespace costate::test {

/// y = w · x + b on 40 samples of y = 2 x_0 - x_1 + 0.5.
struct Regression {
  Parameter w{"w", HostArray::vector({0.0, 0.0})}, b{"b", HostArray::vector({0.0})};
  HostArray x{Shape{40, 2}}, y{Shape{40, 1}};

  Regression() {
    for (std::int64_t i = 0; i < 40; ++i) {
      x.set({i, 0}, std::sin(static_cast<double>(i)));
      x.set({i, 1}, std::cos(2.0 * static_cast<double>(i)));
      y.set(i, 2 * x(i, 0) - x(i, 1) + 0.5);
    }
  }

  /// Of one sample.
  Function loss() const {
    return trace([this](Array in, Array seen) { return sum(square(sum(w * in) + b - seen)); },
                 {{"x", {2}}, {"y", {1}}});
  }

  Objective objective() const {
    const auto inputs = [this](const Batch& batch) -> std::vector<HostArray> {
      return {take_rows(x, batch.samples), take_rows(y, batch.samples)};
    };
    return {.parameters = {w, b}, .num_samples = 40, .evaluate = mean_loss(loss(), {w, b}, inputs)};
  }
};

}  // namespace costate::test
