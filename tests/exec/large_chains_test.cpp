// Large elementwise chains, which run a strip at a time, against the interpreter and against the same numbers in pieces
// that are too small to be cut.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/array.h"
#include "costate/graph/pooling.h"
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

/// What each of many steps reads lies before and behind what the one before has made, far and near; parts of it are
/// read later, too.
Array neighbours(const Array& u) {
  const std::int64_t size = u.shape().size();
  Array x = u;
  for (const std::int64_t shift : {1, 3, 64, 700}) {
    const std::int64_t inner = x.shape().size() - 2 * shift;
    const Array low = x.slice(0, inner), middle = x.slice(shift, shift + inner),
                high = x.slice(2 * shift, inner + 2 * shift);
    x = 0.5 * (high - low) * middle - tanh(low) * high;
  }
  return pad(x, {{3, size - 3 - x.shape().size()}}) + u;
}

/// Rows with zeros around them, differences across and along, and the rows again.
Array grid(const Array& u) {
  constexpr std::int64_t kRows = 90, kColumns = kMany / kRows, kPitch = kColumns + 3;
  const Array wide = reshape(pad(reshape(u, {kRows, kColumns}), {{2, 2}, {1, 2}}), {(kRows + 4) * kPitch});
  const std::int64_t size = (kRows - 1) * kPitch + kColumns, first = 2 * kPitch + 1;
  const auto at = [&](std::int64_t shift) { return wide.slice(first + shift, first + shift + size); };
  const Array rate = at(1) * at(-1) - (at(kPitch) + at(-kPitch)) + (at(2 * kPitch) - at(-2 * kPitch)) - 3.0 * at(0);
  std::vector<std::int64_t> points;
  for (std::int64_t i = 0; i < kMany; ++i) points.push_back(i / kColumns * kPitch + i % kColumns);
  return gather(rate * exp(at(0)), points, {kMany});
}

/// A tree of 32 operands, each half of which waits for the other: more than registers hold at a time.
Array tree(const Array& u, std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kOperands = 32;
  if (last - first == 1) return u.slice(first, u.shape().size() - kOperands + first);
  const std::int64_t middle = (first + last) / 2;
  const Array left = tree(u, first, middle), right = tree(u, middle, last);
  return middle % 3 == 0 ? left * right : middle % 3 == 1 ? left - right : right - 0.5 * left;
}

Array wide_tree(const Array& u) { return pad(tree(u, 0, 32), {{16, 16}}); }

TEST(Strips, GiveTheNumbersOfTheInterpreter) {
  for (const auto& f : {chain, stencil, neighbours, grid, wide_tree}) {
    const Function function = trace([&](Array x) { return f(x); }, {{"x", {kMany}}});
    testing::check_execution(function, {waves(3, kMany)}, 1e-14);
    testing::check_execution(vjp(function), {waves(3, kMany), waves(3, kMany)}, 1e-13);
  }
}

TEST(Strips, OfManyLanesHaveTheBitsOfOne) {
  for (const auto& f : {chain, stencil, neighbours, grid, wide_tree}) {
    const Function cotangent = vjp(trace([&](Array x) { return f(x); }, {{"x", {kMany}}}));
    const std::vector<HostArray> inputs = {waves(8, kMany), waves(8, kMany)};
    const RunResult alone = compile(cotangent, {.lanes = 1}).run(inputs),
                    together = compile(cotangent, {.lanes = 8}).run(inputs);
    for (std::size_t i = 0; i < alone.outputs.size(); ++i)
      EXPECT_TRUE(alone.outputs[i].same_bits(together.outputs[i])) << i;
  }
}

TEST(Strips, KeepTheSignsOfZeros) {
  // 0 + (-0) is 0 and -0 + (-0) is not, wherever the zeros of a scatter come from.
  const auto run = [&](std::int64_t numbers) {
    const std::int64_t count = numbers - 2;
    const Function of = vjp(trace(
        [&](Array x) {
          return x.slice(0, count) - x.slice(1, count + 1) + (x.slice(2, count + 2) - x.slice(1, count + 1));
        },
        {{"x", {numbers}}}));
    HostArray zeros(Shape{1, count});
    for (std::int64_t i = 0; i < count; ++i) zeros.set(i, -0.0);
    return compile(of, {.lanes = 1}).run({waves(1, numbers), zeros}).outputs.back();
  };
  const HostArray many = run(kMany), few = run(100);
  for (std::int64_t i = 0; i < 50; ++i) EXPECT_EQ(std::signbit(many.at(i)), std::signbit(few.at(i))) << i;
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
