// Six stiff problems of the literature against their solutions (tests/support/stiff_problems.h), by the methods that
// are for them. SciPy's Radau at rtol 1e-12 gives the same solutions (stiff_references.py).
#include "tests/support/stiff_problems.h"

#include <gtest/gtest.h>

namespace costate {
namespace {

double worst_error(const stiff_set::StiffProblem& problem, const SolveOptions& options) {
  const Solution solution = solve(problem.field, stiff_set::starts(problem, 1), stiff_set::times_of(problem), options);
  solution.check();
  return stiff_set::worst_error(problem, solution);
}

/// What is allowed at each of two tolerances, by method: measured, times three to ten.
struct Allowed {
  Method method;
  double at_1e4, at_1e7;
};

void check_problem(const stiff_set::StiffProblem& problem, std::vector<Allowed> rows) {
  for (const Allowed& allowed : rows)
    for (const double rtol : {1e-4, 1e-7}) {
      SolveOptions options{.method = allowed.method, .rtol = rtol};
      for (const double atol : problem.atols) options.atols.push_back(rtol * atol);
      const double error = worst_error(problem, options), most = rtol == 1e-4 ? allowed.at_1e4 : allowed.at_1e7;
      EXPECT_LE(error, most) << problem.name << ", " << name(allowed.method) << ", rtol " << rtol;
    }
}

TEST(StiffProblems, Robertson) {
  check_problem(stiff_set::robertson(),
                {{Method::kRodas5p, 2e-3, 1e-4}, {Method::kKvaerno5, 1e-2, 3e-3}, {Method::kRadau5, 2e-4, 1e-7}});
}

TEST(StiffProblems, RobertsonWithMassConservedInPlaceOfItsThirdEquation) {
  stiff_set::StiffProblem problem = stiff_set::robertson();
  problem.field = vector_field({3}, [](Array, Array y) {
    const Array a = 0.04 * y[0], b = 1e4 * y[1] * y[2], c = 3e7 * y[1] * y[1];
    return stack({b - a, a - b - c, y[0] + y[1] + y[2] - 1.0});
  });
  for (const Method method : {Method::kRodas5p, Method::kRadau5}) {
    SolveOptions options{.method = method, .rtol = 1e-7, .atols = {1e-11, 1e-15, 1e-11}};
    options.mass_matrix = {1, 0, 0, 0, 1, 0, 0, 0, 0};
    EXPECT_LE(worst_error(problem, options), method == Method::kRadau5 ? 1e-6 : 1e-4) << name(method);
  }
}

TEST(StiffProblems, VanDerPol) {
  check_problem(stiff_set::van_der_pol(),
                {{Method::kRodas5p, 1e-2, 1e-5}, {Method::kKvaerno5, 1e-2, 1e-4}, {Method::kRadau5, 1e-2, 1e-5}});
}

TEST(StiffProblems, Hires) {
  check_problem(stiff_set::hires(),
                {{Method::kRodas5p, 1e-1, 1e-4}, {Method::kKvaerno5, 1e-1, 1e-3}, {Method::kRadau5, 1e-1, 1e-4}});
}

TEST(StiffProblems, Orego) {
  check_problem(stiff_set::orego(),
                {{Method::kRodas5p, 1e-1, 1e-4}, {Method::kKvaerno5, 1e-1, 1e-3}, {Method::kRadau5, 1e-1, 1e-4}});
}

TEST(StiffProblems, E5) {
  check_problem(stiff_set::e5(),
                {{Method::kRodas5p, 1e-2, 1e-5}, {Method::kKvaerno5, 1e-2, 1e-4}, {Method::kRadau5, 1e-2, 1e-5}});
}

TEST(StiffProblems, E5ToItsUsualEnd) {
  check_problem(stiff_set::e5_to_its_end(), {{Method::kRodas5p, 1e-2, 1e-5}, {Method::kRadau5, 1e-2, 1e-5}});
}

TEST(StiffProblems, Pollu) {
  check_problem(stiff_set::pollu(),
                {{Method::kRodas5p, 1e-2, 1e-5}, {Method::kKvaerno5, 1e-2, 1e-4}, {Method::kRadau5, 1e-2, 1e-5}});
}

}  // namespace
}  // namespace costate
