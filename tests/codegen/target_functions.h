// Functions of all operations that targets of generated source have in common, for the tests of each.
#pragma once

#include <functional>
#include <source_location>
#include <span>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/pooling.h"
#include "costate/graph/trace.h"

namespace costate::test {

/// All elementwise operations that `takes` takes, each of operands in its own domain, given numbers from (0, 1).
inline Function elementwise_operations(const std::function<bool(const OpInfo&)>& takes) {
  return trace(
      [&](Array u) {
        std::vector<Array> results;
        for (std::size_t i = 0; i < kNumOps; ++i) {
          const OpInfo& op = kOpTable[i];
          if (!is_elementwise(static_cast<Op>(i)) || !takes(op)) continue;
          std::vector<Array> operands;
          for (int k = 0; k < op.arity; ++k)
            operands.push_back(u.slice(5 * k, 5 * k + 5) * (op.test_high - op.test_low) + op.test_low);
          results.push_back(internal::append_op(static_cast<Op>(i), operands, std::source_location::current()));
        }
        return results;
      },
      {{"u", {15}}});
}

/// Products, parts, sums and extremes of a [3, 3], b [3, 2] and v [3].
inline Function structure_operations() {
  return trace(
      [](Array a, Array b, Array v) {
        const Array product = matmul(a, b), turned = transpose(a);
        return std::vector<Array>{product,
                                  matmul(turned, v),
                                  outer(v, v),
                                  matmul(constant(HostArray(Shape{2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6})), b),
                                  concat({a.slice(1, 3), turned.slice(0, 2), ones({1, 3})}),
                                  sum(product, {0}),
                                  sum(product, {1}),
                                  reduce_max(a, {0}),
                                  reduce_min(a, {0, 1}),
                                  sum(a * reshape(v, {3, 1})),
                                  v[2] * v + v[0] - v,
                                  broadcast_to(v[1], {4}),
                                  where(v < 0.0, v * 2.0, -v)};
      },
      {{"a", {3, 3}}, {"b", {3, 2}}, {"v", {3}}});
}

/// Pools of x [2, 5, 4], what cotangents a and b become, and a tangent, whose windows have numbers in common or not.
inline Function pool_operations() {
  const PoolOptions common{.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}}, apart{.kernel = {2, 2}};
  return trace(
      [=](Array x, Array a, Array b, Array tangent) {
        const Array largest = max_pool2d(x, common), mean = avg_pool2d(x, common);
        std::vector<Array> results{largest, mean, max_pool2d(x, apart), avg_pool2d(x, apart), global_average(x)};
        for (const Array& value : {largest, mean}) {
          results.push_back(pull_back(std::span(&value, 1), std::span(&a, 1), std::span(&x, 1))[0]);
          results.push_back(push_forward(std::span(&value, 1), std::span(&x, 1), std::span(&tangent, 1))[0]);
        }
        for (const Array& value : {results[2], results[3]})
          results.push_back(pull_back(std::span(&value, 1), std::span(&b, 1), std::span(&x, 1))[0]);
        return results;
      },
      {{"x", {2, 5, 4}}, {"a", {2, 3, 5}}, {"b", {2, 2, 2}}, {"tangent", {2, 5, 4}}});
}

}  // namespace costate::test
