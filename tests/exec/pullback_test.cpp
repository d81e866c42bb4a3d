// Pull-backs of programs without solves: the bits of the same derivatives in one go, what a record outlives, and
// errors. Of solves: tests/adjoint/solve_pullback_test.cpp.
#include "costate/exec/pullback.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/check_pullback.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using testing::check_pullback;
using testing::check_threads;
using testing::draw_cotangents;
using testing::draw_inputs;
using testing::expect_same_bits;

HostArray drawn_matrix(std::int64_t rows, std::int64_t columns) {
  HostArray values(Shape{rows, columns});
  for (std::int64_t i = 0; i < values.size(); ++i) values.set(i, std::sin(1.0 + static_cast<double>(i)));
  return values;
}

/// A small net with a shared scale, of three outputs: one a vector, one a number, one an input as it came.
struct Net {
  Parameter weights{"weights", drawn_matrix(5, 3)}, bias{"bias", HostArray::vector({0.1, -0.2, 0.3, 0.0, 0.5})};
  Function function = trace(
      [this](Array x, Array scale) {
        const Array hidden = tanh(matmul(Array(weights), x) + Array(bias));
        return std::vector<Array>{hidden * scale, sum(hidden * hidden) + exp(x[0]), x};
      },
      {{"x", {3}}, {"scale", {}, InputKind::kShared}});
};

HostArray number(double value) { return HostArray(Shape{}, std::vector<double>{value}); }

TEST(Pullback, HasTheBitsOfTheVjpInOneGo) {
  const Net net;
  for (const std::int64_t batch : {1, 2, 3, 8, 33, 200}) {
    SCOPED_TRACE(batch);
    check_pullback(net.function, draw_inputs(net.function, batch, -1, 1, 3));
  }
  check_pullback(net.function, draw_inputs(net.function, 9, -1, 1, 3), {.lanes = 4});
}

TEST(Pullback, HasTheBitsOfValueAndGrad) {
  const Net net;
  const Function loss = trace([&](Array x) { return sum(square(tanh(matmul(Array(net.weights), x)))); }, {{"x", {3}}});
  const std::vector<HostArray> inputs = draw_inputs(loss, 21, -1, 1, 4);
  const RunResult at_once = compile(value_and_grad(loss)).run(inputs);
  const PullbackRun run = compile_pullback(loss).run(inputs);
  HostArray ones(Shape{21});
  for (std::int64_t i = 0; i < ones.size(); ++i) ones.set(i, 1);
  const PullbackResult pulled = run.pullback({ones});
  expect_same_bits({run.outputs[0], pulled.gradients[0], pulled.gradients[1]}, at_once.outputs, "number");
}

TEST(Pullback, GivesWhatIsAskedForInItsOrder) {
  const Net net;
  const std::vector<HostArray> inputs = draw_inputs(net.function, 5, -1, 1, 3);
  const std::vector<HostArray> cotangents = draw_cotangents(net.function, 5, 1);
  const std::vector<HostArray> all = compile_pullback(net.function).run(inputs).pullback(cotangents).gradients;
  const PullbackProgram some = compile_pullback(net.function, {.wrt = {3, 0}});
  EXPECT_EQ(some.wrt(), (std::vector<std::size_t>{3, 0}));
  expect_same_bits(some.run(inputs).pullback(cotangents).gradients, {all[3], all[0]}, "gradient");
}

/// Weights that are made of Parameters: the tiles add up the weights' gradient, and the rest is done once.
TEST(Pullback, GoesOnFromSumsOverTheBatch) {
  const Parameter logs("logs", drawn_matrix(4, 3));
  const Function f = trace(
      [&](Array x) {
        const Array weights = exp(Array(logs));
        return matmul(weights / sum(weights), tanh(x));
      },
      {{"x", {3}}});
  check_pullback(f, draw_inputs(f, 40, -1, 1, 5));
}

TEST(Pullback, IsZeroWhereNothingFlows) {
  const Function f = trace(
      [](Array x, Array unused) {
        return std::vector<Array>{concat({square(x), stop_gradient(x)}), stop_gradient(unused)};
      },
      {{"x", {2}}, {"unused", {3}}});
  check_pullback(f, draw_inputs(f, 7, -1, 1, 5));
  const PullbackRun run = compile_pullback(f).run(draw_inputs(f, 7, -1, 1, 5));
  for (const double gradient : run.pullback(draw_cotangents(f, 7, 2)).gradients[1].numbers()) EXPECT_EQ(gradient, 0);
}

TEST(Pullback, OfAnEmptyBatchIsEmpty) {
  const Net net;
  const PullbackRun run = compile_pullback(net.function).run({HostArray(Shape{0, 3}), number(2)});
  const PullbackResult pulled = run.pullback({HostArray(Shape{0, 5}), HostArray(Shape{0}), HostArray(Shape{0, 3})});
  EXPECT_EQ(pulled.gradients[0].shape(), (Shape{0, 3}));
  for (const double number : pulled.gradients[2].numbers()) EXPECT_EQ(number, 0);
  EXPECT_EQ(pulled.gradients[2].size() + pulled.gradients[3].size(), 15 + 5);
}

TEST(Pullback, InterleavedOnesAreIndependent) {
  const Net net;
  const PullbackProgram program = compile_pullback(net.function);
  std::vector<std::vector<HostArray>> expected;
  std::vector<PullbackRun> runs;
  const std::vector<HostArray> cotangents = draw_cotangents(net.function, 19, 1);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const std::vector<HostArray> inputs = draw_inputs(net.function, 19, -1, 1, seed);
    expected.push_back(compile_pullback(net.function).run(inputs).pullback(cotangents).gradients);
    runs.push_back(program.run(inputs));
  }
  for (const std::size_t i : {1, 0, 2, 1, 0})
    expect_same_bits(runs[i].pullback(cotangents).gradients, expected[i], "of run");
  runs.erase(runs.begin());  // its memory is the next one's
  const PullbackRun another = program.run(draw_inputs(net.function, 19, -1, 1, 9));
  expect_same_bits(runs[0].pullback(cotangents).gradients, expected[1], "after another run");
}

TEST(Pullback, IsAtTheNumbersOfItsRun) {
  const Net net;
  const Parameter& weights = net.weights;
  const std::vector<HostArray> inputs = draw_inputs(net.function, 6, -1, 1, 3);
  const std::vector<HostArray> cotangents = draw_cotangents(net.function, 6, 1);
  const PullbackRun run = compile_pullback(net.function).run(inputs);
  const std::vector<HostArray> before = run.pullback(cotangents).gradients;
  for (double& weight : weights.numbers()) weight *= 2;
  expect_same_bits(run.pullback(cotangents).gradients, before, "gradient");
  const std::vector<HostArray> after = compile_pullback(net.function).run(inputs).pullback(cotangents).gradients;
  EXPECT_FALSE(after[0].same_bits(before[0]));
}

/// The same of Parameters that the work on the sums reads.
TEST(Pullback, GoesOnFromSumsAtTheNumbersOfItsRun) {
  const Parameter log("log", HostArray::vector({0.5, -0.5}));
  const Function f = trace([&](Array x) { return sum(exp(Array(log)) * x); }, {{"x", {2}}});
  const PullbackRun run = compile_pullback(f, {.wrt = {1}}).run({drawn_matrix(4, 2)});
  const std::vector<HostArray> cotangents = draw_cotangents(f, 4, 1);
  const std::vector<HostArray> before = run.pullback(cotangents).gradients;
  log.set_value(HostArray::vector({3.0, 4.0}));
  expect_same_bits(run.pullback(cotangents).gradients, before, "gradient");
}

TEST(Pullback, OutlivesItsProgramAndTheFirstOfItsCopies) {
  const Net net;
  const std::vector<HostArray> inputs = draw_inputs(net.function, 11, -1, 1, 3);
  const std::vector<HostArray> cotangents = draw_cotangents(net.function, 11, 1);
  std::optional<PullbackProgram> program = compile_pullback(net.function);
  std::optional<PullbackRun> run = program->run(inputs);
  program->run(inputs);  // is never pulled back
  const std::vector<HostArray> expected = run->pullback(cotangents).gradients;
  program.reset();
  const Pullback copy = run->pullback;
  run.reset();
  expect_same_bits(copy(cotangents).gradients, expected, "gradient");
}

TEST(Pullback, AnyThreadsCallItWhileOthersRun) {
  const Net net;
  const PullbackProgram program = compile_pullback(net.function);
  const std::vector<HostArray> inputs = draw_inputs(net.function, 50, -1, 1, 3);
  const std::vector<HostArray> cotangents = draw_cotangents(net.function, 50, 1);
  check_threads(program, inputs, cotangents, {.threads = 6, .rounds = 5});
}

TEST(Pullback, BitsDoNotDependOnThreads) {
  const Net net;
  const std::vector<HostArray> inputs = draw_inputs(net.function, 300, -1, 1, 3);
  const std::vector<HostArray> cotangents = draw_cotangents(net.function, 300, 1);
  const auto gradients = [&] { return compile_pullback(net.function).run(inputs).pullback(cotangents).gradients; };
  const std::vector<HostArray> expected = gradients();
  for (const int threads : {1, 3, 7}) {
    set_num_threads(threads);
    expect_same_bits(gradients(), expected, "gradient");
  }
  set_num_threads(0);
}

TEST(Pullback, SaysWhatIsWrong) {
  const Net net;
  const PullbackProgram program = compile_pullback(net.function);
  EXPECT_ERROR(program.run({HostArray(Shape{2, 3})}), InvalidArgument,
               "[PullbackProgram.run] the function takes 2 inputs besides its parameters; got 1.");
  EXPECT_ERROR(program.run({HostArray(Shape{2, 4}), number(1)}), ShapeError,
               "[PullbackProgram.run] input 'x' must have shape [batch] + [3]");
  const PullbackRun run = program.run({HostArray(Shape{2, 3}), number(1)});
  EXPECT_ERROR(run.pullback({HostArray(Shape{2, 5})}), InvalidArgument,
               "[Pullback] needs a cotangent for each of the 3 outputs; got 1.");
  EXPECT_ERROR(run.pullback({HostArray(Shape{2, 5}), HostArray(Shape{3}), HostArray(Shape{2, 3})}), ShapeError,
               "must have its shape in the run, [2]; got [3].");
  EXPECT_ERROR(compile_pullback(net.function, {.wrt = {4}}), InvalidArgument, "wrt names input 4");
  const Function loss = trace([&](Array x) { return sum(Array(net.weights)) * x[0]; }, {{"x", {3}}});
  EXPECT_ERROR(compile_pullback(value_and_grad(loss)), NotSupported, "'d_weights' is a sum over the batch");
}

}  // namespace
}  // namespace costate
