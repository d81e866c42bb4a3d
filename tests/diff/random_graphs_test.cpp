// Random programs (RapidCheck, which prints the seed and shrinks what fails): executor against interpreter, simplified
// against plain, and <v, J w> = <J^T v, w>.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/print.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"
#include "costate/graph/verify.h"
#include "tests/support/check_function.h"

namespace costate {
namespace {

using Codes = std::vector<std::uint32_t>;

/// Arrays of one shape made so far; new ones read any of them.
struct Pool {
  std::vector<Array> vectors, matrices;  // [3] and [3, 3]

  const Array& vector(std::uint32_t code) const { return vectors[code % vectors.size()]; }
  const Array& matrix(std::uint32_t code) const { return matrices[code % matrices.size()]; }
};

/// One more array, chosen by the code. All are smooth and stay within a few units.
void grow(Pool& pool, std::uint32_t code) {
  const std::uint32_t a = code / 20, b = code / 20 / 7;
  const Array &x = pool.vector(a), &y = pool.vector(b), &m = pool.matrix(a), &n = pool.matrix(b);
  switch (code % 20) {
    case 0:
      return pool.vectors.push_back(sin(x));
    case 1:
      return pool.vectors.push_back(tanh(x + y));
    case 2:
      return pool.vectors.push_back(sigmoid(x) * y);
    case 3:
      return pool.vectors.push_back(x / (1.5 + y * y));
    case 4:
      return pool.vectors.push_back(tanh(matmul(m, x)));
    case 5:
      return pool.vectors.push_back(tanh(matmul(x, m)));
    case 6:
      return pool.vectors.push_back(sum(sin(m), {0}));
    case 7:
      return pool.vectors.push_back(mean(m, {1}));
    case 8:
      return pool.vectors.push_back(concat({y.slice(2, 3), x.slice(0, 2)}));
    case 9:
      return pool.vectors.push_back(gather(m, {8, 0, 4}, {3}));
    case 10:
      return pool.vectors.push_back(log1p(x * x) - sqrt(1.0 + y * y));
    case 11:
      return pool.vectors.push_back(exp(-square(x)) + cos(sum(y)));
    case 12:
      return pool.vectors.push_back(where(x > y, x * y, softplus(y)));
    case 13:
      return pool.matrices.push_back(sin(outer(x, y)));
    case 14:
      return pool.matrices.push_back(tanh(matmul(m, n)));
    case 15:
      return pool.matrices.push_back(transpose(m) + x);
    case 16:
      return pool.matrices.push_back(stack({x, y, x - y}));
    case 17:
      return pool.matrices.push_back(reshape(concat({reshape(m, {9}), x}).slice(3, 12), {3, 3}));
    case 18:
      return pool.matrices.push_back(broadcast_to(x, {3, 3}) * 0.3 + erf(n));
    default:
      return pool.matrices.push_back(atan2(m, 2.0 + square(n)));
  }
}

Function program_of(const Codes& codes) {
  HostArray weights(Shape{3, 3});
  for (std::int64_t i = 0; i < 9; ++i) weights.set(i, 0.5 * std::cos(2.0 * static_cast<double>(i)));
  const Parameter w("w", weights);
  return trace(
      [&](Array x, Array m) {
        Pool pool{{x}, {m, Array(w)}};
        for (const std::uint32_t code : codes) grow(pool, code);
        return std::vector<Array>{pool.vectors.back(), sum(pool.matrices.back(), {0})};
      },
      {{"x", {3}}, {"m", {3, 3}}});
}

double largest_difference(const std::vector<HostArray>& left, const std::vector<HostArray>& right) {
  double worst = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    for (std::int64_t k = 0; k < left[i].size(); ++k) {
      const double scale = 1 + std::abs(right[i].at(k));
      const double difference = std::abs(left[i].at(k) - right[i].at(k)) / scale;
      worst = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(worst, difference);
    }
  return worst;
}

double dot(const std::vector<HostArray>& left, const std::vector<HostArray>& right) {
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    for (std::int64_t k = 0; k < left[i].size(); ++k) sum += left[i].at(k) * right[i].at(k);
  return sum;
}

std::vector<HostArray> tail(const std::vector<HostArray>& all, std::size_t first) {
  return {all.begin() + static_cast<std::ptrdiff_t>(first), all.end()};
}

constexpr double kRoundingOfGraphs =
    1e-11;  // programs of up to some dozens of operations, conditioned by at most a few hundred

RC_GTEST_PROP(RandomGraphs, ExecuteAsInterpretedAndSimplified, (const Codes& codes)) {
  const Function f = program_of(codes);
  verify(f);
  const std::vector<HostArray> inputs = testing::draw_inputs(f, 5, -1, 1, 3);
  const std::vector<HostArray> expected = testing::interpret_batch(f, inputs);
  RC_ASSERT(largest_difference(compile(f).run(inputs).outputs, expected) < kRoundingOfGraphs);
  RC_ASSERT(largest_difference(compile(f, {.lanes = 1}).run(inputs).outputs, expected) < kRoundingOfGraphs);
  const Function simple = simplify(f);
  verify(simple);
  RC_ASSERT(largest_difference(testing::interpret_batch(simple, inputs), expected) < kRoundingOfGraphs);
}

RC_GTEST_PROP(RandomGraphs, ForwardAndReverseDerivativesAgree, (const Codes& codes)) {
  const Function f = program_of(codes);
  const std::vector<std::size_t> wrt = {0, 1};  // x and m
  const Function forward = jvp(f, wrt), reverse = vjp(f, wrt);
  verify(forward);
  verify(reverse);
  const std::vector<HostArray> inputs = testing::draw_inputs(f, 1, -1, 1, 3);
  const std::vector<HostArray> w = testing::draw_inputs(f, 1, -1, 1, 4);
  std::vector<HostArray> v;
  for (int i = 0; i < 2; ++i) v.push_back(HostArray(Shape{1, 3}, std::vector<double>{0.3 + i, -0.8, 0.5 * i}));
  std::vector<HostArray> with_w = inputs, with_v = inputs;
  with_w.insert(with_w.end(), w.begin(), w.end());
  with_v.insert(with_v.end(), v.begin(), v.end());
  const double forward_sum = dot(tail(compile(forward).run(with_w).outputs, 2), v);
  const double reverse_sum = dot(tail(compile(reverse).run(with_v).outputs, 2), w);
  RC_ASSERT(std::abs(forward_sum - reverse_sum) < 1e-10 * (1 + std::abs(forward_sum)));
}

}  // namespace
}  // namespace costate
