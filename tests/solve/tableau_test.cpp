// Proves the orders that methods.def claims, on the coefficients in long double.
#include "costate/solve/methods/tableau.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "costate/solve/methods/internal/complete.h"
#include "costate/solve/methods/internal/dop853.h"
#include "costate/solve/methods/internal/dopri5.h"
#include "costate/solve/methods/internal/dopri8.h"
#include "costate/solve/methods/internal/tsit5.h"
#include "costate/solve/methods/internal/vern7.h"
#include "costate/solve/methods/internal/vern9.h"
#include "tests/support/expect_error.h"
#include "tests/support/rooted_trees.h"

namespace costate {
namespace {

using test::RootedTree;
using Numbers = std::vector<long double>;

/// A method's coefficients before they are rounded to double.
struct ExactTableau {
  Method method;
  std::span<const long double> c, a, b, e, e_low, dense;
};

void PrintTo(const ExactTableau& exact, std::ostream* out) { *out << name(exact.method); }

template <class Published>
ExactTableau exact_tableau(Method method) {
  using Exact = internal::Complete<Published>;
  return {method, Exact::c, Exact::a, Exact::b, Exact::e, Exact::e_low, Exact::dense};
}

std::vector<ExactTableau> exact_tableaus() {
  return {
#define COSTATE_METHOD(name, spelling, order, embedded_order, dense_order, description, source) \
  exact_tableau<internal::coefficients::name>(Method::k##name),
#include "costate/solve/methods/methods.def"
#undef COSTATE_METHOD
  };
}

constexpr long double kEps = std::numeric_limits<long double>::epsilon();
// An order condition is a sum of products of at most 9 rounded factors over at most 26 stages a level: below 9 * 26
// roundings of the sum of magnitudes.
constexpr long double kRoundings = 9 * 26;
// RK8(7)13M is published as rationals good to 18 digits: sum_j a_ij - c_i is up to 1.1e-17 and the conditions hold
// to 6.5e-18.
constexpr long double kPublishedRationals = 1e-17L;
// The same errors, divided by the smallest singular value of the conditions (1e-5), in its derived dense output: 7e-15.
constexpr long double kDerivedDense = 2e-14L;

struct Conditions {
  const std::vector<RootedTree>& trees;
  std::vector<Numbers> weights;
  std::vector<Numbers> magnitudes;

  Conditions(const std::vector<RootedTree>& all_trees, const ExactTableau& exact)
      : trees(all_trees),
        weights(test::elementary_weights(all_trees, exact.a, exact.c.size())),
        magnitudes(test::elementary_weights(all_trees, exact.a, exact.c.size(), true)) {}

  /// How far `b` misses tree k's condition at theta, and how far rounding alone may take it.
  long double defect(std::span<const long double> b, std::size_t k, long double theta = 1) const {
    long double sum = 0;
    for (std::size_t i = 0; i < b.size(); ++i) sum += b[i] * weights[k][i];
    return std::abs(sum - std::pow(theta, static_cast<long double>(trees[k].nodes)) / trees[k].gamma);
  }
  long double rounding(std::span<const long double> b, std::size_t k) const {
    long double sum = 0;
    for (std::size_t i = 0; i < b.size(); ++i) sum += std::abs(b[i]) * magnitudes[k][i];
    return kRoundings * kEps * sum;
  }
  /// The largest defect among the trees of exactly `nodes` nodes.
  long double largest_defect(std::span<const long double> b, int nodes, long double theta = 1) const {
    long double largest = 0;
    for (std::size_t k = 0; k < trees.size(); ++k) {
      if (trees[k].nodes == nodes) largest = std::max(largest, defect(b, k, theta));
    }
    return largest;
  }
};

long double coefficient_error(Method method) { return method == Method::kDopri8 ? kPublishedRationals : 0; }

const std::vector<RootedTree>& trees_to_ten() {
  static const std::vector<RootedTree> trees = test::rooted_trees(10);
  return trees;
}

Numbers exact_dense_weights(const ExactTableau& exact, long double theta) {
  Numbers out(exact.c.size());
  const std::size_t degree = exact.dense.size() / exact.c.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t p = degree; p-- > 0;) out[i] = (out[i] + exact.dense[i * degree + p]) * theta;
  }
  return out;
}

class EveryTableau : public ::testing::TestWithParam<ExactTableau> {
 protected:
  const ExactTableau& exact() const { return GetParam(); }
  const Tableau& rounded() const { return tableau(exact().method); }
};

INSTANTIATE_TEST_SUITE_P(Methods, EveryTableau, ::testing::ValuesIn(exact_tableaus()),
                         [](const auto& info) { return std::string(name(info.param.method)); });

std::vector<ExactTableau> exact_pairs() {
  std::vector<ExactTableau> pairs = exact_tableaus();
  std::erase_if(pairs, [](const ExactTableau& exact) { return exact.e.empty(); });
  return pairs;
}

class EveryPair : public EveryTableau {};

INSTANTIATE_TEST_SUITE_P(Methods, EveryPair, ::testing::ValuesIn(exact_pairs()),
                         [](const auto& info) { return std::string(name(info.param.method)); });

TEST(RootedTrees, CountsAreCayleys) {
  std::vector<int> counts(11);
  for (const RootedTree& tree : trees_to_ten()) ++counts[static_cast<std::size_t>(tree.nodes)];
  EXPECT_EQ(counts, (std::vector<int>{0, 1, 1, 2, 4, 9, 20, 48, 115, 286, 719}));
}

TEST_P(EveryTableau, HasTheUniformForm) {
  const Tableau& method = rounded();
  const auto all = static_cast<std::size_t>(method.num_all_stages());
  ASSERT_EQ(method.c.size(), all);
  ASSERT_EQ(method.a.size(), all * (all - 1) / 2);
  ASSERT_EQ(method.b.size(), static_cast<std::size_t>(method.num_stages));
  ASSERT_EQ(method.dense.size(), all * static_cast<std::size_t>(method.dense_degree));
  ASSERT_EQ(method.e.size(), method.embedded_order > 0 ? method.b.size() : 0);
  const int closing = method.num_stages - 1;
  EXPECT_EQ(method.c[static_cast<std::size_t>(closing)], 1);
  EXPECT_EQ(method.b.back(), 0);
  for (int j = 0; j < closing; ++j) {
    EXPECT_EQ(method.a_row(closing)[static_cast<std::size_t>(j)], method.b[static_cast<std::size_t>(j)]);
  }
}

TEST_P(EveryTableau, RowsSumToTheNodes) {
  for (std::size_t i = 0; i < exact().c.size(); ++i) {
    long double sum = 0;
    long double magnitude = 0;
    for (std::size_t j = 0; j < i; ++j) {
      sum += exact().a[i * (i - 1) / 2 + j];
      magnitude += std::abs(exact().a[i * (i - 1) / 2 + j]);
    }
    const long double tolerance = kRoundings * kEps * magnitude + 10 * coefficient_error(exact().method);
    EXPECT_LE(std::abs(sum - exact().c[i]), tolerance) << "stage " << i;
  }
}

TEST_P(EveryTableau, HasItsOrderAndNoMore) {
  const Conditions conditions(trees_to_ten(), exact());
  for (std::size_t k = 0; k < trees_to_ten().size(); ++k) {
    if (trees_to_ten()[k].nodes > rounded().order) break;
    EXPECT_LE(conditions.defect(exact().b, k), conditions.rounding(exact().b, k) + coefficient_error(exact().method))
        << "tree " << k << " of " << trees_to_ten()[k].nodes << " nodes";
  }
  EXPECT_GT(conditions.largest_defect(exact().b, rounded().order + 1), 1e-6L);
}

void expect_companion(const ExactTableau& exact, std::span<const long double> e, int order) {
  Numbers companion(exact.b.begin(), exact.b.end());
  for (std::size_t i = 0; i < companion.size(); ++i) companion[i] -= e[i];
  const Conditions conditions(trees_to_ten(), exact);
  for (std::size_t k = 0; k < trees_to_ten().size(); ++k) {
    if (trees_to_ten()[k].nodes > order) break;
    EXPECT_LE(conditions.defect(companion, k), conditions.rounding(companion, k) + coefficient_error(exact.method))
        << "tree " << k;
  }
  EXPECT_GT(conditions.largest_defect(companion, order + 1), 1e-6L);
}

TEST_P(EveryPair, CompanionHasItsOrderAndNoMore) { expect_companion(exact(), exact().e, rounded().embedded_order); }

TEST_P(EveryPair, SecondCompanionHasItsOrderAndNoMore) {
  EXPECT_EQ(rounded().has_second_companion(), rounded().low_order > 0);
  if (rounded().has_second_companion()) expect_companion(exact(), exact().e_low, rounded().low_order);
}

/// The error that control goes by, of one step of y' = y.
double judged_error(const Tableau& method, double h) {
  std::vector<double> k;
  double error = 0, low = 0;
  for (int i = 0; i < method.num_stages; ++i) {
    double y = 1;
    for (std::size_t j = 0; j < k.size(); ++j) y += h * method.a_row(i)[j] * k[j];
    k.push_back(y);
    error += h * method.e[k.size() - 1] * y;
    if (method.has_second_companion()) low += h * method.e_low[k.size() - 1] * y;
  }
  return method.has_second_companion() ? std::sqrt(companion_square(error * error, low * low)) : std::abs(error);
}

TEST_P(EveryPair, JudgedErrorFallsWithItsOrder) {
  const double h = rounded().error_order() >= 8 ? 0.2 : rounded().error_order() > 4 ? 0.1 : 0.01;
  EXPECT_NEAR(std::log2(judged_error(rounded(), h) / judged_error(rounded(), h / 2)), rounded().error_order(), 0.3);
}

TEST(CompanionSquare, IsHairersAndKeepsWhatIsNotFinite) {
  EXPECT_DOUBLE_EQ(std::sqrt(companion_square(4, 9)), 4 / std::sqrt(4 + 0.01 * 9));
  EXPECT_EQ(companion_square(0, 0), 0);
  EXPECT_EQ(companion_square(0, 4), 0);
  EXPECT_EQ(companion_square(1e200, 0), 1e200);
  EXPECT_FALSE(std::isfinite(companion_square(1, std::numeric_limits<double>::infinity())));
  EXPECT_FALSE(std::isfinite(companion_square(std::nan(""), 1)));
}

TEST_P(EveryTableau, DenseOutputHasItsOrderAndNoMore) {
  const Conditions conditions(trees_to_ten(), exact());
  const long double extra = exact().method == Method::kDopri8 ? kDerivedDense : 0;
  for (const long double theta : {0.1L, 0.25L, 0.5L, 0.7L, 0.9L, 1.0L}) {
    const Numbers weights = exact_dense_weights(exact(), theta);
    // b_i(theta) itself cancels: its rounding is eps times the sum of its terms' magnitudes.
    Numbers terms(weights.size());
    const std::size_t degree = exact().dense.size() / weights.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      for (std::size_t p = 0; p < degree; ++p) {
        terms[i] += std::abs(exact().dense[i * degree + p]) * std::pow(theta, static_cast<long double>(p + 1));
      }
    }
    for (std::size_t k = 0; k < trees_to_ten().size(); ++k) {
      if (trees_to_ten()[k].nodes > rounded().dense_order) break;
      EXPECT_LE(conditions.defect(weights, k, theta), conditions.rounding(terms, k) + extra)
          << "tree " << k << " at theta " << theta;
    }
  }
  // Beyond its order it fails somewhere, or it would be claimed too low.
  long double beyond = 0;
  for (const long double theta : {0.2L, 0.4L, 0.75L}) {
    beyond = std::max(beyond,
                      conditions.largest_defect(exact_dense_weights(exact(), theta), rounded().dense_order + 1, theta));
  }
  EXPECT_GT(beyond, 1e-6L);
}

TEST_P(EveryTableau, DenseOutputJoinsSmoothly) {
  const Tableau& method = rounded();
  const auto all = static_cast<std::size_t>(method.num_all_stages());
  const auto closing = static_cast<std::size_t>(method.num_stages - 1);
  std::vector<double> at_start(all), at_end(all), slope_at_start(all), slope_at_end(all);
  dense_weights(method, 0, at_start);
  dense_weights(method, 1, at_end);
  dense_weight_slopes(method, 0, slope_at_start);
  dense_weight_slopes(method, 1, slope_at_end);
  for (std::size_t i = 0; i < all; ++i) {
    double magnitude = 0;
    double slope_magnitude = 0;
    for (int p = 0; p < method.dense_degree; ++p) {
      const double term = std::abs(method.dense_row(static_cast<int>(i))[static_cast<std::size_t>(p)]);
      magnitude += term;
      slope_magnitude += (p + 1) * term;
    }
    // Each coefficient is rounded once to double and each Horner step rounds once.
    const double eps = std::numeric_limits<double>::epsilon();
    EXPECT_EQ(at_start[i], 0);
    EXPECT_NEAR(at_end[i], i < method.b.size() ? method.b[i] : 0, 2 * eps * magnitude) << "stage " << i;
    EXPECT_EQ(slope_at_start[i], i == 0 ? 1 : 0) << "stage " << i;
    EXPECT_NEAR(slope_at_end[i], i == closing ? 1 : 0, 2 * eps * slope_magnitude) << "stage " << i;
  }
}

TEST_P(EveryTableau, SlopesAreTheDerivativeOfTheWeights) {
  const Tableau& method = rounded();
  const auto all = static_cast<std::size_t>(method.num_all_stages());
  // Central differences over 2^-10 err by the third derivative, at most degree^3 max |D| / 6, times 2^-20.
  const double step = 0x1p-10;
  std::vector<double> before(all), after(all), slopes(all);
  dense_weights(method, 0.5 - step, before);
  dense_weights(method, 0.5 + step, after);
  dense_weight_slopes(method, 0.5, slopes);
  for (std::size_t i = 0; i < all; ++i) {
    double third = 0;
    for (int p = 1; p <= method.dense_degree; ++p) {
      third += p * p * p * std::abs(method.dense_row(static_cast<int>(i))[static_cast<std::size_t>(p - 1)]);
    }
    EXPECT_NEAR((after[i] - before[i]) / (2 * step), slopes[i], third / 6 * step * step + 1e-12) << "stage " << i;
  }
}

TEST_P(EveryTableau, MonomialsUpToItsOrderAreExact) {
  // y' = p t^(p-1) from 0 to 1 in one step: sum_i b_i p c_i^(p-1) = 1. The quadrature rule of nodes and weights may be
  // better than the method, as that of RK8(7)13M is.
  const auto integral = [&](int power) {
    long double sum = 0;
    for (std::size_t i = 0; i < exact().b.size(); ++i) {
      sum +=
          exact().b[i] * static_cast<long double>(power) * std::pow(exact().c[i], static_cast<long double>(power - 1));
    }
    return sum;
  };
  const long double tolerance = 8 * kRoundings * kEps + 20 * coefficient_error(exact().method);
  for (int power = 1; power <= rounded().order; ++power)
    EXPECT_LE(std::abs(integral(power) - 1), tolerance) << "t^" << power;
}

TEST(Method, NamesRoundTripAndFollowTheTable) {
  EXPECT_EQ(name(Method::kDopri5), "dopri5");
  EXPECT_EQ(name(Method::kRk4Classic), "rk4_classic");
  for (Method method : explicit_methods()) {
    EXPECT_EQ(method_from_name(name(method)), method);
    EXPECT_FALSE(tableau(method).description.empty());
    EXPECT_FALSE(tableau(method).source.empty());
  }
}

TEST(Method, UnknownNameSuggestsTheNearest) {
  try {
    method_from_name("dopri");
    FAIL() << "no exception";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("unknown method 'dopri'; did you mean 'dopri5'?"), std::string::npos)
        << error.what();
  }
}

TEST(Method, NamesOfScipyAreAnsweredWithOurs) {
  EXPECT_ERROR(method_from_name("RK45"), InvalidArgument, "what SciPy's RK45 is for, 'dopri5' does here");
  EXPECT_ERROR(method_from_name("DOP853"), InvalidArgument, "'dop853' does here");
  EXPECT_ERROR(method_from_name("RK23"), InvalidArgument, "'bosh3' does here");
}

TEST(Method, ErrorEstimatesThatReadTheClosingStage) {
  EXPECT_TRUE(tableau(Method::kDopri5).error_needs_closing_stage());
  EXPECT_TRUE(tableau(Method::kTsit5).error_needs_closing_stage());
  EXPECT_TRUE(tableau(Method::kBosh3).error_needs_closing_stage());
  EXPECT_FALSE(tableau(Method::kDopri8).error_needs_closing_stage());
  EXPECT_FALSE(tableau(Method::kVern9).error_needs_closing_stage());
  EXPECT_FALSE(tableau(Method::kRk4).error_needs_closing_stage());
}

}  // namespace
}  // namespace costate
