// A warm solve allocates nothing. Counts calls of the global operator new of this thread; all else in this program is
// unaffected.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "costate/base/threads.h"
#include "costate/exec/pullback.h"
#include "costate/graph/trace.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/internal/lane_solver.h"

namespace {

thread_local long allocations = 0;

}  // namespace

#ifndef __SANITIZE_ADDRESS__  // which has an operator new of its own
namespace {

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = alignment > alignof(std::max_align_t)
                     ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                     : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // below -O2 GCC does not see that new is malloc here
void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#pragma GCC diagnostic pop
#endif

namespace costate::internal {
namespace {

class Allocations : public ::testing::TestWithParam<Method> {
 protected:
  static constexpr std::size_t kLanes = 8;

  static long of_a_warm_solve(bool keep_records) {
    const VectorField field = vector_field({2}, [](Array t, Array z) {
      return stack({z[1] + 0.1 * sin(t), -sin(z[0])});
    });
    const SolveOptions options{.method = GetParam(),
                               .steps_per_interval = tableau(GetParam()).has_error_estimate() ? 0 : 10};
    const LaneProblem<double> problem(field, options, kLanes, 4);
    LaneSolver<double> solver(problem);
    AlignedVector<double> z0(2 * kLanes), states(4 * 2 * kLanes), shared(problem.function.shared_size());
    std::vector<double> times(4 * kLanes);
    for (std::size_t i = 0; i < z0.size(); ++i) z0[i] = 0.1 * static_cast<double>(i);
    for (std::size_t i = 0; i < times.size(); ++i) times[i] = 0.7 * static_cast<double>(i / kLanes);
    prepare_field<double>(problem, {}, shared);
    const LaneInputs<double> inputs{
        .z0 = z0.data(), .times = times.data(), .arguments = {}, .shared = shared.data(), .num_samples = kLanes};
    solver.solve(inputs, keep_records, states.data());
    const long before = allocations;
    solver.solve(inputs, keep_records, states.data());
    return allocations - before;
  }
};

TEST_P(Allocations, AWarmSolveMakesNone) {
  EXPECT_EQ(of_a_warm_solve(false), 0);
  EXPECT_EQ(of_a_warm_solve(true), 0);
}

/// Those on a grid alone need a field with their memory, or one of two parts.
std::vector<Method> methods_of_any_field() {
  std::vector<Method> methods;
  for (const Method method : one_step_methods())
    if (!tableau(method).is_on_grid()) methods.push_back(method);
  return methods;
}

INSTANTIATE_TEST_SUITE_P(Methods, Allocations, ::testing::ValuesIn(methods_of_any_field()),
                         [](const auto& method) { return std::string(name(method.param)); });

TEST(Allocations, StopsOfEachSamplesOwnMakeNone) {
  constexpr std::size_t kLanes = 8;
  const VectorField field =
      vector_field({1}, {{"times", {3}}, {"values", {3, 1}}}, [](Array t, Array y, Array times, Array values) {
        return interpolate(times, values, 0.5 * t, Interpolation::kHold) - y;
      });
  const LaneProblem<float> problem(field, {.max_step = 0.5, .stop_at = {0.3}}, kLanes, 2);
  LaneSolver<float> solver(problem);
  AlignedVector<float> z0(kLanes), states(2 * kLanes), knots(3 * kLanes), values(3 * kLanes, 1), shared;
  std::vector<double> times(2 * kLanes);
  for (std::size_t i = 0; i < knots.size(); ++i)
    knots[i] = 0.5F * static_cast<float>(i / kLanes) + 0.01F * static_cast<float>(i % kLanes);
  for (std::size_t lane = 0; lane < kLanes; ++lane) times[kLanes + lane] = 3;
  const std::vector<const float*> arguments = {knots.data(), values.data()};
  prepare_field<float>(problem, arguments, shared);
  const LaneInputs<float> inputs{
      .z0 = z0.data(), .times = times.data(), .arguments = arguments, .shared = shared.data(), .num_samples = kLanes};
  solver.solve(inputs, true, states.data());
  const long before = allocations;
  solver.solve(inputs, true, states.data());
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(solver.outcomes()[0].accepted, 5);
}

TEST(Allocations, EventsMakeNone) {
  constexpr std::size_t kLanes = 8;
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], constant(-1.0)}); });
  const std::vector<SolveEvent> events = {solve_event(
                                              field, [](Array, Array z) { return z[0]; },
                                              [](Array, Array z) {
                                                return stack({0.0 * z[0], -0.9 * z[1]});
                                              },
                                              {.direction = Crossing::kFalling}),
                                          solve_event(field, [](Array, Array z) { return z[1]; })};
  const EventField joined = join_events(field, events);
  const LaneProblem<double> problem(joined.field, {}, kLanes, 2, {}, &joined);
  LaneSolver<double> solver(problem);
  AlignedVector<double> z0(2 * kLanes), states(4 * kLanes), shared;
  std::vector<double> times(2 * kLanes);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    z0[lane] = 1 + 0.1 * static_cast<double>(lane);
    times[kLanes + lane] = 8;
  }
  prepare_field<double>(problem, {}, shared);
  const LaneInputs<double> inputs{
      .z0 = z0.data(), .times = times.data(), .arguments = {}, .shared = shared.data(), .num_samples = kLanes};
  solver.solve(inputs, true, states.data());
  const long before = allocations;
  solver.solve(inputs, true, states.data());
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(solver.events()->list(0).events.size(), 4u);
}

/// What the record of a run holds serves the next run: only results are made anew, however many steps there are.
TEST(Allocations, AWarmRunWithItsPullBackMakesThoseOfItsResultsAlone) {
  set_num_threads(1);
  const auto of_a_warm_loop = [](int steps) {
    const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], -sin(z[0])}); });
    const Function end = trace(
        [&](Array z0) {
          return solve(field, z0, constant(HostArray::vector({0.0, 1.0})),
                       {.method = Method::kRk4, .steps_per_interval = steps});
        },
        {{"z0", {2}}});
    const PullbackProgram program = compile_pullback(end);
    const HostArray z0(Shape{20, 2}), cotangent(Shape{20, 2, 2});
    const auto train = [&] { program.run({z0}).pullback({cotangent}); };
    for (int warm_up = 0; warm_up < 3; ++warm_up) train();
    const long before = allocations;
    train();
    return allocations - before;
  };
  const long few = of_a_warm_loop(2);
  EXPECT_EQ(of_a_warm_loop(50), few);
  EXPECT_LT(few, 100);
  set_num_threads(0);
}

TEST(AllocationCounter, Counts) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer counts for itself";
#endif
  const long before = allocations;
  int* volatile one = new int(7);  // a pair that the compiler may not leave out
  delete one;
  const long after = allocations;
  EXPECT_EQ(after, before + 1);
}

}  // namespace
}  // namespace costate::internal
