// Solves one after the other, as many as COSTATE_SOAK_SOLVES says: the heap ends as large as it was soon after the
// start.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

/// Bytes that the C library has handed out, of all threads.
std::size_t bytes_in_use() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// What a program does with solves: batches of several sizes, by explicit and implicit methods, gradients, and all that
/// can go wrong, an error before the work and samples that fail.
class Soak {
 public:
  void solve_once(std::size_t i) {
    const auto batch = static_cast<std::int64_t>(1 + i % 9);
    const HostArray z0({batch, 2}, std::vector<double>(static_cast<std::size_t>(2 * batch),
                                                       0.5 + 0.001 * static_cast<double>(i % 97)));
    switch (i % 8) {
      case 0:
      case 1:
      case 2:
        return count(solve(field_, z0, times_));
      case 3:
        return count(solve(field_, z0, times_, {.method = Method::kRodas5p}));
      case 4:
        return count(solve(field_, z0, times_, {.method = Method::kRk4, .steps_per_interval = 4}));
      case 5:
        return count(solve(field_, z0, times_, {.max_steps = 2}));
      case 6:
        EXPECT_THROW(solve(field_, HostArray({batch, 3}), times_), ShapeError);
        return;
      default:
        numbers_ += gradient_.run({z0}).outputs[1].at(0);
    }
  }
  std::size_t failed() const { return failed_; }
  double numbers() const { return numbers_; }

 private:
  void count(const Solution& solution) {
    for (const Status status : solution.status) failed_ += status == Status::kOk ? 0 : 1;
  }

  const Parameter rate_ = Parameter("rate", HostArray::vector({0.3}));
  const VectorField field_ = vector_field({2}, [this](Array t, Array z) {
    const Array drag = rate_ * z;
    return stack({z[1], 0.1 * cos(t) - sin(z[0]) - drag[1]});
  });
  const HostArray times_ = HostArray::vector({0, 0.5, 2});
  const Program gradient_ = compile(
      value_and_grad(trace([this](Array z0) { return sum(solve(field_, z0, constant(times_))); }, {{"z0", {2}}}),
                     std::vector<Parameter>{rate_}));
  std::size_t failed_ = 0;
  double numbers_ = 0;
};

/// Bytes in use after some solves, and after all.
std::pair<std::size_t, std::size_t> soak(std::size_t solves) {
  // Buffers grow to the largest batch of each kind; from then on, nothing may.
  constexpr std::size_t kFirst = 1500;
  Soak soak;
  for (std::size_t i = 0; i < kFirst; ++i) soak.solve_once(i);
  const std::size_t before = bytes_in_use();
  for (std::size_t i = kFirst; i < solves; ++i) soak.solve_once(i);
  const std::size_t after = bytes_in_use();
  EXPECT_GT(soak.failed(), solves / 9);
  EXPECT_NE(soak.numbers(), 0);
  std::cout << solves << " solves by " << num_threads() << " threads: " << before << " bytes in use after " << kFirst
            << ", " << after << " at the end\n";
  return {before, after};
}

TEST(Soak, TheHeapDoesNotGrow) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have a heap of their own, in which nothing is counted";
#endif
  const char* wanted = std::getenv("COSTATE_SOAK_SOLVES");
  const std::size_t solves = wanted != nullptr ? std::stoul(wanted) : 6000;
  const int threads = num_threads();
  set_num_threads(1);
  const auto [before, after] = soak(solves);
  // What the C library keeps for the next call counts as in use. A leak of 8 bytes a solve would be twice as much.
  constexpr std::size_t kKept = 18'000;
  EXPECT_LE(after, before + kKept);
  // Which thread comes to which batch is chance, and with it when the buffers of each have grown; a leak of a byte a
  // solve would show in 10^6 of them.
  constexpr std::size_t kOfThreads = 500'000;
  set_num_threads(2);
  const auto [before_two, after_two] = soak(solves);
  EXPECT_LE(after_two, before_two + kOfThreads);
  set_num_threads(threads);
}

}  // namespace
}  // namespace costate
