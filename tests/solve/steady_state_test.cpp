// States at rest against closed forms, and against where a long solve ends.
#include "costate/solve/steady_state.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/solve/solve.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// z' = p - z^3 - z: at rest where z^3 + z = p, as for p = 2 in z = 1.
VectorField cubic() {
  return vector_field({2}, {{"p", {2}}}, [](Array, Array z, Array p) { return p - z * z * z - z; });
}

Function rest_of_cubic() {
  return trace(
      [](Array p) {
        const Array arguments[] = {p};
        return steady_state(cubic(), zeros({2}), {}, arguments);
      },
      {{"p", {2}}});
}

TEST(SteadyState, IsWhereTheFieldIsZero) {
  const HostArray p(Shape{1, 2}, std::vector<double>{2.0, 10.0});
  const HostArray found = compile(rest_of_cubic()).run({p}).outputs[0];
  EXPECT_NEAR(found.at(0), 1, 1e-14);
  EXPECT_NEAR(found.at(1), 2, 1e-14);
  // dz/dp = 1 / (3 z^2 + 1)
  const HostArray slopes = compile(jacobian(rest_of_cubic())).run({p}).outputs[1];
  EXPECT_NEAR(slopes.at(0), 1.0 / 4, 1e-14);
  EXPECT_NEAR(slopes.at(3), 1.0 / 13, 1e-14);
}

/// A rod of 100 cells, held at 0 at both ends, that is heated, loses heat as k u^3 and whose conductivity is a
/// Parameter: large enough for a sparse Jacobian, in two parts.
VectorField rod(const Parameter& conductivity) {
  return vector_field({{"left", {50}}, {"right", {50}}}, [&](Array t, std::span<const Array> parts) {
    const Array u = concat({parts[0], parts[1]}), end = zeros({1});
    const Array second = concat({u.slice(1, 100), end}) + concat({end, u.slice(0, 99)}) - 2.0 * u;
    const Array rate = Array(conductivity)[0] * second + 1.0 + 0.0 * t - 0.1 * u * u * u;
    return std::vector<Array>{rate.slice(0, 50), rate.slice(50, 100)};
  });
}

TEST(SteadyState, OfALargeFieldIsWhereALongSolveEnds) {
  const Parameter conductivity("conductivity", HostArray::vector({2.0}));
  const VectorField field = rod(conductivity);
  const Function both = trace(
      [&](Array start) {
        const Array times = constant(HostArray::vector({0, 100}));
        const Array end = solve(field, start, times, {.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-11})[1];
        return std::vector<Array>{steady_state(field, start), end};
      },
      {{"start", {100}}});
  const RunResult found = compile(both).run({HostArray(Shape{1, 100})});
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_NEAR(found.outputs[0].at(i), found.outputs[1].at(i), 1e-9);

  const Function total = trace([&](Array start) { return sum(steady_state(field, start)); }, {{"start", {100}}});
  const Parameter wanted[] = {conductivity};
  const HostArray start(Shape{1, 100});
  const double slope = compile(value_and_grad(total, wanted)).run({start}).outputs[1].at(0);
  const auto at = [&](double value) {
    conductivity.set_value(HostArray::vector({value}));
    return compile(total).run({start}).outputs[0].at(0);
  };
  EXPECT_NEAR(slope, (at(2 + 1e-4) - at(2 - 1e-4)) / 2e-4, 1e-6 * std::abs(slope));
}

TEST(SteadyState, RefusesWhatTheFieldDoesNotTake) {
  EXPECT_ERROR(trace([](Array p) { return steady_state(cubic(), p); }, {{"p", {2}}}), InvalidArgument,
               "takes 1 arguments; got 0");
  EXPECT_ERROR(trace([](Array p) { return steady_state(cubic(), p, {}, std::vector<Array>{p}); }, {{"p", {3}}}),
               ShapeError, "the guess must hold the 2 numbers");
}

}  // namespace
}  // namespace costate
