// Plain and residual nets: what they compute, and what depth does to their gradients.
#include "costate/models/deep_net.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

HostArray output(const DeepNet& net, const HostArray& x) {
  return compile(trace([&](Array in) { return net(in); }, {{"x", {x.shape()[1]}}})).run({x}).outputs[0];
}

HostArray some_input() { return HostArray(Shape{1, 3}, std::vector<double>{0.5, -1, 2}); }

TEST(DeepNet, WithoutBranchesIsItsEnds) {
  const DeepNet deep({.inputs = 3, .width = 8, .depth = 20, .outputs = 2, .seed = 4}),
      none({.inputs = 3, .width = 8, .depth = 0, .outputs = 2, .seed = 4});
  for (const Parameter& parameter : deep.parameters())
    if (parameter.name().starts_with("layer")) parameter.set_value(HostArray(parameter.value().shape()));
  const HostArray found = output(deep, some_input()), expected = output(none, some_input());
  for (std::int64_t i = 0; i < 2; ++i) EXPECT_DOUBLE_EQ(found.at(i), expected.at(i));
}

TEST(DeepNet, IdentityPassesWherePlainLayersAreZero) {
  for (const Skip skip : {Skip::kNone, Skip::kIdentity}) {
    const DeepNet net({.inputs = 3, .width = 8, .depth = 1, .outputs = 2, .skip = skip, .seed = 4});
    for (const Parameter& parameter : net.parameters())
      if (parameter.name().starts_with("layer")) parameter.set_value(HostArray(parameter.value().shape()));
    EXPECT_EQ(output(net, some_input()).at(0) == 0, skip == Skip::kNone);  // the last bias starts at 0
  }
}

/// The norm of the gradient of a sum of squares with respect to the first hidden layer's weights.
double first_gradient(Skip skip, std::int64_t depth) {
  const DeepNet net({.inputs = 3, .depth = depth, .outputs = 2, .skip = skip, .seed = 1});
  const Function loss = trace([&](Array x) { return sum(square(net(x))); }, {{"x", {3}}});
  const HostArray gradient =
      compile(value_and_grad(loss, std::vector<Parameter>{net.parameters()[2]})).run({some_input()}).outputs[1];
  double squares = 0;
  for (std::int64_t i = 0; i < gradient.size(); ++i) squares += gradient.at(i) * gradient.at(i);
  return std::sqrt(squares);
}

TEST(DeepNet, ResidualGradientsReachTheFirstLayer) {
  EXPECT_GT(first_gradient(Skip::kIdentity, 64), 1e3 * first_gradient(Skip::kNone, 64));
}

TEST(DeepNet, RefusesNegativeDepth) {
  EXPECT_ERROR(DeepNet({.inputs = 3, .depth = -1, .outputs = 2}), InvalidArgument,
               "depth must not be negative; got -1");
}

}  // namespace
}  // namespace costate
