#include "experiments/adjoints/cost.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"

namespace costate::experiments {
namespace {

/// The fastest of several calls, in milliseconds.
double milliseconds(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  double best = HUGE_VAL, total = 0;
  for (int call = 0; call < 5 || (total < 200 && call < 1000); ++call) {
    const auto begin = Clock::now();
    work();
    const double one = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    total += one;
    best = std::min(best, one);
  }
  return best;
}

}  // namespace

CostRow cost_of(std::int64_t width) {
  constexpr std::int64_t kState = 5;
  const auto noise = [](const Shape& shape) {
    HostArray values(shape);
    for (std::int64_t i = 0; i < values.size(); ++i) values.set(i, 0.2 * std::sin(1.0 + 1.7 * static_cast<double>(i)));
    return values;
  };
  const Parameter in("in", noise({width, kState})), out("out", noise({kState, width}));
  const VectorField field = vector_field({kState}, [&](Array, Array z) { return matmul(out, tanh(matmul(in, z))); });
  const Function loss = trace(
      [&](Array z0) {
        return sum(solve(field, z0, constant(HostArray::vector({0, 1})),
                         {.method = Method::kRk4, .steps_per_interval = 10})[1]);
      },
      {{"z0", {kState}}});
  const HostArray start(Shape{1, kState}, std::vector<double>(kState, 0.5));
  const std::vector<std::size_t> wanted = {1};
  const Program value = compile(loss), tangent = compile(jvp(loss, wanted)),
                reverse = compile(value_and_grad(loss, std::vector<Parameter>{in, out}));
  const auto parameters = static_cast<double>(2 * width * kState);
  const HostArray direction = noise(loss.inputs()[1].shape);
  return {.parameters = parameters,
          .solve = milliseconds([&] { value.run({start}); }),
          .adjoint = milliseconds([&] { reverse.run({start}); }),
          .forward = parameters * milliseconds([&] {
                       tangent.run({start, direction});
                     })};
}

ProductRow products_of(std::int64_t n) {
  const auto make = [&](bool from_left) {
    return compile(
        trace([&](Array a, Array b, Array c) { return from_left ? matmul(matmul(a, b), c) : matmul(a, matmul(b, c)); },
              {{"a", {n, 1}}, {"b", {1, n}}, {"c", {n, 1}}}));
  };
  HostArray a(Shape{1, n, 1}), b(Shape{1, 1, n}), c(Shape{1, n, 1});
  for (std::int64_t i = 0; i < n; ++i) {
    a.set(i, std::sin(static_cast<double>(i)));
    b.set(i, std::cos(static_cast<double>(i)));
    c.set(i, 1.0);
  }
  const Program left = make(true), right = make(false);
  return {.size = static_cast<double>(n),
          .from_left = milliseconds([&] {
            left.run({a, b, c});
          }),
          .from_right = milliseconds([&] {
            right.run({a, b, c});
          })};
}

Figure cost_figure(const std::vector<CostRow>& rows) {
  Curve solve{.name = "the solve", .mark = Mark::kDashed, .color = 6}, adjoint{.name = "adjoint", .color = 0},
      forward{.name = "forward", .color = 1};
  for (const CostRow& row : rows) {
    for (Curve* curve : {&solve, &adjoint, &forward}) curve->x.push_back(row.parameters);
    solve.y.push_back(1);
    adjoint.y.push_back(row.adjoint / row.solve);
    forward.y.push_back(row.forward / row.solve);
  }
  return {.title = "gradient of a neural ODE",
          .x_label = "number of parameters p",
          .y_label = "time (units of one solve)",
          .curves = {solve, adjoint, forward},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog,
          .y_range = {0.3, 1e6},
          .width = 500,
          .height = 400};
}

Figure product_figure(const std::vector<ProductRow>& rows) {
  Curve left{.name = "(A B) C", .color = 1}, right{.name = "A (B C)", .color = 0};
  for (const ProductRow& row : rows) {
    left.x.push_back(row.size);
    right.x.push_back(row.size);
    left.y.push_back(row.from_left);
    right.y.push_back(row.from_right);
  }
  return {.title = "column times row times column",
          .x_label = "length d = n",
          .y_label = "time (ms)",
          .curves = {left, right},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog,
          .width = 500,
          .height = 400};
}

}  // namespace costate::experiments
