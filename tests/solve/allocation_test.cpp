// A warm solve allocates nothing. Counts calls of the global operator new of this thread; all else in this program is
// unaffected.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "costate/solve/internal/lane_solver.h"

namespace {

thread_local long allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = alignment > alignof(std::max_align_t)
                     ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                     : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

#ifndef __SANITIZE_ADDRESS__  // which has an operator new of its own
void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
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
    const LaneInputs<double> inputs{
        .z0 = z0.data(), .times = times.data(), .arguments = {}, .shared = shared.data(), .num_samples = kLanes};
    prepare_field<double>(problem, {}, shared);
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

INSTANTIATE_TEST_SUITE_P(Methods, Allocations, ::testing::ValuesIn(all_methods().begin(), all_methods().end()),
                         [](const auto& method) { return std::string(name(method.param)); });

TEST(AllocationCounter, Counts) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer counts for itself";
#endif
  const long before = allocations;
  delete new int(7);
  const long after = allocations;
  EXPECT_EQ(after, before + 1);
}

}  // namespace
}  // namespace costate::internal
