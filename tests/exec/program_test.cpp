// Every operation of ops.def, and small networks: executor against interpreter, derivatives against differences.
#include "costate/exec/program.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/pullback.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "costate/plan/plan.h"

namespace costate {
namespace {

using testing::check_derivatives;
using testing::check_execution;
using testing::draw_inputs;

// Elementwise functions stay within 4 ulp; sums of up to 100 terms add some more.
constexpr double kUlps = 4 * 2.3e-16;
constexpr double kSumUlps = 100 * 2.3e-16;
// Central differences with step 1e-5 of functions whose third derivatives are up to about 100.
constexpr double kDifference = 2e-7;

class Elementwise : public ::testing::TestWithParam<Op> {};

Function elementwise_function(Op op, const Shape& shape) {
  std::vector<ArgumentSpec> arguments;
  for (int i = 0; i < costate::info(op).arity; ++i) arguments.push_back({text::concat("x", i), shape});
  return trace_list(arguments, [&](std::span<const Array> operands) {
    return std::vector<Array>{internal::append_op(op, operands, std::source_location::current())};
  });
}

TEST_P(Elementwise, AgreesWithTheInterpreter) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{3, 5}})
    for (const std::int64_t batch : {1, 3, 8, 33}) {
      const Function f = elementwise_function(GetParam(), shape);
      check_execution(f, draw_inputs(f, batch, info(GetParam()).test_low, info(GetParam()).test_high, 5), kUlps);
    }
}

TEST_P(Elementwise, DerivativesAgreeWithDifferences) {
  if (GetParam() == Op::kStopGradient) GTEST_SKIP() << "its derivative is zero by decree";
  const Function f = elementwise_function(GetParam(), {6});
  check_derivatives(f, draw_inputs(f, 1, info(GetParam()).test_low, info(GetParam()).test_high, 11), kDifference);
}

std::vector<Op> elementwise_ops() {
  std::vector<Op> ops;
  for (std::size_t i = 0; i < kNumOps; ++i)
    if (is_elementwise(static_cast<Op>(i))) ops.push_back(static_cast<Op>(i));
  return ops;
}

INSTANTIATE_TEST_SUITE_P(Ops, Elementwise, ::testing::ValuesIn(elementwise_ops()),
                         [](const auto& row) { return std::string(costate::info(row.param).name); });

struct Case {
  std::string name;
  Function function;
};

Parameter weights(const std::string& name, Shape shape) {
  HostArray value(shape);
  for (std::int64_t i = 0; i < value.size(); ++i) value.set(i, 0.3 * std::sin(1.0 + 2.7 * static_cast<double>(i)));
  return Parameter(name, value);
}

std::vector<Case> programs() {
  std::vector<Case> cases;
  const Parameter w1 = weights("w1", {13, 3}), b1 = weights("b1", {13}), w2 = weights("w2", {2, 13}),
                  b2 = weights("b2", {2});
  cases.push_back({"mlp", trace([=](Array x) { return matmul(w2, tanh(matmul(w1, x) + b1)) + b2; }, {{"x", {3}}})});
  cases.push_back({"relu_row_vector", trace([=](Array x) { return relu(matmul(x, w1)); }, {{"x", {13}}})});
  cases.push_back({"matrix_sample", trace([=](Array x) { return sigmoid(matmul(w1, x)); }, {{"x", {3, 4}}})});
  cases.push_back({"sample_times_shared", trace([=](Array x) { return matmul(x, w1); }, {{"x", {5, 13}}})});
  cases.push_back(
      {"both_samples", trace([](Array x, Array y) { return matmul(x, y); }, {{"x", {2, 3}}, {"y", {3, 4}}})});
  cases.push_back({"dot", trace([](Array x, Array y) { return matmul(x, y); }, {{"x", {5}}, {"y", {5}}})});
  cases.push_back({"outer", trace([](Array x, Array y) { return outer(x, y); }, {{"x", {3}}, {"y", {4}}})});
  cases.push_back({"broadcast", trace([](Array x, Array y) { return x * y + 2.0; }, {{"x", {3, 1}}, {"y", {4}}})});
  cases.push_back({"scalar_times_vector", trace([](Array t, Array x) { return sin(t) * x; }, {{"t", {}}, {"x", {4}}})});
  cases.push_back({"transpose", trace([](Array x) { return transpose(x, {2, 0, 1}) * 1.5; }, {{"x", {2, 3, 4}}})});
  cases.push_back({"slice", trace([](Array x) { return x.slice(1, 3) * x[3]; }, {{"x", {5}}})});
  cases.push_back({"concat_axis1", trace(
                                       [](Array x, Array y) {
                                         return concat({x, y * y}, 1);
                                       },
                                       {{"x", {2, 3}}, {"y", {2, 2}}})});
  cases.push_back({"concat_scalar_spread", trace(
                                               [](Array t, Array x) {
                                                 return concat({broadcast_to(t, {2}), x});
                                               },
                                               {{"t", {}}, {"x", {3}}})});
  // Each kind of pair that becomes one instruction; operands of the sample, of the lane, shared and constant.
  cases.push_back({"pairs", trace(
                                [=](Array t, Array x, Array y) {
                                  const Array p(b1);
                                  return concat({x * p + y, y + x * t, x * y - 0.5, t - x * y, (x + t) * y,
                                                 p * (x - 2.0), (x - p) - t, x - (p - y), (x + y) + p, t + (y - x),
                                                 p * (x * y), (x + p) - (y + t)});
                                },
                                {{"t", {}}, {"x", {13}}, {"y", {13}}})});
  cases.push_back({"stack_in_place", trace(
                                         [](Array x) {
                                           const Array a = x[0] * x[1], b = x[1] * x[2] - x[0];
                                           return concat({stack({a - x[2], b, b}), stack({a, exp(x[0])}), x});
                                         },
                                         {{"x", {3}}})});
  cases.push_back({"gather_repeats", trace([](Array x) { return gather(x, {2, 0, 2, 1}, {2, 2}); }, {{"x", {3}}})});
  cases.push_back({"scatter", trace([](Array x) { return scatter(x, {1, 1, 4}, {6}); }, {{"x", {3}}})});
  cases.push_back({"sums", trace(
                               [](Array x) {
                                 return sum(x, {1}) + mean(x, {0, 2}).slice(0, 1) + sum(x);
                               },
                               {{"x", {2, 3, 2}}})});
  cases.push_back(
      {"extremes", trace([](Array x) { return reduce_max(x, {0}) - reduce_min(x, {0}); }, {{"x", {4, 3}}})});
  cases.push_back(
      {"activations", trace([](Array x) { return elu(x) + gelu(x) + silu(x) + softplus(x); }, {{"x", {5}}})});
  cases.push_back({"shared_input", trace([](Array x, Array p) { return x * exp(p) + sum(p); },
                                         {{"x", {3}}, {"p", {3}, InputKind::kShared}})});
  // Weights computed from what all samples share: their gradients are finished after the sum over the batch.
  cases.push_back({"masked_weights", trace(
                                         [=](Array x, Array mask) {
                                           const Array w = Array(w1) * exp(mask);
                                           return tanh(matmul(w / (1.0 + sum(square(w))), x)) + b1;
                                         },
                                         {{"x", {3}}, {"mask", {13, 3}, InputKind::kShared}})});
  cases.push_back({"composed_weights",
                   trace([=](Array x) { return matmul(matmul(w2, w1) + matmul(w2, w1) * 2.0, x); }, {{"x", {3}}})});
  cases.push_back({"stacked_weights", trace(
                                          [=](Array x) {
                                            const Array w = concat({Array(w2), transpose(Array(w1)).slice(0, 2)});
                                            return matmul(w, x) - matmul(-w, sin(x));
                                          },
                                          {{"x", {13}}})});
  cases.push_back({"tied_weights",
                   trace([=](Array x) { return matmul(transpose(Array(w1)), tanh(matmul(w1, x))); }, {{"x", {3}}})});
  // Reverse programs apply the slope of an activation to the product that brings its cotangent; softplus has none.
  for (const auto& [name, activation] : std::initializer_list<std::pair<std::string, Array (*)(Operand)>>{
           {"tanh", tanh}, {"relu", relu}, {"sigmoid", sigmoid}, {"softplus", softplus}})
    cases.push_back({name + "_layers",
                     trace([=](Array x) { return matmul(w2, activation(matmul(w1, x) + b1)) + b2; }, {{"x", {3}}})});
  cases.push_back({"constant_output", trace(
                                          [](Array x) {
                                            return std::vector<Array>{x, constant(3.0)};
                                          },
                                          {{"x", {2}}})});
  return cases;
}

class Programs : public ::testing::TestWithParam<Case> {};

TEST_P(Programs, AgreeWithTheInterpreter) {
  for (const std::int64_t batch : {1, 2, 5, 40})
    check_execution(GetParam().function, draw_inputs(GetParam().function, batch, -2, 2, 3), kSumUlps);
}

TEST_P(Programs, DerivativesAgreeWithDifferences) {
  check_derivatives(GetParam().function, draw_inputs(GetParam().function, 1, -2, 2, 3), kDifference);
}

TEST_P(Programs, ReverseProgramsAgreeWithTheInterpreter) {
  const Function reverse = vjp(GetParam().function);
  for (const std::int64_t batch : {1, 9}) check_execution(reverse, draw_inputs(reverse, batch, -2, 2, 4), kSumUlps);
}

INSTANTIATE_TEST_SUITE_P(Cases, Programs, ::testing::ValuesIn(programs()),
                         [](const auto& row) { return row.param.name; });

TEST(Derivatives, NestToThirdOrder) {
  Function f = trace([](Array x) { return sin(x) * exp(x); }, {{"x", {}}});
  for (int order = 0; order < 3; ++order) {
    const Function previous = f;
    f = trace(
        [&](Array x) {
          const Array value = internal::inline_function(previous, std::span(&x, 1))[0];
          return gradient(value, std::span(&x, 1))[0];
        },
        {{"x", {}}});
  }
  const double x = 0.7;  // (sin x e^x)''' = 2 e^x (cos x - sin x)
  const RunResult result = compile(f).run({HostArray({1}, std::vector<double>{x})});
  EXPECT_NEAR(result.outputs[0].at(0), 2 * std::exp(x) * (std::cos(x) - std::sin(x)), 1e-14);
}

TEST(Program, SlopesOfActivationsGoWithTheirProducts) {
  for (const Case& one : programs()) {
    const std::string epilogue = one.name.substr(0, one.name.find('_')) + "_slope";
    if (!one.name.ends_with("_layers") || one.name == "softplus_layers") continue;
    EXPECT_NE(to_string(internal::lower(vjp(one.function), {.lanes = 8, .late_inputs = {}})).find("+" + epilogue),
              std::string::npos)
        << epilogue;
  }
}

TEST(Program, SampleBitsDoNotDependOnBatchOrLanes) {
  const Function f = programs()[0].function;
  const std::vector<HostArray> inputs = draw_inputs(f, 40, -2, 2, 8);
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const HostArray alone = compile(f, {.dtype = dtype, .lanes = 1}).run(inputs).outputs[0];
    for (const std::size_t lanes : {0, 3, 4, 7, 8, 12, 13, 20, 24, 30, 40})
      EXPECT_TRUE(compile(f, {.dtype = dtype, .lanes = lanes}).run(inputs).outputs[0].same_bits(alone)) << lanes;
  }
  const HostArray together = compile(f).run(inputs).outputs[0];
  for (std::int64_t row = 0; row < 40; ++row) {
    HostArray one(Shape{1, 3});
    for (std::int64_t k = 0; k < 3; ++k) one.set(k, inputs[0].at(row * 3 + k));
    const HostArray alone = compile(f).run({one}).outputs[0];
    for (std::int64_t k = 0; k < 2; ++k) EXPECT_EQ(alone.at(k), together.at(row * 2 + k));
  }
}

TEST(Program, PairsRoundTwice) {
  const Function f = trace([](Array x, Array y, Array z) { return x * y - z; }, {{"x", {}}, {"y", {}}, {"z", {}}});
  const double x = 1.0 / 3, y = 1.0 / 7;
  const auto number = [](double value) { return HostArray(Shape{1}, std::vector<double>{value}); };
  EXPECT_EQ(compile(f).run({number(x), number(y), number(x * y)}).outputs[0].at(0), 0);
}

TEST(Program, F32AgreesToSinglePrecision) {
  const Function f = programs()[0].function;
  const std::vector<HostArray> inputs = draw_inputs(f, 19, -2, 2, 8);
  const RunResult result = compile(f, {.dtype = Dtype::kF32}).run(inputs);
  const std::vector<HostArray> expected = testing::interpret_batch(f, inputs);
  ASSERT_EQ(result.outputs[0].dtype(), Dtype::kF32);
  for (std::int64_t k = 0; k < expected[0].size(); ++k)
    EXPECT_NEAR(result.outputs[0].at(k), expected[0].at(k), 20 * 1.2e-7);  // 13 products and two roundings
}

/// The one output of a function of one vector, for one sample.
std::vector<double> values_at(const Function& f, std::vector<double> x, Dtype dtype = Dtype::kF64) {
  const auto length = static_cast<std::int64_t>(x.size());
  const HostArray out = compile(f, {.dtype = dtype}).run({HostArray(Shape{1, length}, std::move(x))}).outputs.back();
  std::vector<double> values;
  for (std::int64_t i = 0; i < out.size(); ++i) values.push_back(out.at(i));
  return values;
}

TEST(Program, FloorAndModAreNumpys) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Function whole = trace([](Array x) { return floor(x); }, {{"x", {5}}});
  const Function rest = trace([](Array x) { return mod(x[0], x[1]); }, {{"x", {2}}});
  struct Case {
    double x, y, rest;
  };
  const Case cases[] = {{7, 3, 1},    {-1, 3, 2},    {1, -3, -2},    {-7, -3, -1},     {-6, 3, 0},
                        {6, -3, 0},   {5.5, 2, 1.5}, {-5.5, 2, 0.5}, {5, kInf, 5},     {-5, kInf, kInf},
                        {0, -2, -0.}, {-0., 2, 0},   {1e15, 7, 6},   {0.75, 0.5, 0.25}};
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    EXPECT_EQ(values_at(whole, {-1.5, -1, -0.25, 0.75, 2}, dtype), (std::vector<double>{-2, -1, -1, 0, 2}));
    for (const Case& c : cases) {
      const double seen = values_at(rest, {c.x, c.y}, dtype)[0];
      const bool is_exact = c.x < 1e14 || dtype == Dtype::kF64;  // 1e15 is another number in f32
      EXPECT_EQ(is_exact ? seen : c.rest, c.rest) << c.x << " " << c.y;
      EXPECT_EQ(c.rest == 0 && std::signbit(seen) != std::signbit(c.y), false) << c.x << " " << c.y;
      EXPECT_EQ(interpret(rest, {HostArray::vector({c.x, c.y})})[0].at(0), c.rest) << c.x << " " << c.y;
    }
    EXPECT_TRUE(std::isnan(values_at(rest, {1, 0}, dtype)[0]));
    EXPECT_TRUE(std::isnan(values_at(rest, {kInf, 2}, dtype)[0]));
  }
  // x - y floor(x / y): the slope in y is minus the whole number, on either side of 0.
  for (const auto& [x, y, by_y] :
       {std::array{7.5, 2.0, -3.0}, {-7.5, 2.0, 4.0}, {7.5, -2.0, 4.0}, {-7.5, -2.0, -3.0}}) {
    const Function slopes = trace([](Array z) { return gradient(mod(z[0], z[1]), std::span(&z, 1)); }, {{"x", {2}}});
    EXPECT_EQ(values_at(slopes, {x, y}), (std::vector<double>{1, by_y}));
  }
}

TEST(Program, NormsAndRunningSums) {
  const Function length = trace([](Array x) { return norm(x); }, {{"x", {2}}});
  EXPECT_EQ(values_at(length, {3, -4}), std::vector<double>{5});
  EXPECT_NEAR(values_at(value_and_grad(length), {3, -4})[1], -0.8, 1e-15);
  EXPECT_EQ(values_at(value_and_grad(length), {0, 0}), (std::vector<double>{0, 0}));
  const Function rows = trace([](Array x) { return norm(reshape(x, {2, 2}), {1}); }, {{"x", {4}}});
  EXPECT_EQ(values_at(rows, {3, 4, 5, 12}), (std::vector<double>{5, 13}));

  const Function sums = trace([](Array x) { return cumsum(x); }, {{"x", {7}}});
  EXPECT_EQ(values_at(sums, {1, 2, 4, 8, 16, 32, 64}), (std::vector<double>{1, 3, 7, 15, 31, 63, 127}));
  const std::vector<double> broken = values_at(sums, {1, 2, 4, NAN, 16, 32, 64});
  EXPECT_EQ(broken[2], 7);
  EXPECT_TRUE(std::isnan(broken[3]) && std::isnan(broken[6]));
  const Function across = trace([](Array x) { return cumsum(reshape(x, {2, 3}), -1); }, {{"x", {6}}});
  EXPECT_EQ(values_at(across, {1, 2, 3, 4, 5, 6}), (std::vector<double>{1, 3, 6, 4, 9, 15}));
  const Function down = trace([](Array x) { return cumsum(reshape(x, {3, 2}), 0); }, {{"x", {6}}});
  EXPECT_EQ(values_at(down, {1, 2, 3, 4, 5, 6}), (std::vector<double>{1, 2, 4, 6, 9, 12}));
  check_derivatives(down, draw_inputs(down, 1, -2, 2, 3), kDifference);
}

TEST(Program, WrongInputsAreNamed) {
  const Program program = compile(programs()[0].function);
  try {
    program.run({HostArray(Shape{4, 2})});
    FAIL() << "no exception";
  } catch (const ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("input 'x' must have shape [batch] + [3]; got [4, 2]"), std::string::npos);
  }
  EXPECT_THROW(program.run(std::initializer_list<HostArray>{}), InvalidArgument);
}

TEST(Program, ThatIsEmptyIsRefused) {
  EXPECT_ERROR(compile(Function()), InvalidArgument, "[compile] the function is empty; make one by trace().");
  EXPECT_ERROR(compile_pullback(Function()), InvalidArgument, "[compile_pullback] the function is empty");
  Function function = trace([](Array x) { return sin(x); }, {{"x", {}}});
  Program program = compile(function);
  PullbackProgram with_pullback = compile_pullback(function);
  PullbackRun run = with_pullback.run({HostArray::vector({0.5})});
  const Function moved_function = std::move(function);
  const Program moved = std::move(program);
  const PullbackProgram moved_with_pullback = std::move(with_pullback);
  const Pullback moved_pullback = std::move(run.pullback);
  // NOLINTBEGIN(bugprone-use-after-move): what is tested
  EXPECT_ERROR(compile(function), InvalidArgument, "[compile] the function is empty");
  EXPECT_ERROR(program.run({HostArray::vector({0.5})}), InvalidArgument,
               "[Program] was moved from; use what it was moved to.");
  EXPECT_ERROR(with_pullback.run({HostArray::vector({0.5})}), InvalidArgument, "[PullbackProgram] was moved from");
  EXPECT_ERROR(run.pullback({HostArray::vector({1})}), InvalidArgument, "[Pullback] was moved from");
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(moved.run({HostArray::vector({0.5})}).outputs[0].at(0), std::sin(0.5));
}

}  // namespace
}  // namespace costate
