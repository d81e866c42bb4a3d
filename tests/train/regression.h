// A small thing to train: linear regression, by a compiled gradient.
#pragma once

#include <cmath>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/train/loop.h"

namespace costate::test {

/// y = w · x + b on 40 samples of y = 2 x_0 - x_1 + 0.5.
struct Regression {
  Parameter w{"w", HostArray::vector({0.0, 0.0})}, b{"b", HostArray::vector({0.0})};
  HostArray x{Shape{40, 2}}, y{Shape{40, 1}};
  Program program;

  Regression()
      : program(
            compile(value_and_grad(trace([this](Array in, Array seen) { return sum(square(sum(w * in) + b - seen)); },
                                         {{"x", {2}}, {"y", {1}}}),
                                   std::vector<Parameter>{w, b}))) {
    for (std::int64_t i = 0; i < 40; ++i) {
      x.set(2 * i, std::sin(static_cast<double>(i)));
      x.set(2 * i + 1, std::cos(2.0 * static_cast<double>(i)));
      y.set(i, 2 * x.at(2 * i) - x.at(2 * i + 1) + 0.5);
    }
  }

  Objective objective() {
    return {.parameters = {w, b}, .num_samples = 40, .evaluate = [this](std::span<const std::size_t> samples) {
              const auto count = static_cast<std::int64_t>(samples.size());
              HostArray xs(Shape{count, 2}), ys(Shape{count, 1});
              for (std::int64_t i = 0; i < count; ++i) {
                const auto from = static_cast<std::int64_t>(samples[static_cast<std::size_t>(i)]);
                for (std::int64_t k = 0; k < 2; ++k) xs.set(2 * i + k, x.at(2 * from + k));
                ys.set(i, y.at(from));
              }
              return mean_over_batch(program.run({xs, ys}));
            }};
  }
};

}  // namespace costate::test
