// Functions as kernels, emulated on the host: operation by operation and program by program the bits of the CPU's
// executor. All are in one source, which is compiled once.
#include "costate/cuda/internal/batch_kernel.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/cuda/internal/cuda_source.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/convolution.h"
#include "costate/nn/nn.h"
#include "costate/operations/linear_solve.h"
#include "tests/codegen/target_functions.h"
#include "tests/cuda/test_card.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::size_t kLanes = 16, kThreads = 64;
constexpr std::int64_t kBatch = 41;  // two whole tiles and a part of one

struct KernelCase {
  std::string name;
  Function function;
  double low = -2, high = 2;  // of inputs
  double ulps = 0;            // by which it may be off
};

std::vector<KernelCase> kernel_cases() {
  std::vector<KernelCase> cases;
  // The library has an atan2 of its own, and generated source that of the C library.
  const auto is_atan2 = [](const OpInfo& op) { return op.name == "atan2"; };
  cases.push_back({"elementwise", test::elementwise_operations([&](const OpInfo& op) { return !is_atan2(op); }), 0, 1});
  cases.push_back({"atan2", test::elementwise_operations(is_atan2), 0, 1, 2});
  const Function structure = test::structure_operations();
  cases.push_back({"structure", structure});
  const std::vector<std::size_t> all = {0, 1, 2}, first = {0};
  cases.push_back({"structure_vjp", vjp(structure, all)});
  cases.push_back({"pools", test::pool_operations()});
  std::vector<Mlp> nets;
  for (const Activation activation : {Activation::kTanh, Activation::kRelu, Activation::kSigmoid, Activation::kSoftplus,
                                      Activation::kElu, Activation::kSilu, Activation::kSin})
    nets.emplace_back(MlpOptions{.inputs = 3, .hidden = {40, 9}, .outputs = 3, .activation = activation, .seed = 1});
  const Function fields = trace(
      [&](Array t, Array z) {
        Array sum_of_all = z;
        for (const Mlp& net : nets) sum_of_all = sum_of_all + net(z) * cos(t);
        return sum_of_all;
      },
      {{"t", {}}, {"z", {3}}});
  cases.push_back({"nets", fields});
  const std::vector<std::size_t> state = {1};
  cases.push_back({"nets_vjp", vjp(fields, state)});
  const Mlp net({.inputs = 2, .hidden = {16}, .outputs = 2, .seed = 4});
  const Function small = trace([&](Array z) { return net(z); }, {{"z", {2}}});
  cases.push_back({"jacobian", jacobian(small, first)});
  cases.push_back({"shared_input", trace([](Array w, Array z) { return matmul(w, z) + w[0][1] * sum(z); },
                                         {{"w", {5, 4}, InputKind::kShared}, {"z", {4}}})});
  return cases;
}

void expect_near(const HostArray& got, const HostArray& expected, double ulps, const std::string& what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const double eps = got.dtype() == Dtype::kF32 ? 0x1p-23 : 0x1p-52;
  for (std::int64_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got.at(i) - expected.at(i)) <= ulps * eps * std::abs(expected.at(i))))
      FAIL() << what << ", number " << i << ": " << got.at(i) << " and not " << expected.at(i);
}

TEST(BatchKernel, EveryProgramHasTheCpusBits) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  const std::vector<KernelCase> cases = kernel_cases();
  internal::CudaSource source(kThreads);
  std::vector<internal::KernelShape> kernels;
  // With little shared memory arrays go to the block's global memory.
  const std::vector<std::pair<Dtype, std::size_t>> variants = {
      {Dtype::kF32, 227 * 1024}, {Dtype::kF64, 227 * 1024}, {Dtype::kF32, 512}};
  const auto is_run = [](const KernelCase& given, std::size_t limit) {
    return limit > 512 || given.name.starts_with("nets");
  };
  for (const auto& [dtype, limit] : variants)
    for (const KernelCase& given : cases)
      if (is_run(given, limit))
        kernels.push_back(internal::add_batch_kernel(source, text::concat(given.name, "_", name(dtype), "_", limit),
                                                     given.function, dtype, kLanes, limit));
  internal::KernelDevice& device = test::card();
  const auto module = device.load(source.text());
  std::size_t next = 0;
  for (const auto& [dtype, limit] : variants)
    for (const KernelCase& given : cases) {
      if (!is_run(given, limit)) continue;
      const internal::KernelShape& kernel = kernels.at(next++);
      EXPECT_EQ(kernel.global_bytes > 0, limit == 512) << kernel.name;
      const std::vector<HostArray> inputs = testing::draw_inputs(given.function, kBatch, given.low, given.high, 7);
      const RunResult expected = compile(given.function, {.dtype = dtype}).run(inputs);
      for (const bool backwards : {false, true}) {
        test::run_backwards(backwards);
        const std::vector<HostArray> got =
            internal::run_batch_kernel(device, *module, kernel, given.function, dtype, kLanes, inputs);
        ASSERT_EQ(got.size(), expected.outputs.size());
        for (std::size_t i = 0; i < got.size(); ++i)
          expect_near(got[i], expected.outputs[i].astype(dtype), given.ulps,
                      text::concat(kernel.name, ", output ", i, backwards ? ", backwards" : ""));
      }
    }
}

TEST(BatchKernel, RefusesWhatItHasNoFormFor) {
  internal::CudaSource source(kThreads);
  const auto add = [&](const Function& function) {
    internal::add_batch_kernel(source, "refused", function, Dtype::kF64, kLanes, 1024);
  };
  EXPECT_ERROR(add(trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {2, 2}}, {"b", {2}}})),
               NotSupported, "[cuda] a kernel has no form for the extension 'linear_solve'; run it on the CPU.");
  EXPECT_ERROR(add(trace([](Array x, Array w) { return conv2d(x, w); }, {{"x", {1, 4, 4}}, {"w", {1, 1, 3, 3}}})),
               NotSupported, "[cuda] a kernel has no form for 'conv2d'; run it on the CPU.");
  const Mlp net({.inputs = 2, .hidden = {4}, .outputs = 1, .seed = 5});
  EXPECT_ERROR(add(value_and_grad(trace([&](Array z) { return sum(net(z)); }, {{"z", {2}}}), net.parameters())),
               NotSupported, "which is summed over the batch; run it on the CPU.");
}

}  // namespace
}  // namespace costate
