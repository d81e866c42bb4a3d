#include "tests/support/check_pullback.h"

#include <gtest/gtest.h>

#include <thread>

#include "costate/base/random.h"
#include "costate/diff/diff.h"

namespace costate::testing {

std::vector<HostArray> draw_cotangents(const Function& function, std::int64_t batch, std::uint64_t seed) {
  std::vector<HostArray> cotangents;
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    HostArray& cotangent = cotangents.emplace_back(function.output_shape(i).with_first(batch));
    for (std::int64_t k = 0; k < cotangent.size(); ++k)
      cotangent.set(k, Random(seed).uniform(i, static_cast<std::uint64_t>(k), -1, 1));
  }
  return cotangents;
}

void expect_same_bits(const std::vector<HostArray>& found, const std::vector<HostArray>& expected, const char* what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(found[i].same_bits(expected[i])) << what << " " << i << " of shape " << to_string(found[i].shape());
}

namespace {

void check_one(const Function& function, const std::vector<HostArray>& inputs, const PullbackOptions& options) {
  const PullbackRun run = compile_pullback(function, options).run(inputs);
  const std::int64_t batch = run.outputs.at(0).shape()[0];
  const std::vector<HostArray> cotangents = draw_cotangents(function, batch, 17);
  std::vector<HostArray> all = inputs;
  all.insert(all.end(), cotangents.begin(), cotangents.end());
  const RunResult at_once =
      compile(vjp(function, options.wrt), {.dtype = options.dtype, .lanes = options.lanes}).run(all);
  const auto split = at_once.outputs.begin() + static_cast<std::ptrdiff_t>(function.outputs().size());
  const std::vector<HostArray> gradients(split, at_once.outputs.end());
  expect_same_bits(run.outputs, {at_once.outputs.begin(), split}, "output");
  for (int call = 0; call < 2; ++call) {
    const PullbackResult found = run.pullback(cotangents);
    expect_same_bits(found.gradients, gradients, call == 0 ? "gradient" : "gradient of the second call");
    EXPECT_EQ(run.report.accepted + found.report.accepted, at_once.report.accepted);
    EXPECT_EQ(run.report.nfe_forward + found.report.nfe_forward, at_once.report.nfe_forward);
    EXPECT_EQ(run.report.failures.size() + found.report.failures.size(), at_once.report.failures.size());
  }
}

}  // namespace

void check_pullback(const Function& function, const std::vector<HostArray>& inputs, PullbackOptions options) {
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    SCOPED_TRACE(dtype == Dtype::kF32 ? "f32" : "f64");
    options.dtype = dtype;
    check_one(function, inputs, options);
  }
}

void check_threads(const PullbackProgram& program, const std::vector<HostArray>& inputs,
                   const std::vector<HostArray>& cotangents, const ThreadsOptions& options) {
  const PullbackRun shared = program.run(inputs);
  const std::vector<HostArray> expected = shared.pullback(cotangents).gradients;
  std::vector<std::vector<HostArray>> found(options.threads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < found.size(); ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < options.rounds; ++round)
          found[i] =
              i % 2 == 0 ? shared.pullback(cotangents).gradients : program.run(inputs).pullback(cotangents).gradients;
      });
  }
  for (const auto& gradients : found) expect_same_bits(gradients, expected, "gradient");
}

}  // namespace costate::testing
