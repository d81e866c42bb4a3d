// Tracing: shapes, mistakes and where they are reported; sharing and simplification; verification.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/graph/array.h"
#include "costate/graph/interpret.h"
#include "costate/graph/print.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"
#include "costate/graph/verify.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

Function of(const std::function<Array(Array)>& f, Shape shape) {
  return trace([&](Array x) { return f(x); }, {{"x", std::move(shape)}});
}

std::size_t count(const Function& function, Op op) {
  std::size_t found = 0;
  for (const Node& node : function.nodes()) found += node.op == op ? 1 : 0;
  return found;
}

TEST(Trace, InfersShapes) {
  const auto shape = [](const std::function<Array(Array)>& f, Shape in) {
    return of(f, std::move(in)).output_shape(0);
  };
  EXPECT_EQ(shape([](Array x) { return x + ones({4, 1}); }, {3}), (Shape{4, 3}));
  EXPECT_EQ(shape([](Array x) { return matmul(ones({2, 3}), x); }, {3}), Shape{2});
  EXPECT_EQ(shape([](Array x) { return sum(x, {1}); }, {4, 5, 6}), (Shape{4, 6}));
  EXPECT_EQ(shape([](Array x) { return mean(x, {-1}); }, {4, 5}), Shape{4});
  EXPECT_EQ(shape([](Array x) { return transpose(x, {2, 0, 1}); }, {4, 5, 6}), (Shape{6, 4, 5}));
  EXPECT_EQ(shape([](Array x) { return x.slice(1, -1); }, {5, 2}), (Shape{3, 2}));
  EXPECT_EQ(shape([](Array x) { return x[-1]; }, {5, 2}), Shape{2});
  EXPECT_EQ(shape([](Array x) { return concat({x, x}, 1); }, {5, 2}), (Shape{5, 4}));
  EXPECT_EQ(shape([](Array x) { return stack({x, x, x}); }, {5}), (Shape{3, 5}));
  EXPECT_EQ(shape([](Array x) { return outer(x, ones({2})); }, {5}), (Shape{5, 2}));
}

TEST(Trace, AMismatchNamesOperationsShapesAndTheUsersLine) {
  const auto message = [](const std::function<Array(Array)>& f) {
    return test::message_of<ShapeError>([&] { of(f, {3}); });
  };
  const std::string text = message([](Array x) {
    const Array doubled = sin(x);
    return doubled + ones({4});
  });
  EXPECT_TRUE(text.starts_with("[add] of sin [3] and constant [4] at ")) << text;
  EXPECT_TRUE(text.ends_with("graph_test.cpp:50: shapes must agree or be 1 along each axis, aligned at the end."))
      << text;
  EXPECT_NE(
      message([](Array x) { return where(x, x, ones({4})); }).find("input 'x' [3] and input 'x' [3] and constant"),
      std::string::npos);
  EXPECT_NE(message([](Array x) { return matmul(ones({2, 4}), x); }).find("inner lengths 4 and 3"), std::string::npos);
}

TEST(Trace, MistakesAreNamed) {
  EXPECT_ERROR(of([](Array x) { return reshape(x, {2, 2}); }, {3}), ShapeError, "cannot reshape to [2, 2]");
  EXPECT_ERROR(of([](Array x) { return broadcast_to(x, {3, 2}); }, {3}), ShapeError, "[3, 2]");
  EXPECT_ERROR(of([](Array x) { return transpose(x, {0, 0}); }, {3, 3}), ShapeError, "permutation");
  EXPECT_ERROR(of([](Array x) { return gather(x, {0, 3}, {2}); }, {3}), ShapeError, "position 3 lies outside [0, 3)");
  EXPECT_ERROR(of([](Array x) { return concat({x, ones({2, 2})}); }, {3}), ShapeError, "equal rank");
  EXPECT_ERROR(of(
                   [](Array x) {
                     return concat({x, x}, 2);
                   },
                   {3}),
               ShapeError, "graph_test.cpp:67: there is no axis 2; take one of -1 to 0.");
  EXPECT_ERROR(of([](Array x) { return cumsum(x, 3); }, {3}), ShapeError, "[cumsum] of input 'x' [3] at ");
  EXPECT_ERROR(of([](Array x) { return cumsum(x, 0); }, {}), ShapeError, "there is no axis 0; a scalar has none.");
  EXPECT_ERROR(of([](Array) { return stack(std::vector<Array>()); }, {3}), InvalidArgument, "[stack] at ");
  EXPECT_ERROR(of(
                   [](Array x) {
                     return stack({x, ones({2})});
                   },
                   {3}),
               ShapeError, "[stack] of input 'x' [3] and constant [2] at ");
  EXPECT_ERROR(of([](Array x) { return x.slice(2, 1); }, {3}), ShapeError, "[3]");
  EXPECT_ERROR(of([](Array x) { return sum(x, {2}); }, {3}), ShapeError, "2");
  EXPECT_ERROR(of([](Array x) { return sum(x, {0, 0}); }, {3}), ShapeError, "twice");
  Array escaped;
  of([&](Array x) { return escaped = x; }, {3});
  EXPECT_ERROR(of([&](Array x) { return x + escaped; }, {3}), InvalidArgument, "an Array of another trace");
  EXPECT_ERROR(of([](Array x) { return x + Array(); }, {3}), InvalidArgument, "empty");
  EXPECT_ERROR(constant(1.0), InvalidArgument, "trace");
  EXPECT_ERROR(trace([](Array x) { return x; }, {}), InvalidArgument, "takes 1 arguments; got 0");
  EXPECT_ERROR(Parameter("", HostArray::vector({1})), InvalidArgument, "[Parameter] the name is empty");
}

TEST(Trace, AnIndexIsCountedFromOneEndOnce) {
  const HostArray x = HostArray::vector({5, 7});
  const auto at = [&](std::int64_t index) {
    return interpret(of([&](Array y) { return y[index]; }, {2}), std::span(&x, 1))[0].at(0);
  };
  EXPECT_EQ(at(0), 5);
  EXPECT_EQ(at(1), 7);
  EXPECT_EQ(at(-1), 7);
  EXPECT_EQ(at(-2), 5);
  for (const std::int64_t index : {-5, -4, -3, 2})
    EXPECT_ERROR(
        at(index), ShapeError,
        text::concat("[Array] index ", index, " of input 'x' [2] does not lie in its first axis, of length 2."));
  EXPECT_ERROR(of([](Array y) { return y[0]; }, {}), ShapeError,
               "[Array] index 0 of input 'x' [] does not lie in it, a scalar; leave the index out.");
  EXPECT_EQ(of([](Array y) { return y.slice(-2, 2); }, {2}).output_shape(0), Shape{2});
  EXPECT_ERROR(of([](Array y) { return y.slice(-3, 2); }, {2}), ShapeError, "positions -3 to 2 do not lie");
  EXPECT_ERROR(of([](Array y) { return y.slice(0, -3); }, {2}), ShapeError, "positions 0 to -3 do not lie");
}

TEST(Function, ThatIsEmptyIsRefused) {
  const std::function<void(const Function&)> uses[] = {[](const Function& f) { interpret(f, {}); },
                                                       [](const Function& f) { simplify(f); },
                                                       [](const Function& f) { to_string(f); }};
  for (const auto& use : uses)
    EXPECT_ERROR(use(Function()), InvalidArgument, "] the function is empty; make one by trace().");
}

TEST(Trace, EqualOperationsAreOneNode) {
  const Function f = of([](Array x) { return sin(x) * sin(x) + sin(x); }, {3});
  EXPECT_EQ(count(f, Op::kSin), 1U);
  EXPECT_EQ(count(of([](Array x) { return (x + 1.0) * (1.0 * ones({3})) + (x + 1.0); }, {3}), Op::kAdd), 2U);
}

TEST(Trace, DeadOperationsAreDropped) {
  const Function f = of(
      [](Array x) {
        const Array unused = exp(x);
        static_cast<void>(unused);
        return sin(x);
      },
      {3});
  EXPECT_EQ(count(f, Op::kExp), 0U);
}

TEST(Simplify, TakesSumsWithANegationForDifferences) {
  const Function difference = simplify(of([](Array x) { return sin(x) + (-x); }, {3}));
  EXPECT_EQ(count(difference, Op::kNeg), 0U);
  EXPECT_EQ(count(difference, Op::kSub), 1U);
  const Function sum = simplify(of([](Array x) { return sin(x) - (-x); }, {3}));
  EXPECT_EQ(count(sum, Op::kNeg), 0U);
  EXPECT_EQ(count(sum, Op::kAdd), 1U);
  // What is read elsewhere, too, stays, and on the left the order of terms does.
  const Function both = simplify(of(
      [](Array x) {
        const Array y = -exp(x);
        return (sin(x) + y) * y;
      },
      {3}));
  EXPECT_EQ(count(both, Op::kSub), 0U);
  EXPECT_EQ(count(simplify(of([](Array x) { return (-x) + sin(x); }, {3})), Op::kNeg), 1U);
  const HostArray x = HostArray::vector({0.3, -0.0, 1e300});
  EXPECT_TRUE(
      interpret(difference, {x})[0].same_bits(interpret(of([](Array y) { return sin(y) + (-y); }, {3}), {x})[0]));
}

TEST(Simplify, KnowsTheNeutralElements) {
  const auto left = [](const std::function<Array(Array)>& f) { return simplify(of(f, {3})).nodes().size(); };
  for (const auto& f : std::vector<std::function<Array(Array)>>{
           [](Array x) { return x + 0.0; }, [](Array x) { return 0.0 + x; }, [](Array x) { return x - 0.0; },
           [](Array x) { return x * 1.0; }, [](Array x) { return 1.0 * x; }, [](Array x) { return x / 1.0; },
           [](Array x) { return pow(x, 1.0); }, [](Array x) { return -(-x); },
           [](Array x) { return transpose(transpose(x)); }, [](Array x) { return where(1.0, x, 2.0 * x); }})
    EXPECT_EQ(left(f), 1U);  // the input alone
  const Function zero = simplify(of([](Array x) { return sin(x) * 0.0; }, {3}));
  EXPECT_EQ(count(zero, Op::kSin), 0U);
  const Function folded = simplify(of([](Array x) { return x * exp(constant(0.5) + 0.25); }, {3}));
  EXPECT_EQ(count(folded, Op::kExp), 0U);
  EXPECT_NEAR(interpret(folded, {HostArray::vector({1, 2, 3})})[0].at(1), 2 * std::exp(0.75), 1e-15);
}

TEST(Interpret, WhereKeepsTheBranchNotTakenOut) {
  const Function f = of([](Array x) { return where(x > 0.0, log(x), 0.0); }, {2});
  const HostArray out = interpret(f, {HostArray::vector({-1.0, 1.0})})[0];
  EXPECT_EQ(out.at(0), 0);
  EXPECT_EQ(out.at(1), 0);
  EXPECT_ERROR(interpret(f, {HostArray::vector({1.0})}), ShapeError, "[2]");
}

TEST(Print, ShowsANodeALine) {
  EXPECT_EQ(to_string(of([](Array x) { return sin(x * 2.0); }, {2})),
            "function x [2]\n%0 [2] = input x\n%1 [] = constant {2}\n%2 [2] = broadcast %1\n%3 [2] = mul %0 %2\n%4 [2] "
            "= sin %3\nreturn out0 %4\n");
}

TEST(Verify, PassesWhatTracingMakesAndNamesWhatIsBroken) {
  const Function good = of([](Array x) { return sum(matmul(ones({2, 3}), tanh(x))); }, {3});
  EXPECT_NO_THROW(verify(good));
  const auto broken = [&](const std::function<void(std::vector<Node>&, std::vector<Output>&)>& change) {
    std::vector<Node> nodes = good.nodes();
    std::vector<Output> outputs = good.outputs();
    change(nodes, outputs);
    return Function(nodes, good.inputs(), outputs);
  };
  EXPECT_ERROR(verify(broken([](auto& nodes, auto&) { nodes.back().operands[0] = static_cast<NodeId>(nodes.size()); })),
               InternalError, "not an earlier node");
  EXPECT_ERROR(verify(broken([](auto& nodes, auto&) { nodes.back().shape = Shape{7}; })), InternalError,
               "inference gives []");
  EXPECT_ERROR(verify(broken([](auto& nodes, auto&) { nodes.back().operands.clear(); })), InternalError,
               "0 operands, not 1");
  EXPECT_ERROR(verify(broken([](auto&, auto& outputs) { outputs[0].node = 99; })), InternalError, "does not exist");
  EXPECT_ERROR(verify(broken([](auto& nodes, auto&) {
                 for (Node& node : nodes)
                   if (node.op == Op::kConstant) node.values = {1, 2};
               })),
               InternalError, "2 numbers for shape");
}

TEST(Verify, NamesTheNodeWhoseAttributesNoTraceWouldMake) {
  const auto verified = [](Op op, const std::vector<Shape>& operands, const Shape& shape,
                           const std::vector<std::int64_t>& indices) {
    std::vector<Node> nodes;
    Node last{.op = op, .shape = shape, .indices = indices};
    for (const Shape& operand : operands) {
      last.operands.push_back(static_cast<NodeId>(nodes.size()));
      nodes.push_back({.op = Op::kConstant, .shape = operand, .values = {1}});
    }
    nodes.push_back(last);
    verify(Function(nodes, {}, {}));
  };
  EXPECT_NO_THROW(verified(Op::kConcat, {{2}, {3}}, {5}, {0}));
  EXPECT_ERROR(verified(Op::kConcat, {{2}, {3}}, {5}, {-1}), InternalError, "axis -1 is none of [2]");
  for (const Op op : {Op::kSum, Op::kReduceMin, Op::kReduceMax}) {
    EXPECT_NO_THROW(verified(op, {{2, 3}}, {2}, {1}));
    EXPECT_ERROR(verified(op, {{2, 3}}, {2}, {-1}), InternalError, "axis -1 is none of [2, 3]");
  }
  EXPECT_ERROR(verified(Op::kConcat, {{2}, {3}}, {5}, {}), InternalError, "node %2 (concat)");
  EXPECT_ERROR(verified(Op::kConcat, {{2}, {3}}, {5}, {1}), InternalError, "axis 1 is none of [2]");
  EXPECT_ERROR(verified(Op::kAdd, {{2}, {3}}, {3}, {}), InternalError, "node %2 (add)");
  const std::vector<std::int64_t> plain{1, 1, 0, 0, 1, 1, 1};
  EXPECT_NO_THROW(verified(Op::kConv2d, {{1, 3, 3}, {1, 1, 2, 2}}, {1, 2, 2}, plain));
  for (std::size_t i = 0; i < plain.size(); ++i) {
    std::vector<std::int64_t> attributes = plain;
    attributes[i] -= 1;
    EXPECT_ERROR(verified(Op::kConv2d, {{1, 3, 3}, {1, 1, 2, 2}}, {1, 2, 2}, attributes), InternalError,
                 "attribute of a convolution is out of range");
  }
  EXPECT_NO_THROW(verified(Op::kMaxPool, {{1, 4, 4}, {1, 4, 4}}, {1, 3, 3}, {2, 2, 2, 2, 1, 1}));
  EXPECT_NO_THROW(verified(Op::kAvgPoolInput, {{1, 3, 3}}, {1, 4, 4}, {2, 2, 2, 2, 1, 1}));
  for (const std::vector<std::int64_t>& attributes : std::vector<std::vector<std::int64_t>>{
           {0, 2, 2, 2, 0, 1}, {2, 2, 0, 2, 1, 1}, {2, 2, 2, 2, -1, 1}, {2, 2, 2, 2, 1, 2}})
    EXPECT_ERROR(verified(Op::kMaxPool, {{1, 4, 4}, {1, 4, 4}}, {1, 3, 3}, attributes), InternalError,
                 "attribute of a pool is out of range");
  const std::vector<std::int64_t> halves{2, 2, 2, 2, 0, 0};
  EXPECT_ERROR(verified(Op::kMaxPool, {{1, 4, 4}, {1, 4, 2}}, {1, 2, 2}, halves), InternalError,
               "both images must have the same shape");
  EXPECT_ERROR(verified(Op::kMaxPoolInput, {{1, 4, 4}, {1, 2, 3}}, {1, 4, 4}, halves), InternalError,
               "the result's cotangent must be [1, 2, 2], not [1, 2, 3]");
  EXPECT_ERROR(verified(Op::kAvgPool, {{4, 4}}, {2, 2}, halves), InternalError,
               "the image must be [channels, height, width]");
  EXPECT_ERROR(verified(Op::kAvgPool, {{1, 1, 4}}, {1, 1, 2}, halves), InternalError,
               "a kernel of 2 does not fit into an axis of 1");
}

}  // namespace
}  // namespace costate
