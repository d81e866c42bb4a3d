// What stands between kernels and a card, as far as a machine without one can tell.
#include "costate/cuda/internal/card.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "costate/adjoint/internal/cuda/gradient_kernel.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/kernel_cache.h"
#include "costate/cuda/internal/last_used.h"
#include "costate/cuda/internal/nvrtc.h"
#include "costate/nn/nn.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/device.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "tests/cuda/test_card.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// An environment variable for the length of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    if (value == nullptr)
      ::unsetenv(name);
    else
      ::setenv(name, value, 1);
  }
  ~Variable() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

bool has_card() {
  const Variable asked("COSTATE_CUDA", "experimental");
  try {
    internal::card();
    return true;
  } catch (const NotSupported&) {
    return false;
  }
}

Solution decay_on(Device device) {
  return solve_on(device, vector_field({2}, [](Array, Array z) { return -z; }),
                  HostArray(Shape{3, 2}, std::vector<double>{1, 2, 3, 4, 5, 6}), HostArray::vector({0, 1}));
}

TEST(Card, IsAskedForByName) {
  EXPECT_EQ(device_from_name("cuda"), Device::kCuda);
  EXPECT_EQ(name(Device::kCpu), "cpu");
  EXPECT_ERROR(device_from_name("cdua"), InvalidArgument, "did you mean 'cuda'?");
  EXPECT_TRUE(decay_on(Device::kCpu)
                  .states.same_bits(solve(vector_field({2}, [](Array, Array z) { return -z; }),
                                          HostArray(Shape{3, 2}, std::vector<double>{1, 2, 3, 4, 5, 6}),
                                          HostArray::vector({0, 1}))
                                        .states));
  const Variable unasked("COSTATE_CUDA", nullptr);
  EXPECT_ERROR(decay_on(Device::kCuda), NotSupported,
               "[cuda] kernels have not yet run on hardware; set COSTATE_CUDA=experimental in the environment to try "
               "them, or run this on the CPU (device = cpu).");
}

TEST(Card, AMachineWithoutADriverIsToldInOneSentence) {
  if (has_card()) GTEST_SKIP() << "this machine has a card";
  const Variable asked("COSTATE_CUDA", "experimental");
  EXPECT_ERROR(decay_on(Device::kCuda), NotSupported, "run this on the CPU (device = cpu).");
}

TEST(Card, SolvesAsTheCpuDoes) {
  if (!has_card()) GTEST_SKIP() << "needs a CUDA card";
  const Variable asked("COSTATE_CUDA", "experimental");
  EXPECT_TRUE(decay_on(Device::kCuda).states.same_bits(decay_on(Device::kCpu).states));
}

TEST(Card, FollowsDisturbancesAsTheCpuDoes) {
  if (!has_card()) GTEST_SKIP() << "needs a CUDA card";
  const Variable asked("COSTATE_CUDA", "experimental");
  const VectorField field = vector_field({2}, [](Array t, Array z) { return cos(t) * (2.0 - z); });
  const HostArray z0(Shape{2, 2}, std::vector<double>{2, 2, 1, 3}), times = HostArray::vector({0, 10});
  const SolveOptions guarded{.gradient_steps = GradientSteps::kOn};
  const Solution here = solve(field, z0, times, guarded), there = solve_on(Device::kCuda, field, z0, times, guarded);
  EXPECT_GT(here.accepted[0], solve(field, z0, times).accepted[0]) << "at rest the guard shortens steps";
  EXPECT_EQ(there.accepted, here.accepted);
  EXPECT_EQ(there.rejected, here.rejected);
}

TEST(KernelCache, GivesBackWhatItKeptForTheSameKey) {
  const test::Scratch scratch;
  const internal::KernelCache cache(scratch / "kernels");
  EXPECT_EQ(cache.find("a"), std::nullopt);
  const std::string code("\x7f\0code\n", 7);
  cache.keep("a", code);
  cache.keep("ab", "other");
  EXPECT_EQ(cache.find("a"), code);
  EXPECT_EQ(cache.find("ab"), "other");
  EXPECT_EQ(cache.find("b"), std::nullopt);
  // A file that another key has left under this key's name is not taken.
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "kernels"))
    scratch.write("kernels/" + entry.path().filename().string(), "1\nb code");
  EXPECT_EQ(cache.find("a"), std::nullopt);
  // A folder that cannot be made is no error.
  internal::KernelCache("/proc/no/such").keep("a", code);
}

TEST(KernelCache, StandsWhereTheEnvironmentSays) {
  const Variable named("COSTATE_KERNEL_CACHE", nullptr), xdg("XDG_CACHE_HOME", "/x"), home("HOME", "/h");
  EXPECT_EQ(internal::KernelCache::default_folder(), "/x/costate/kernels");
  const Variable unset("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(internal::KernelCache::default_folder(), "/h/.cache/costate/kernels");
  const Variable other("COSTATE_KERNEL_CACHE", "/k");
  EXPECT_EQ(internal::KernelCache::default_folder(), "/k");
}

/// And not in the folder that the process happens to run in.
TEST(KernelCache, StandsNowhereWhereTheEnvironmentHasNoFolder) {
  const Variable named("COSTATE_KERNEL_CACHE", nullptr), xdg("XDG_CACHE_HOME", nullptr), home("HOME", nullptr);
  EXPECT_EQ(internal::KernelCache::default_folder(), "");
  const test::Scratch scratch;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.folder());
  const internal::KernelCache cache(internal::KernelCache::default_folder());
  cache.keep("a", "code");
  EXPECT_EQ(cache.find("a"), std::nullopt);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.folder()));
  std::filesystem::current_path(before);
}

TEST(LastUsed, KeepsWhatWasLastAskedFor) {
  internal::LastUsed<int> values(2);
  int made = 0;
  const auto make = [&made] { return ++made; };
  EXPECT_EQ(values.of("a", make), 1);
  EXPECT_EQ(values.of("b", make), 2);
  EXPECT_EQ(values.of("a", make), 1);
  EXPECT_EQ(values.of("c", make), 3);  // in the place of b
  EXPECT_EQ(values.of("a", make), 1);
  EXPECT_EQ(values.of("b", make), 4);
  EXPECT_THROW(values.of("d", []() -> int { throw InternalError("it cannot be made"); }), InternalError);
  EXPECT_EQ(values.of("a", make), 1);
  EXPECT_EQ(values.of("b", make), 4);
}

TEST(Nvrtc, CompilesASolveForEveryArchitecture) {
  if (test::stand_in() != nullptr) GTEST_SKIP() << "this process has the stand-in of NVRTC";
  std::optional<internal::Nvrtc> nvrtc;
  try {
    nvrtc.emplace();
  } catch (const NotSupported& error) {
    GTEST_SKIP() << "needs NVRTC: " << error.what();
  }
  const Mlp net({.inputs = 3, .hidden = {12}, .outputs = 3, .seed = 2});
  const VectorField field = vector_field({3}, [&](Array t, Array z) { return net(z) * cos(t); });
  const internal::DeviceProblem problem(field, {.dtype = Dtype::kF32});
  internal::CudaSource source(256);
  internal::add_solve_kernel(source, "net", problem, 64, 160 * 1024);
  for (const char* architecture : {"sm_80", "sm_90"}) {
    const internal::CompiledKernel kernel = nvrtc->compile(source.text(), architecture);
    EXPECT_TRUE(
        kernel.code.starts_with("\x7f"
                                "ELF"))
        << architecture;
    EXPECT_NE(kernel.log.find("registers"), std::string::npos) << kernel.log;
  }
  // All that a kernel may have: tables, stops, the guard, gradients by times.
  const VectorField driven =
      vector_field({3}, {{"knots", {4}}, {"values", {4, 3}}}, [&](Array t, Array z, Array at, Array u) {
        return net(z) * cos(t) + interpolate(at, u, t, Interpolation::kCubic);
      });
  const internal::DeviceGradientProblem gradient(driven, {.dtype = Dtype::kF32},
                                                 {.times = true, .arguments = {false, true, true, true, true, true}});
  internal::CudaSource all(256);
  internal::add_solve_kernel(all, "driven", gradient.problem, 32, 160 * 1024);
  internal::add_gradient_kernels(all, "back", gradient, 32, 160 * 1024);
  for (const char* architecture : {"sm_80", "sm_90", "sm_100"})
    EXPECT_FALSE(nvrtc->compile(all.text(), architecture).code.empty()) << architecture;
  // Steps whose dense output is kept, and what is made of weights that stand there.
  const VectorField shared = vector_field({3}, {{"w", {3, 3}, InputKind::kShared}}, [&](Array t, Array z, Array w) {
    return net(z) * cos(t) + matmul(exp(w), z);
  });
  const internal::DeviceProblem dense(shared, {.dtype = Dtype::kF32}, internal::StepsAre::kDense);
  internal::CudaSource beside(256);
  internal::add_solve_kernel(beside, "dense", dense, 32, 160 * 1024);
  for (const std::string& source : {beside.text(), dense.field.prepare->of(32).source})
    EXPECT_FALSE(nvrtc->compile(source, "sm_90").code.empty());
  EXPECT_ERROR(nvrtc->compile("int x = ;", "sm_90"), InternalError, "refuses a kernel for sm_90");
}

}  // namespace
}  // namespace costate
