// Large elementwise chains, which run a strip at a time, against the interpreter and against the same numbers in pieces
// that are too small to be cut.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/array.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"

namespace costate {
namespace {

constexpr std::int64_t kMany = 9000;

HostArray waves(std::int64_t batch, std::int64_t numbers) {
  HostArray x(Shape{batch, numbers});
  for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, std::sin(0.37 * static_cast<double>(i)));
  return x;
}

/// Rows, numbers of all, and branches.
Array chain(const Array& x) {
  const Array scale = constant(HostArray::linspace(1, 2, x.shape().size()));
  const Array a = x * scale + exp(x[3]), b = where(x < 0.25, a, square(a)) - 0.5 * x;
  return a * b - sin(b);
}

/// Differences of second order on a ring, with a slope.
Array stencil(const Array& u) {
  const std::int64_t size = u.shape().size();
  const Array wide = concat({u.slice(size - 1, size), u, u.slice(0, 1)});
  const Array left = wide.slice(0, size), right = wide.slice(2, size + 2);
  return left + right - 2.0 * u - u * (right - left);
}

TEST(Strips, GiveTheNumbersOfTheInterpreter) {
  for (const auto& f : {chain, stencil}) {
    const Function function = trace([&](Array x) { return f(x); }, {{"x", {kMany}}});
    testing::check_execution(function, {waves(3, kMany)}, 1e-14);
    testing::check_execution(vjp(function), {waves(3, kMany), waves(3, kMany)}, 1e-13);
  }
}

TEST(Strips, ChangeNoBit) {
  constexpr std::int64_t kPieces = 9, kFew = kMany / kPieces;
  const auto smooth = [](Array x) { return tanh(x) * exp(x) - x / (2.0 + cos(x)); };
  const Program whole = compile(trace(smooth, {{"x", {kMany}}})),
                piece = compile(trace(smooth, {{"x", {kFew}}}), {.lanes = 1});  // with more, a tile would be cut
  const HostArray x = waves(1, kMany);
  const HostArray together = whole.run({x}).outputs[0], apart = piece.run({x.reshape({kPieces, kFew})}).outputs[0];
  EXPECT_TRUE(together.reshape({kPieces, kFew}).same_bits(apart));
}

}  // namespace
}  // namespace costate
