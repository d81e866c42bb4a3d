// An ImplicitSystem at the numbers of one sample: residuals, products, factorized Jacobians, Newton's method. What a
// thread keeps for it.
#pragma once

#include <Eigen/SparseCore>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/operations/internal/implicit_system.h"
#include "costate/operations/internal/tile_evaluator.h"

namespace costate::internal {

/// J at a point, and its factors, or what ImplicitSystem::method() has in their place. The places of J are analysed
/// once; the factors stay as long as its numbers do.
class JacobianFactors {
 public:
  explicit JacobianFactors(const ImplicitSystem& system);

  /// The numbers of J in the order of ImplicitSystem::columns(). False, and no solve() after, if J is singular.
  bool set(std::span<const double> numbers);
  /// x with J x = b or J^T x = b; nothing if J is singular to rounding: b would have to be known to more digits than
  /// there are. Nor where an iteration fails.
  std::optional<Numbers> solve(Side side, const Numbers& b);
  std::optional<LinearFailure> failure() const { return solver_->failure(); }

  /// What J was evaluated at; for the owner to fill in.
  std::vector<double> point = {};
  std::int64_t num_factorizations() const { return num_factorizations_; }

 private:
  Eigen::SparseMatrix<double> matrix_;
  std::unique_ptr<SparseSolver> solver_;
  double size_ = 0;  // largest sum of |J| over a row or a column
  bool is_factorized_ = false;
  std::int64_t num_factorizations_ = 0;
};

class SampleSystem {
 public:
  explicit SampleSystem(std::shared_ptr<const ImplicitSystem> system);

  /// The arguments of the sample that all calls below are about, one behind the other as the Function takes them.
  std::vector<std::vector<double>>& arguments() { return arguments_; }

  Numbers value(const Numbers& x);
  Numbers product(Side side, const Numbers& x, const Numbers& v);
  /// J at x into `factors`, with x and the arguments as its point. False if it is singular.
  bool factorize(const Numbers& x, JacobianFactors& factors);
  /// x and the arguments, one behind the other.
  std::vector<double> point_of(const Numbers& x) const;

  /// The solution of J(x) y = b or J(x)^T y = b by factors of J at a point near x, refined until rounding is the only
  /// error; nothing if J is singular to rounding.
  std::optional<Numbers> solve_near(Side side, const Numbers& x, const Numbers& b, JacobianFactors& factors);

 private:
  std::vector<const double*> inputs_at(const Numbers& x, const double* v) const;

  std::shared_ptr<const ImplicitSystem> system_;
  std::vector<std::vector<double>> arguments_;
  TileEvaluator value_, colors_;
  std::unique_ptr<TileEvaluator> products_[2];  // by Side; made when first asked for
  AlignedVector<double> seeds_, tangents_;      // [n, kColorLanes]
  std::vector<double> numbers_;
};

/// What Newton's method came to.
struct NewtonOutcome {
  enum class End { kRoot, kSingular, kStalled, kNotConverged };  // kStalled: the iteration for a correction
  End end = End::kNotConverged;
  Numbers root;
  Numbers last;               // where the factors in hand were made: one correction before the root
  double residual = 0;        // largest |f| where it ended
  int evaluations = 0;        // of f
  LinearFailure linear = {};  // of kStalled
};

struct NewtonOptions {
  int iterations = 20;
  double tolerance = 1e-9;
};

/// Newton's method from x on, for at most `iterations` corrections and one more that shows that it has ended.
NewtonOutcome newton(SampleSystem& system, Numbers x, const NewtonOptions& options, JacobianFactors& factors);

}  // namespace costate::internal
