// Gradients of solves of numbers that stand on the card, emulated on the host, beside those of a program on the CPU.
#include "costate/adjoint/device_solver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>

#include "costate/cuda/internal/device_array.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/operations/interpolate.h"
#include "tests/cuda/drawn.h"
#include "tests/cuda/test_card.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using internal::DeviceArray;

constexpr std::int64_t kSamples = 70;  // more than a tile

/// Of a net whose weights all samples share, with a gain of each.
VectorField driven_net() {
  return vector_field(
      {2}, {{"w", {16, 2}, InputKind::kShared}, {"v", {2, 16}, InputKind::kShared}, {"gain", {}}},
      [](Array t, Array z, Array w, Array v, Array gain) { return gain * matmul(v, tanh(matmul(w, z))) * cos(t) - z; });
}

struct There {
  std::vector<HostArray> host;  // z0, the arguments, the cotangents
  std::vector<OwnedNumbers> card;

  explicit There(std::vector<HostArray> arrays) : host(std::move(arrays)) {
    for (const HostArray& array : host) {
      card.push_back(new_numbers_there(array.dtype(), array.shape()));
      const auto put = [&](const auto& numbers) {
        test::card().copy_to_device(card.back().numbers.address, numbers.data(), numbers.size_bytes());
      };
      array.dtype() == Dtype::kF32 ? put(array.data<float>()) : put(array.data<double>());
    }
  }
};

/// The states and gradients of the sum of states times cotangents by z0, arguments and times, on the CPU.
std::vector<HostArray> on_the_cpu(const VectorField& field, const SolveOptions& options, const There& there,
                                  const HostArray& times) {
  std::vector<ArgumentSpec> specs = {{"z0", there.host[0].shape().without_first()}};
  for (const ArgumentSpec& argument : field.arguments()) specs.push_back(argument);
  specs.push_back({"cotangents", there.host.back().shape().without_first()});
  specs.push_back({"times", {times.shape()[-1]}});
  const std::size_t last = specs.size() - 2;
  const Function loss = trace_list(specs, [&](std::span<const Array> inputs) {
    const Array states = solve(field, inputs[0], inputs.back(), options, inputs.subspan(1, last - 1));
    return std::vector<Array>{sum(states * inputs[last]), states};
  });
  std::vector<std::size_t> wrt(last);
  for (std::size_t i = 0; i < last; ++i) wrt[i] = i;
  wrt.push_back(last + 1);
  std::vector<HostArray> inputs = there.host;
  HostArray all(Shape{kSamples, times.shape()[-1]});
  for (std::int64_t i = 0; i < all.size(); ++i) all.set(i, times.at(i % times.size()));
  inputs.push_back(all);
  std::vector<HostArray> found = compile(value_and_grad(loss, wrt), {.dtype = options.dtype}).run(inputs).outputs;
  found.erase(found.begin());
  return found;
}

void expect_close(const HostArray& got, const HostArray& expected, double tolerance, std::size_t which) {
  ASSERT_EQ(got.shape(), expected.shape()) << which;
  double largest = 0, off = 0;
  for (std::int64_t i = 0; i < got.size(); ++i) {
    largest = std::max(largest, std::abs(expected.at(i)));
    off = std::max(off, std::isnan(got.at(i)) ? HUGE_VAL : std::abs(got.at(i) - expected.at(i)));
  }
  EXPECT_GT(largest, 0) << which;
  EXPECT_LE(off, tolerance * largest) << which;
}

DeviceSolve solve_of(const There& there, const OwnedNumbers& states, std::vector<DeviceNumbers>& arguments) {
  for (std::size_t i = 1; i + 1 < there.card.size(); ++i) arguments.push_back(there.card[i].numbers);
  return {.z0 = there.card[0].numbers, .states = states.numbers, .arguments = arguments, .stream = 5};
}

void expect_the_cpus_gradients(const VectorField& field, const SolveOptions& options, const There& there) {
  const HostArray times = HostArray::vector({0, 0.4, 1, 2.5});
  const std::vector<HostArray> expected = on_the_cpu(field, options, there, times);
  const DeviceSolver solver(field, options,
                            {.times = true, .arguments = std::vector<bool>(field.arguments().size(), true)});
  const OwnedNumbers states = new_numbers_there(options.dtype, expected[0].shape());
  std::vector<DeviceNumbers> arguments;
  const DeviceRun run = solver.run(solve_of(there, states, arguments), times);
  run.solution.check();
  EXPECT_TRUE(copied_from_there(states).same_bits(expected[0]));
  const double tolerance = options.dtype == Dtype::kF32 ? 3e-5 : 1e-13;
  for (int turn = 0; turn < 2; ++turn) {
    const DeviceGradients gradients = run.pullback(there.card.back().numbers, 6);
    expect_close(copied_from_there(gradients.z0), expected[1], tolerance, 0);
    ASSERT_EQ(gradients.arguments.size(), arguments.size());
    for (std::size_t i = 0; i < arguments.size(); ++i)
      expect_close(copied_from_there(gradients.arguments[i]), expected[2 + i], tolerance, 1 + i);
    expect_close(copied_from_there(gradients.times), expected.back(), tolerance, 9);
    EXPECT_GT(gradients.evaluations, 0);
  }
  if (test::stand_in() == nullptr) return;
  EXPECT_EQ(test::of_stand_in<std::atomic<void*>>("costate_stand_in_stream"), reinterpret_cast<void*>(6));
}

There net_there(Dtype dtype) {
  const auto drawn = [&](const Shape& shape, double low, unsigned seed) {
    return test::drawn(shape, low, 1, seed).astype(dtype);
  };
  return There({drawn({kSamples, 2}, -1, 1), drawn({16, 2}, -1, 2), drawn({2, 16}, -1, 3), drawn({kSamples}, 0.5, 4),
                drawn({kSamples, 4, 2}, -1, 5)});
}

TEST(DeviceSolver, HasTheGradientsOfTheCpu) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const There there = net_there(dtype);
    for (const SolveOptions& options : {SolveOptions{.rtol = 1e-4, .atol = 1e-5, .dtype = dtype},
                                        SolveOptions{.method = Method::kBosh3,
                                        .rtol = 1e-5,
                                        .atol = 1e-6,
                                        .gradient_steps = GradientSteps::kOff,
                                        .dtype = dtype},
                                        SolveOptions{.method = Method::kRk4, .steps_per_interval = 5, .dtype = dtype}})
      expect_the_cpus_gradients(driven_net(), options, there);
  }
}

TEST(DeviceSolver, FreesWhatItHasTaken) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  if (test::stand_in() == nullptr) GTEST_SKIP() << "counts the stand-in's blocks";
  const auto& blocks = test::of_stand_in<std::atomic<std::size_t>>("costate_stand_in_blocks");
  const std::size_t before = blocks;
  {
    std::optional<DeviceGradients> gradients;
    {
      const There there = net_there(Dtype::kF64);
      const OwnedNumbers states = new_numbers_there(Dtype::kF64, {kSamples, 2, 2});
      const OwnedNumbers cotangents = new_numbers_there(Dtype::kF64, {kSamples, 2, 2});
      std::vector<DeviceNumbers> arguments;
      const DeviceSolver solver(driven_net(), {}, {.arguments = {true, false, false}});
      const DeviceRun run = solver.run(solve_of(there, states, arguments), HostArray::vector({0, 1}));
      gradients = run.pullback(cotangents.numbers);
    }
    EXPECT_EQ(blocks, before + 2) << "the gradients by z0 and w";
    EXPECT_EQ(gradients->arguments[1].numbers.address, 0u);
  }
  EXPECT_EQ(blocks, before);
  const auto opened = reinterpret_cast<std::size_t (*)()>(::dlsym(test::stand_in(), "costate_stand_in_times_opened"));
  EXPECT_EQ(opened(), 0u) << "the card is not left open on a thread that may work on another one";
}

TEST(DeviceSolver, RefusesWhatKernelsDoNotHave) {
  test::card();
  EXPECT_ERROR(DeviceSolver(driven_net(), {.method = Method::kRodas5p}), NotSupported,
               "[solve] device = cuda does not have the method 'rodas5p', only the explicit ones yet; solve on the CPU "
               "(device = cpu).");
  EXPECT_ERROR(DeviceSolver(driven_net(), {.adjoint = Adjoint::kBacksolve}, {}), NotSupported,
               "a card has the adjoint 'discrete' alone; got 'backsolve'");
  EXPECT_ERROR(DeviceSolver(driven_net(), {}, {.arguments = {true}}), InvalidArgument,
               "wanted must say it of each of the field's 3 arguments; got 1.");
  const VectorField switched = vector_field({1}, {{"at", {}, InputKind::kShared}},
                                            [](Array t, Array z, Array at) { return where(t > at, -z, z); });
  EXPECT_TRUE(DeviceSolver(switched).reads_arguments());
  EXPECT_FALSE(DeviceSolver(driven_net()).reads_arguments());
}

}  // namespace
}  // namespace costate
