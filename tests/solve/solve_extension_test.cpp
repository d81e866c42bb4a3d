// What a solve in a graph says of itself, and which solves are one and the same.
#include "costate/solve/internal/solve_extension.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "costate/graph/simplify.h"

namespace costate {
namespace {

std::shared_ptr<const internal::SolveExtension> decay_with(const SolveOptions& options) {
  static const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  return std::make_shared<internal::SolveExtension>(field, options, std::vector<double>{});
}

/// Another value than the option has by default.
OptionValue other_value(const SolveOption& option) {
  const OptionValue value = option.access.get(SolveOptions{});
  if (option.kind == OptionKind::kChoice) {
    if (option.name == "method") return std::string("tsit5");
    if (option.name == "error_norm") return std::string("max");
    if (option.name == "at_min_step") return std::string("accept");
    if (option.name == "control") return std::string("joint");
    if (option.name == "first_step_rule") return std::string("hairer");
    return option.name == "adjoint" ? std::string("backsolve") : std::string("off");
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole + 1;
  if (const auto* number = std::get_if<double>(&value)) return *number + 0.25;
  return std::vector<double>{0};
}

TEST(SolveExtension, EveryOptionTellsTwoSolvesApart) {
  const auto usual = decay_with({});
  EXPECT_EQ(usual->attributes(), "method=dopri5, rtol=1e-06, atol=1e-08");
  EXPECT_TRUE(usual->equals(*decay_with({})));
  for (const SolveOption& option : solve_options()) {
    SolveOptions options;
    option.access.set(options, other_value(option));
    const auto other = decay_with(options);
    EXPECT_FALSE(usual->equals(*other)) << option.name;
    EXPECT_NE(usual->attributes(), other->attributes()) << option.name;
    EXPECT_NE(other->attributes().find(option.name + "="), std::string::npos) << other->attributes();
  }
  const auto by_norm = decay_with({.norm = trace([](Array e) { return reduce_max(abs(e), {0}); }, {{"e", {1}}})});
  EXPECT_FALSE(usual->equals(*by_norm));
  EXPECT_EQ(by_norm->attributes(), usual->attributes() + ", norm");
  EXPECT_EQ(decay_with({.nonnegative = {0}})->attributes(), usual->attributes() + ", nonnegative=[0]");
}

/// Two solves in one program that differ in one option each stay two.
TEST(SolveExtension, SolvesThatDifferInAnOptionAreNotMerged) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const auto count = [&](const SolveOptions& first, const SolveOptions& second) {
    const Function both = simplify(trace(
        [&](Array z) {
          const Array times = constant(HostArray::vector({0, 1}));
          return solve(field, z, times, first) + solve(field, z, times, second);
        },
        {{"z", {1}}}));
    return std::ranges::count_if(both.nodes(), [](const Node& node) { return node.op == Op::kExtension; });
  };
  EXPECT_EQ(count({}, {}), 1);
  EXPECT_EQ(count({}, {.nonnegative = {0}}), 2);
  EXPECT_EQ(count({}, {.adjoint = Adjoint::kBacksolve}), 2);
  EXPECT_EQ(count({}, {.error_norm = ErrorNorm::kMax}), 2);
}

}  // namespace
}  // namespace costate
