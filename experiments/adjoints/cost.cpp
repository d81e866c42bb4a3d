#include "experiments/adjoints/cost.h"

#include <cmath>

namespace costate::experiments {
CostRow cost_of(std::int64_t width) {
  constexpr std::int64_t kState = 5;
  const auto noise = [](const Shape& shape) {
    HostArray values(shape);
    for (std::int64_t i = 0; i < values.size(); ++i) values.set(i, 0.2 * std::sin(1.0 + 1.7 * static_cast<double>(i)));
    return values;
  };
  const Parameter in("in", noise({width, kState})), out("out", noise({kState, width}));
  const VectorField field = vector_field({kState}, [&](Array, Array z) { return matmul(out, tanh(matmul(in, z))); });
  const SolveOptions options{.method = Method::kRk4, .steps_per_interval = 10};
  const HostArray times = HostArray::vector({0, 1});
  const Function loss =
      trace([&](Array z0) { return sum(solve(field, z0, constant(times), options)[1]); }, {{"z0", {kState}}});
  const HostArray start(Shape{1, kState}, std::vector<double>(kState, 0.5));
  const std::vector<std::size_t> wanted = {1};
  const Program value = compile(loss), tangent = compile(jvp(loss, wanted)),
                reverse = compile(value_and_grad(loss, std::vector<Parameter>{in, out}));
  const std::int64_t parameters = 2 * width * kState;
  const HostArray direction = noise(loss.inputs()[1].shape);
  const double one_tangent = 1e3 * fastest_call([&] { tangent.run({start, direction}); });
  return {.parameters = parameters,
          .solve = 1e3 * fastest_call([&] { value.run({start}); }),
          .adjoint = 1e3 * fastest_call([&] { reverse.run({start}); }),
          .forward = static_cast<double>(parameters) * one_tangent};
}

ProductRow products_of(std::int64_t n) {
  const std::vector<ArgumentSpec> factors = {{"a", {n, 1}}, {"b", {1, n}}, {"c", {n, 1}}};
  const Program left = compile(trace([](Array a, Array b, Array c) { return matmul(matmul(a, b), c); }, factors)),
                right = compile(trace([](Array a, Array b, Array c) { return matmul(a, matmul(b, c)); }, factors));
  HostArray a(Shape{1, n, 1}), b(Shape{1, 1, n});
  for (std::int64_t i = 0; i < n; ++i) {
    a.set(i, std::sin(static_cast<double>(i)));
    b.set(i, std::cos(static_cast<double>(i)));
  }
  const HostArray c(Shape{1, n, 1}, std::vector<double>(static_cast<std::size_t>(n), 1.0));
  return {.size = n,
          .from_left = 1e3 * fastest_call([&] {
                         left.run({a, b, c});
                       }),
          .from_right = 1e3 * fastest_call([&] {
                          right.run({a, b, c});
                        })};
}

Figure cost_figure(const std::vector<CostRow>& rows) {
  const auto in_solves = [&](Curve style, double CostRow::*time) {
    return style.through(rows, &CostRow::parameters, [=](const CostRow& row) { return row.*time / row.solve; });
  };
  return {.title = "gradient of a neural ODE",
          .x_label = "number of parameters p",
          .y_label = "time (units of one solve)",
          .curves = {in_solves({.name = "the solve", .mark = Mark::kDashed, .color = 6}, &CostRow::solve),
                     in_solves({.name = "adjoint", .color = 0}, &CostRow::adjoint),
                     in_solves({.name = "forward", .color = 1}, &CostRow::forward)},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog,
          .y_range = {0.3, 1e6}};
}

Figure product_figure(const std::vector<ProductRow>& rows) {
  return {.title = "column times row times column",
          .x_label = "length d = n",
          .y_label = "time (ms)",
          .curves = {Curve{.name = "(A B) C", .color = 1}.through(rows, &ProductRow::size, &ProductRow::from_left),
                     Curve{.name = "A (B C)", .color = 0}.through(rows, &ProductRow::size, &ProductRow::from_right)},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog};
}

}  // namespace costate::experiments
