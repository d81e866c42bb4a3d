#include "costate/exec/machine.h"

#include <algorithm>
#include <chrono>

#include "costate/base/error.h"
#include "costate/base/timing.h"
#include "costate/exec/kernels/kernels.h"

namespace costate {
namespace {

template <class T>
double peak() {
  double best = 0;
  for (int trial = 0; trial < 10; ++trial) {
    std::size_t operations = 0;
    const auto begin = std::chrono::steady_clock::now();
    // A factor that the compiler cannot know, with which the chains neither overflow nor go subnormal.
    const T end =
        internal::multiply_add_chains(std::size_t{200'000}, T{0.5} + static_cast<T>(trial) / 100, &operations);
    const double seconds = seconds_since(begin);
    COSTATE_CHECK(end > 0, "chains of positive numbers end positive");
    best = std::max(best, static_cast<double>(operations) / seconds);
  }
  return best / 1e9;
}

}  // namespace

std::string simd_target() { return internal::simd_target_name(); }

double measured_peak(Dtype dtype) { return dtype == Dtype::kF32 ? peak<float>() : peak<double>(); }

}  // namespace costate
