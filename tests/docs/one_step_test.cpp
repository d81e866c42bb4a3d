// docs/explain/one_step.md shows what the stages print; this test holds its blocks to what they print now, and its
// numbers to a calculation by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <iomanip>
#include <sstream>

#include "costate/costate.h"
#include "costate/plan/plan.h"

namespace costate {
namespace {

/// The block after the comment <!-- name -->.
std::string block(const std::string& name) {
  static const std::string page = read_file(std::string(COSTATE_SOURCE_DIR) + "/docs/explain/one_step.md");
  const std::string start = "<!-- " + name + " -->\n```\n";
  const std::size_t begin = page.find(start);
  if (begin == std::string::npos) return "no block '" + name + "'";
  return page.substr(begin + start.size(), page.find("```\n", begin + start.size()) - begin - start.size());
}

struct TwoNeurons {
  Parameter w{"w", HostArray({2, 2}, std::vector<double>{0.5, -1, 1, 0.25})}, b{"b", HostArray::vector({0.1, -0.2})};
  VectorField field = vector_field({2}, [this](Array, Array z) {
    const Array product = matmul(w, z);
    return tanh(product + b);
  });
};

std::vector<double> slope(const std::vector<double>& z) {
  return {std::tanh(0.5 * z[0] - 1 * z[1] + 0.1), std::tanh(1 * z[0] + 0.25 * z[1] - 0.2)};
}

TEST(OneStep, GraphsAndPlansAreThoseOfThePage) {
  const TwoNeurons two;
  const Function& f = two.field.function();
  const Function reverse = vjp(f);
  EXPECT_EQ(to_string(f), block("graph"));
  EXPECT_EQ(internal::to_string(internal::lower(f, {.lanes = 4, .late_inputs = {}})), block("plan"));
  EXPECT_EQ(to_string(reverse), block("vjp"));
  EXPECT_EQ(internal::to_string(internal::lower(reverse, {.lanes = 4, .late_inputs = {4}})), block("vjp plan"));
}

TEST(OneStep, NumbersAreThoseOfThePageAndOfAPencil) {
  const TwoNeurons two;
  const SolveOptions options{.method = Method::kMidpoint, .steps_per_interval = 1};
  const Function loss = trace(
      [&](Array z0) {
        return solve(two.field, z0, constant(HostArray::vector({0, 0.5})), options)[1][0];
      },
      {{"z0", {2}}});
  const std::vector<std::size_t> wrt = {0};
  const RunResult result = compile(value_and_grad(loss, wrt)).run({HostArray({1, 2}, std::vector<double>{1, 0.5})});

  const std::vector<double> y = {1, 0.5}, k0 = slope(y), middle = {y[0] + 0.25 * k0[0], y[1] + 0.25 * k0[1]},
                            k1 = slope(middle);
  const std::vector<double> y1 = {y[0] + 0.5 * k1[0], y[1] + 0.5 * k1[1]};
  // L = y1[0]: its cotangent (1, 0) goes back through k1, the middle, k0 and y.
  const auto through = [](const std::vector<double>& k, const std::vector<double>& bar) {
    const std::vector<double> before = {bar[0] * (1 - k[0] * k[0]), bar[1] * (1 - k[1] * k[1])};
    return std::vector<double>{0.5 * before[0] + before[1], -before[0] + 0.25 * before[1]};
  };
  const std::vector<double> middle_bar = through(k1, {0.5, 0});
  const std::vector<double> start_bar = through(k0, {0.25 * middle_bar[0], 0.25 * middle_bar[1]});
  const std::vector<double> z0_bar = {1 + middle_bar[0] + start_bar[0], middle_bar[1] + start_bar[1]};
  EXPECT_NEAR(result.outputs[0].at(0), y1[0], 1e-15);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(result.outputs[1].at(static_cast<std::int64_t>(i)), z0_bar[i], 1e-15);

  std::ostringstream numbers;
  numbers << std::fixed << std::setprecision(6) << "k0     " << k0[0] << " " << k0[1] << "\nmiddle " << middle[0] << " "
          << middle[1] << "\nk1     " << k1[0] << " " << k1[1] << "\ny1     " << y1[0] << " " << y1[1] << "\ndL/dz0 "
          << z0_bar[0] << " " << z0_bar[1] << "\n";
  EXPECT_EQ(numbers.str(), block("numbers"));
}

}  // namespace
}  // namespace costate
