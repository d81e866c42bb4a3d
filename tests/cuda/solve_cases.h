// Solves that tests of kernels run beside the CPU's.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "costate/cuda/internal/cuda_source.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/solve.h"
#include "tests/cuda/drawn.h"
#include "tests/cuda/test_card.h"

namespace costate::test {

struct SolveCase {
  std::string name;
  VectorField field;
  HostArray z0, times;
  SolveOptions options;
  std::vector<HostArray> arguments = {};
};

/// Van der Pol's oscillator, whose stiffness is a sample's own.
inline VectorField oscillator() {
  return vector_field({2}, {{"mu", {}}}, [](Array, Array z, Array mu) {
    return concat({z.slice(1, 2), reshape(mu * (1.0 - z[0] * z[0]) * z[1] - z[0], {1})});
  });
}

inline internal::HostBatch batch_of(const SolveCase& given) {
  return {.z0 = given.z0,
          .times = given.times,
          .arguments = given.arguments,
          .sizes = {.batch = static_cast<std::size_t>(given.z0.shape()[0]),
                    .times = static_cast<std::size_t>(given.times.shape()[-1]),
                    .times_are_shared = given.times.shape().rank() == 1,
                    .state = given.z0.shape().without_first()}};
}

inline void expect_same_numbers(const std::vector<double>& got, const std::vector<double>& expected, const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))))
      FAIL() << what << ", number " << i << ": " << got[i] << " and not " << expected[i];
}

inline void expect_same_solution(const Solution& got, const Solution& expected) {
  EXPECT_EQ(got.status, expected.status);
  EXPECT_EQ(got.accepted, expected.accepted);
  EXPECT_EQ(got.rejected, expected.rejected);
  EXPECT_EQ(got.nfe, expected.nfe);
  EXPECT_EQ(got.advice, expected.advice);
  EXPECT_EQ(got.states.dtype(), expected.states.dtype());
  EXPECT_EQ(got.states.shape(), expected.states.shape());
  expect_same_numbers(got.states.numbers(), expected.states.numbers(), "states");
  expect_same_numbers(got.reached, expected.reached, "reached");
  expect_same_numbers(got.last_step, expected.last_step, "last_step");
  expect_same_numbers(got.end.times, expected.end.times, "end.times");
  expect_same_numbers(got.end.steps, expected.end.steps, "end.steps");
  expect_same_numbers(got.end.previous_log, expected.end.previous_log, "end.previous_log");
  expect_same_numbers(got.end.before_log, expected.end.before_log, "end.before_log");
  expect_same_numbers(got.end.states.numbers(), expected.end.states.numbers(), "end.states");
}

/// The same bits of all that a solve gives, on the CPU and by kernels that are all in one source. Of a case whose name
/// ends in "_tight" arrays have no room in shared memory.
inline void expect_the_cpus_bits(const std::vector<SolveCase>& cases) {
  constexpr std::size_t kSolveLanes = 8, kSolveThreads = 32;
  internal::CudaSource source(kSolveThreads);
  std::vector<internal::DeviceProblem> problems;
  std::vector<internal::KernelShape> kernels;
  for (const SolveCase& given : cases) {
    const internal::DeviceProblem& problem = problems.emplace_back(given.field, given.options);
    const std::size_t limit = given.name.ends_with("_tight") ? 1024 : 227 * 1024;
    kernels.push_back(internal::add_solve_kernel(source, given.name, problem, kSolveLanes, limit));
    EXPECT_EQ(kernels.back().global_bytes > 0, limit == 1024) << given.name;
  }
  internal::KernelDevice& device = card();
  const auto module = device.load(source.text());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const SolveCase& given = cases[i];
    const Solution expected = solve(given.field, given.z0, given.times, given.options, given.arguments);
    for (const bool backwards : {false, true}) {
      SCOPED_TRACE(given.name + (backwards ? ", backwards" : ""));
      run_backwards(backwards);
      expect_same_solution(internal::run_solve_kernel(device, *module, kernels[i], problems[i], kSolveLanes,
                                                      given.field, batch_of(given)),
                           expected);
    }
  }
}

}  // namespace costate::test
