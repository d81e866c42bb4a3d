// A field of convolutions, with the time as a channel that is never copied: gradients through a solve against
// differences and against each other, bits, and what of the field is computed outside of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/exec/program.h"
#include "costate/graph/convolution.h"
#include "costate/solve/internal/hoist.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

HostArray numbers(const Shape& shape, double size, double phase) {
  HostArray value(shape);
  for (std::int64_t i = 0; i < value.size(); ++i) value.set(i, size * std::sin(phase + 2.7 * static_cast<double>(i)));
  return value;
}

/// Two convolutions of the image and of the time.
struct Net {
  Parameter w1{"w1", numbers({9, 3, 3, 3}, 0.3, 1)}, t1{"t1", numbers({9, 1, 3, 3}, 0.3, 2)},
      b1{"b1", numbers({9, 1, 1}, 0.3, 3)}, w2{"w2", numbers({3, 9, 3, 3}, 0.3, 4)},
      t2{"t2", numbers({3, 1, 3, 3}, 0.3, 5)};

  std::vector<Parameter> parameters() const { return {w1, t1, b1, w2, t2}; }

  VectorField field() const {
    return vector_field({3, 4, 4}, [this](Array t, Array z) {
      const ConvOptions same{.padding = {1, 1}};
      const Array ones_channel = ones({1, 4, 4});
      const Array hidden = tanh(conv2d(z, w1, same) + t * conv2d(ones_channel, t1, same) + b1);
      return conv2d(hidden, w2, same) + t * conv2d(ones_channel, t2, same);
    });
  }

  Function loss(const SolveOptions& options) const {
    const VectorField f = field();
    return trace(
        [&](Array z0) {
          const Array states = solve(f, z0, constant(HostArray::vector({0, 0.4, 1})), options);
          return sum(states * constant(numbers({3, 48}, 1, 0.5)));
        },
        {{"z0", {3, 4, 4}}});
  }
};

HostArray batch(std::int64_t size) { return numbers({size, 3, 4, 4}, 0.8, 0.1); }

/// Loss, gradients by z0 and by each Parameter, all summed over the batch, times a direction: [1 + 1 + parameters].
std::vector<double> slopes(const std::vector<HostArray>& outputs, const std::vector<HostArray>& directions) {
  std::vector<double> result;
  for (std::size_t i = 0; i < directions.size(); ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < directions[i].size(); ++k) sum += directions[i].at(k) * outputs[i + 1].at(k);
    result.push_back(sum);
  }
  return result;
}

double total(const HostArray& losses) {
  double sum = 0;
  for (std::int64_t i = 0; i < losses.size(); ++i) sum += losses.at(i);
  return sum;
}

HostArray moved(const HostArray& x, const HostArray& direction, double step) {
  HostArray result = x;
  for (std::int64_t i = 0; i < x.size(); ++i) result.set(i, x.at(i) + step * direction.at(i));
  return result;
}

std::vector<HostArray> directions(const Net& net, std::int64_t size) {
  std::vector<HostArray> all = {numbers({size, 3, 4, 4}, 1, 7)};
  for (const Parameter& parameter : net.parameters())
    all.push_back(numbers(parameter.shape(), 1, 8 + static_cast<double>(all.size())));
  return all;
}

std::vector<HostArray> gradients(const Net& net, const SolveOptions& options, std::int64_t size,
                                 const CompileOptions& compiled = {}) {
  const Function loss = net.loss(options);
  // Inputs: z0, then Parameters in the order of their first use in the field.
  std::vector<HostArray> outputs =
      compile(value_and_grad(loss, std::vector<std::size_t>{0}), compiled).run({batch(size)}).outputs;
  const std::vector<HostArray> by_parameter =
      compile(value_and_grad(loss, net.parameters()), compiled).run({batch(size)}).outputs;
  outputs.insert(outputs.end(), by_parameter.begin() + 1, by_parameter.end());
  return outputs;
}

TEST(ConvolutionField, FixedStepsEqualDifferencesOfTheSolution) {
  const SolveOptions options{.method = Method::kRk4, .steps_per_interval = 3};
  for (const std::int64_t size : {1, 5}) {
    const Net net;
    const std::vector<HostArray> all = directions(net, size);
    const std::vector<double> found = slopes(gradients(net, options, size), all);
    const Program program = compile(net.loss(options));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const HostArray start = i == 0 ? batch(size) : net.parameters()[i - 1].value();
      const auto at = [&](double step) {
        const HostArray x = moved(start, all[i], step);
        if (i > 0) net.parameters()[i - 1].set_value(x);
        return total(program.run({i == 0 ? x : batch(size)}).outputs[0]);
      };
      const double h = 2e-4, truth = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      if (i > 0) net.parameters()[i - 1].set_value(start);
      EXPECT_NEAR(found[i], truth, 1e-8 * (1 + std::abs(truth))) << "batch " << size << ", slope " << i;
    }
  }
}

TEST(ConvolutionField, BothAdjointsAgreeAtTightTolerances) {
  const Net net;
  const auto by = [&](Adjoint adjoint) {
    return slopes(gradients(net, {.rtol = 1e-10, .atol = 1e-10, .adjoint = adjoint}, 9), directions(net, 9));
  };
  const std::vector<double> discrete = by(Adjoint::kDiscrete), backsolve = by(Adjoint::kBacksolve);
  for (std::size_t i = 0; i < discrete.size(); ++i)
    EXPECT_NEAR(discrete[i], backsolve[i], 1e-7 * (1 + std::abs(discrete[i]))) << i;
}

/// Of a sample: not of the number of lanes; and of a sum: not of what a solve keeps.
TEST(ConvolutionField, BitsDoNotDependOnLanesOrMemory) {
  const Net net;
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const SolveOptions options{.rtol = 1e-3, .atol = 1e-3};
    const std::vector<HostArray> one = gradients(net, options, 21, {.dtype = dtype, .lanes = 1});
    for (const std::size_t lanes : {0, 5, 8, 16, 24, 32}) {
      const std::vector<HostArray> some = gradients(net, options, 21, {.dtype = dtype, .lanes = lanes});
      EXPECT_TRUE(some[0].same_bits(one[0])) << lanes;
      EXPECT_TRUE(some[1].same_bits(one[1])) << lanes;
      for (std::size_t i = 2; i < one.size(); ++i)
        for (std::int64_t k = 0; k < one[i].size(); ++k)
          EXPECT_NEAR(some[i].at(k), one[i].at(k), dtype == Dtype::kF32 ? 1e-3 : 1e-11) << i << " " << lanes;
    }
    const std::vector<HostArray> kept = gradients(net, options, 21, {.dtype = dtype});
    SolveOptions little = options;
    little.memory_budget = 1 << 16;
    const std::vector<HostArray> replayed = gradients(net, little, 21, {.dtype = dtype});
    for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_TRUE(kept[i].same_bits(replayed[i])) << i;
  }
}

/// Steps that are not fit to be differentiated are found by the guard's own jvp and vjp of the field.
TEST(ConvolutionField, StepsWithAndWithoutGradientsAgreeUnderTheGuard) {
  const Net net;
  const SolveOptions options{.rtol = 1e-2, .atol = 1e-2, .gradient_steps = GradientSteps::kOn};
  const HostArray alone = compile(net.loss(options)).run({batch(9)}).outputs[0];
  EXPECT_TRUE(gradients(net, options, 9)[0].same_bits(alone));
}

std::size_t count(const Function& function, Op op) {
  return static_cast<std::size_t>(std::ranges::count(function.nodes(), op, &Node::op));
}

TEST(ConvolutionField, WhatTheTimeChannelMakesIsComputedOnce) {
  const auto hoisted = internal::hoist_shared(Net().field());
  ASSERT_TRUE(hoisted.has_value());
  EXPECT_EQ(count(Net().field().function(), Op::kConv2d), 4u);
  EXPECT_EQ(count(hoisted->field.function(), Op::kConv2d), 2u);
}

TEST(ConvolutionField, TilesKnowTheImagesWithinASolve) {
  EXPECT_EQ(internal::largest_image(Net().loss({})), 9u * 4 * 4);
}

}  // namespace
}  // namespace costate
